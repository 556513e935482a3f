// Why two items are alike: which part of the one goes with which part of the other.

import { patiently, post } from "./api.js";
import { byId, fill, make } from "./dom.js";
import { contents, picture } from "./results.js";

const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(4)}`;

export async function showWhy(cards) {
  const [a, b] = cards, dialog = byId("why");
  fill(byId("why-body"), make("p", { class: "missing", role: "status" }, "Parts are left out in many combinations, to see what that does. A moment."));
  dialog.showModal();
  const result = await patiently(() => post("/explain", { a: a.row, b: b.row }));
  const sides = [side("a", a, result), side("b", b, result)];
  const list = pairs(result, sides);
  sides.forEach((each, number) => each.listen((place) => light(sides[1 - number], place === null ? null : row(result.table, number, place))));
  fill(byId("why-body"),
    make("p", { class: result.explained ? "verdict good" : "verdict warning" }, make("b", {}, result.explained ? "Explained by parts" : "Not explained by parts"), result.summary),
    make("div", { class: "pair" }, sides.map((each) => each.element)),
    make("h3", {}, "Which parts go together"),
    list,
    areas(result),
    ...neighbours(result));
}

// Row of the table for a part of the first item, column for one of the second.
const row = (table, number, place) => (number === 0 ? table[place] : table.map((each) => each[place]));

function side(letter, card, result) {
  const names = result[`parts_${letter}`], places = result[`places_${letter}`], stands = result[`contents_${letter}`];
  const pictured = Boolean(card.picture);
  const cells = names.map((name, place) => {
    const cell = make("span", { class: "part" }, pictured ? "" : stands[place] && stands[place] !== name ? `${name} ${stands[place]}` : name);
    if (pictured) {
      const [left, top, right, bottom] = places[place].map((share) => 100 * share);
      cell.style.cssText = `left:${left}%;top:${top}%;width:${right - left}%;height:${bottom - top}%`;
    }
    return cell;
  });
  const shown = pictured ? make("div", { class: "cut" }, picture(card, 512), cells) : make("p", { class: "words" }, cells.flatMap((cell) => [cell, " "]));
  return {
    cells,
    element: make("figure", {}, make("figcaption", {}, `${letter.toUpperCase()}: ${card.name}`), shown, pictured ? null : card.cells && contents(card)),
    listen(heard) {
      cells.forEach((cell, place) => {
        cell.addEventListener("pointerenter", () => heard(place));
        cell.addEventListener("pointerleave", () => heard(null));
      });
    },
  };
}

function light(other, values) {
  const most = values ? Math.max(1e-9, ...values.map(Math.abs)) : 1;
  other.cells.forEach((cell, place) => {
    cell.style.setProperty("--share", values ? Math.max(0, values[place] / most) : 0);
    cell.classList.toggle("against", Boolean(values) && values[place] < -most / 4);
  });
}

function pairs(result, sides) {
  const named = (letter, place) => {
    const name = result[`parts_${letter}`][place], stands = result[`contents_${letter}`][place];
    return stands && stands !== name ? `${name} ${stands}` : name;
  };
  const choose = (first, second, on) => {
    sides[0].cells[first].classList.toggle("chosen", on);
    sides[1].cells[second].classList.toggle("chosen", on);
  };
  const numbers = new Map();
  result.strongest.forEach(([first, second], place) => {
    for (const cell of [sides[0].cells[first], sides[1].cells[second]]) numbers.set(cell, [...(numbers.get(cell) ?? []), place + 1]);
  });
  for (const [cell, some] of numbers) {
    cell.classList.add("numbered");
    cell.append(make("sup", { "aria-hidden": "true" }, some.join(",")));
  }
  return make("ol", { class: "pairs" }, result.strongest.map(([first, second]) => make("li", {},
    make("button", {
      type: "button", onfocus: () => choose(first, second, true), onblur: () => choose(first, second, false),
      onpointerenter: () => choose(first, second, true), onpointerleave: () => choose(first, second, false),
    }, `${named("a", first)} with ${named("b", second)}: `, make("b", {}, signed(result.table[first][second])),
    result.clear[first][second] ? "" : " (may be chance)"))));
}

function areas(result) {
  const sentence = (name, what) => {
    const area = result[name];
    return make("li", {}, `${what} in this order, ${signed(area.difference)} against a random order (${signed(area.low)} to ${signed(area.high)}).`);
  };
  return make("details", {}, make("summary", {}, "How far to trust this"),
    make("ul", {}, make("li", {}, `On fresh combinations of parts, R\u00b2 ${result.r2.toFixed(2)}.`), sentence("deletion", "Leaving parts out"), sentence("insertion", "Putting parts in")));
}

function neighbours(result) {
  return ["a", "b"].filter((letter) => result[`neighbours_${letter}`]?.length).map((letter) => make("div", {},
    make("h3", {}, `Nearest to ${letter.toUpperCase()}`),
    make("ul", {}, result[`neighbours_${letter}`].map((each) => make("li", {}, `${each.similarity.toFixed(3)} ${each.name}`)))));
}
