// What is under the pointer and under the keyboard cross; requested once it rests there.

import { getItems } from "./api.js";
import { picture } from "./cards.js";
import { announce, byId, element, fill, handled } from "./dom.js";

const POINTER_REST = 60; // milliseconds
const CROSS_REST = 200;
const TEXT = 120; // characters

// Calls the handler with the latest inputs only, once there are no others for a while.
function debounced(handler, delay) {
  let timer = 0;
  return (...inputs) => {
    clearTimeout(timer);
    timer = setTimeout(handled(handler), delay, ...inputs);
  };
}

export function tooltip() {
  const tip = byId("tip");
  const cache = new Map();
  let current = -1;
  const show = debounced(async (row, x, y) => {
    if (row < 0) return;
    if (!cache.has(row)) cache.set(row, (await getItems([row]))[0]);
    if (row !== current) return; // the pointer has left it
    const item = cache.get(row);
    fill(
      tip,
      picture(item, 128, ""),
      element("b", {}, item.name),
      item.label && element("span", {}, item.label),
      item.text && element("span", {}, item.text.slice(0, TEXT)),
    );
    tip.hidden = false;
    place(tip, x, y);
  }, POINTER_REST);
  return (row, x, y) => {
    if (row === current) return;
    current = row;
    tip.hidden = true;
    show(row, x, y);
  };
}

// Beside the pointer, inside of the map.
function place(tip, x, y) {
  const { clientWidth: width, clientHeight: height } = byId("plane");
  const left = x + 14 + tip.offsetWidth > width ? x - 14 - tip.offsetWidth : x + 14;
  const top = Math.min(y + 14, height - tip.offsetHeight - 4);
  tip.style.left = `${Math.max(0, left)}px`;
  tip.style.top = `${Math.max(0, top)}px`;
}

export function crossAnnouncer() {
  return debounced(async (row) => {
    announce(row < 0 ? "No item near the cross." : `Near the cross: ${(await getItems([row]))[0].name}`);
  }, CROSS_REST);
}
