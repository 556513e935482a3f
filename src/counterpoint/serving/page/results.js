// Items as cards: their picture, what they say, and what can be done with them.

import { byId, counted, fill, make } from "./dom.js";

const SHOWN = 48;

export function picture(card, side = 256) {
  if (!card.picture) return null;
  const image = make("img", { src: `${card.picture}?side=${side}`, alt: card.name, loading: "lazy", decoding: "async" });
  image.addEventListener("load", () => image.classList.toggle("pixels", image.naturalWidth <= 64 && image.naturalHeight <= 64));
  return image;
}

export function contents(card, letters = 240) {
  if (card.text !== undefined) return make("p", { class: "text" }, card.text.length > letters ? `${card.text.slice(0, letters)} ...` : card.text);
  if (!card.cells) return null;
  return make("dl", { class: "cells" }, card.cells.map((cell) => make("div", {}, make("dt", {}, cell.name), make("dd", {}, curve(cell)))));
}

function curve(cell) {
  if (!cell.points) return cell.text;
  return make("svg", { viewBox: "0 0 120 28", class: "trace", role: "img", "aria-label": cell.text }, make("polyline", { points: cell.points }));
}

function shown(card, hit, actions, selected) {
  const facts = [hit && make("b", {}, hit.similarity.toFixed(3)), card.label !== undefined && make("span", { class: "label" }, card.label)];
  const why = actions.why && selected !== null && selected !== card.row;
  return make("li", { class: "card", "data-row": card.row },
    make("button", { type: "button", class: "pick", "aria-label": `${card.name}: show what is like it`, onclick: () => actions.pick(card.row) },
      picture(card) ?? contents(card, 160) ?? make("span", { class: "name" }, card.name)),
    make("p", { class: "facts" }, facts.filter(Boolean).flatMap((each, place) => (place ? [" ", each] : [each]))),
    make("p", { class: "name", title: card.name }, card.name),
    why && make("button", { type: "button", class: "why", "aria-label": `Why is ${card.name} alike?`, onclick: () => actions.why(selected, card.row) }, "Why alike?"));
}

// What is most alike to something: the query first, if it is an item, then the hits.
export function showHits(title, query, cards, hits, actions) {
  const selected = query ? query.row : null;
  const items = cards.map((card, place) => shown(card, hits[place], actions, selected));
  fill(byId("results-title"), title);
  fill(byId("results"),
    query && make("div", { class: "query" }, picture(query, 512), make("div", {}, make("p", { class: "name" }, query.name), query.label !== undefined && make("p", { class: "facts" }, query.label), contents(query, 1000))),
    items.length ? make("ol", { class: query?.picture || cards[0]?.picture ? "cards" : "cards wide", "aria-label": "The most alike first" }, items) : make("p", { class: "missing" }, "Nothing was found."));
}

// Items that were chosen together, on the map or by a filter; more of them are shown on request.
export async function showSome(title, rows, load, actions, selected) {
  const list = make("ol", { class: "cards", "aria-label": title }), more = make("button", { type: "button" });
  let shownSoFar = 0;
  async function next() {
    const cards = await load(rows.slice(shownSoFar, shownSoFar + SHOWN));
    list.classList.toggle("wide", !cards[0]?.picture);
    list.append(...cards.map((card) => shown(card, null, actions, selected)));
    shownSoFar += cards.length;
    more.hidden = shownSoFar >= rows.length;
    more.textContent = `Show ${Math.min(SHOWN, rows.length - shownSoFar)} more of ${counted(rows.length, "item")}`;
  }
  more.addEventListener("click", next);
  fill(byId("results-title"), title);
  fill(byId("results"), list, more);
  await next();
}
