// Why two items are similar: which parts of one match which parts of the other.

import { post, retryWhileBusy } from "./api.js";
import { contents, picture } from "./cards.js";
import { byId, element, fill } from "./dom.js";

const ALONE = 5; // parts that are listed by themselves

const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(4)}`;

export async function showExplanation(itemA, itemB) {
  const body = byId("why-body");
  fill(body, element("p", { class: "note", role: "status" }, "Encoding both items with many masks. A moment."));
  byId("why").showModal();
  const result = await retryWhileBusy(() => post("/explain", { a: itemA.row, b: itemB.row }));
  const sideA = new Side("a", itemA, result);
  const sideB = new Side("b", itemB, result);
  sideA.onhover = (part) => sideB.shade(part === null ? null : result.table[part]);
  sideB.onhover = (part) => sideA.shade(part === null ? null : result.table.map((row) => row[part]));
  fill(
    body,
    verdict(result),
    element("div", { class: "pair" }, sideA.figure, sideB.figure),
    element("h3", {}, "Strongest pairs of parts"),
    strongestPairs(result, sideA, sideB),
    evidence(result),
    !result.explained && element("div", { class: "pair" }, alone(sideA, result, "a"), alone(sideB, result, "b")),
  );
}

function verdict({ explained, summary }) {
  const title = explained ? "Explained by parts" : "Not explained by parts";
  return element("p", { class: `verdict ${explained ? "good" : "warning"}` }, element("b", {}, title), summary);
}

// One of the two items, cut into its parts.
class Side {
  constructor(letter, item, result) {
    this.names = result[`parts_${letter}`];
    this.contents = result[`contents_${letter}`];
    this.onhover = () => {};
    this.parts = this.names.map((_, part) => this.part(part, item.picture && result[`places_${letter}`][part]));
    const shown = item.picture
      ? element("div", { class: "cut" }, picture(item, 512), this.parts)
      : element(
          "p",
          { class: "words" },
          this.parts.flatMap((part) => [part, " "]),
        );
    const caption = element("figcaption", {}, `${letter.toUpperCase()}: ${item.name}`);
    this.figure = element("figure", {}, caption, shown, !item.picture && item.cells && contents(item));
  }

  part(part, box) {
    const result = element("span", { class: "part" }, box ? "" : this.label(part));
    if (box) {
      const [left, top, right, bottom] = box.map((share) => 100 * share);
      result.style.cssText = `left:${left}%;top:${top}%;width:${right - left}%;height:${bottom - top}%`;
    }
    result.addEventListener("pointerenter", () => this.onhover(part));
    result.addEventListener("pointerleave", () => this.onhover(null));
    return result;
  }

  label(part) {
    const name = this.names[part];
    const content = this.contents[part];
    return content && content !== name ? `${name} ${content}` : name;
  }

  // Colour the parts by their values for one part of the other item.
  shade(values) {
    const most = values ? Math.max(1e-9, ...values.map(Math.abs)) : 1;
    this.parts.forEach((part, i) => {
      part.style.setProperty("--share", values ? Math.max(0, values[i] / most) : 0);
      part.classList.toggle("against", Boolean(values) && values[i] < -most / 4);
    });
  }

  highlight(part, on) {
    this.parts[part].classList.toggle("chosen", on);
  }

  number(part, numbers) {
    this.parts[part].classList.add("numbered");
    this.parts[part].append(element("sup", { "aria-hidden": "true" }, numbers.join(",")));
  }
}

function strongestPairs(result, sideA, sideB) {
  for (const [side, end] of [
    [sideA, 0],
    [sideB, 1],
  ]) {
    const numbers = new Map();
    result.strongest.forEach((pair, i) => numbers.set(pair[end], [...(numbers.get(pair[end]) ?? []), i + 1]));
    for (const [part, some] of numbers) side.number(part, some);
  }
  const pairs = result.strongest.map(([partA, partB]) => {
    const highlight = (on) => () => {
      sideA.highlight(partA, on);
      sideB.highlight(partB, on);
    };
    const show = highlight(true);
    const hide = highlight(false);
    const clear = result.clear[partA][partB];
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", onfocus: show, onblur: hide, onpointerenter: show, onpointerleave: hide },
        `${sideA.label(partA)} with ${sideB.label(partB)}: `,
        element("b", {}, signed(result.table[partA][partB])),
        !clear && element("span", { class: "unclear" }, " (not significant)"),
      ),
    );
  });
  return element("ol", { class: "pairs" }, pairs);
}

// How far the explanation can be trusted.
function evidence({ r2, deletion, insertion }) {
  const sentence = (order, { difference, low, high }) =>
    `${order} in this order: ${signed(difference)} against a random order, ${signed(low)} to ${signed(high)}`;
  return element(
    "details",
    {},
    element("summary", {}, "Can it be trusted?"),
    element(
      "ul",
      {},
      element("li", {}, `R\u00b2 ${r2.toFixed(2)} on masks that it was not fitted on.`),
      element("li", {}, sentence("Deleting parts", deletion)),
      element("li", {}, sentence("Inserting parts", insertion)),
    ),
  );
}

// Of a pair that parts do not explain: what each part does by itself, and what else is near.
function alone(side, result, letter) {
  const singles = result[`singles_${letter}`];
  const strongest = singles.map((_, part) => part).sort((p, q) => Math.abs(singles[q]) - Math.abs(singles[p]));
  const list = (items) =>
    element(
      "ul",
      {},
      items.map((text) => element("li", {}, text)),
    );
  return element(
    "section",
    {},
    element("h3", {}, `Main effects in ${letter.toUpperCase()}`),
    list(strongest.slice(0, ALONE).map((part) => `${side.label(part)}: ${signed(singles[part])}`)),
    element("h3", {}, `Nearest to ${letter.toUpperCase()}`),
    list(result[`neighbours_${letter}`].map(({ name, similarity }) => `${similarity.toFixed(3)} ${name}`)),
  );
}
