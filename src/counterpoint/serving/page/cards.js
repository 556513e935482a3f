// Items as cards: picture, text or columns, with the label and the similarity.

import { getItems } from "./api.js";
import { byId, counted, element, fill } from "./dom.js";

const PAGE = 48; // cards of a selection that are shown at a time
const PIXELATED = 64; // pixels up to which a picture is enlarged without smoothing
const TEXT = 160; // characters of a text on a card

export function picture(item, side = 256, alt = item.name) {
  if (!item.picture) return null;
  const source = `${item.picture}?side=${side}`;
  const image = element("img", { src: source, alt, loading: "lazy", decoding: "async" });
  image.addEventListener("load", () => {
    image.classList.toggle("pixels", Math.max(image.naturalWidth, image.naturalHeight) <= PIXELATED);
  });
  return image;
}

// The text of an item, or its columns; null if its name is all there is.
export function contents(item, characters = 1000) {
  if (item.text !== undefined) {
    const text = item.text.length > characters ? `${item.text.slice(0, characters)} ...` : item.text;
    return element("p", { class: "text" }, text);
  }
  if (!item.cells) return null;
  const cells = item.cells.map((cell) =>
    element("div", {}, element("dt", {}, cell.name), element("dd", {}, cell.points ? curve(cell) : cell.text)),
  );
  return element("dl", { class: "cells" }, cells);
}

function curve(cell) {
  const attributes = { viewBox: "0 0 120 28", class: "trace", role: "img", "aria-label": cell.text };
  return element("svg", attributes, element("polyline", { points: cell.points }));
}

// actions: pick(row), and explain(row, row) where items have parts.
function card(item, similarity, actions, selected) {
  const image = picture(item, 256, "");
  const canExplain = actions.explain && selected !== null && selected !== item.row;
  const button = (name, text, onclick) =>
    element("button", { type: "button", class: name, "aria-label": `${text} ${item.name}`, onclick }, text);
  const pick = () => actions.pick(item.row);
  return element(
    "li",
    { class: "card", "data-row": item.row },
    image
      ? element(
          "button",
          { type: "button", class: "pick", "aria-label": `Similar to ${item.name}`, onclick: pick },
          image,
        )
      : contents(item, TEXT),
    element("p", { class: "facts" }, similarity !== null && element("b", {}, `${similarity.toFixed(3)} `), item.label),
    element("p", { class: "name", title: item.name }, item.name),
    element(
      "div",
      { class: "actions" },
      !image && button("pick", "Similar items", pick),
      canExplain && button("why", "Why similar?", () => actions.explain(selected, item.row)),
    ),
  );
}

function query(item) {
  return element(
    "div",
    { class: "query" },
    picture(item, 512),
    element(
      "div",
      {},
      element("p", { class: "name" }, item.name),
      item.label && element("p", { class: "facts" }, item.label),
      contents(item),
    ),
  );
}

// The items most similar to a query, which is shown above them if it is itself an item.
export function showHits(title, queryItem, items, hits, actions) {
  const selected = queryItem ? queryItem.row : null;
  const cards = items.map((item, i) => card(item, hits[i].similarity, actions, selected));
  const pictures = Boolean(items[0]?.picture);
  showTitle(title);
  fill(
    byId("results"),
    queryItem && query(queryItem),
    cards.length
      ? element("ol", { class: pictures ? "cards" : "cards wide", "aria-label": "Most similar first" }, cards)
      : element("p", { class: "note" }, "No item passes the filter."),
  );
}

// Selected items, in pages.
export async function showSelection(title, rows, actions, selected) {
  const list = element("ol", { class: "cards", "aria-label": title });
  const more = element("button", { type: "button", class: "more" });
  let shown = 0;
  async function showMore() {
    const items = await getItems(rows.slice(shown, shown + PAGE));
    list.classList.toggle("wide", !items[0]?.picture);
    list.append(...items.map((item) => card(item, null, actions, selected)));
    shown += items.length;
    more.hidden = shown >= rows.length;
    more.textContent = `Show ${Math.min(PAGE, rows.length - shown)} more of ${counted(rows.length, "item")}`;
  }
  more.addEventListener("click", showMore);
  showTitle(title);
  fill(byId("results"), list, more);
  await showMore();
}

// On a narrow screen the results are below the map, so they are scrolled to.
function showTitle(title) {
  const heading = byId("results-title");
  heading.textContent = title;
  if (heading.getBoundingClientRect().top > innerHeight) heading.scrollIntoView();
}
