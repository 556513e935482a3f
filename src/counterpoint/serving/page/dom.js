// Elements made by hand: whatever comes from the server is text, never HTML.

export const byId = (id) => document.getElementById(id);

// make("button", { class: "why", onclick: f, "aria-pressed": "true" }, "Why?")
export function make(tag, given = {}, ...children) {
  const svg = tag === "svg" || tag === "polyline";
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

export const fill = (element, ...children) => element.replaceChildren(...children.flat().filter(Boolean));

export const say = (text) => { byId("status").textContent = text; };

export function complain(wrong) {
  byId("problem").textContent = wrong ? wrong.message ?? String(wrong) : "";
  byId("problem").hidden = !wrong;
}

export const counted = (count, one) => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;

// Runs a handler; what goes wrong in it is told in a sentence.
export const careful = (handler) => async (...given) => {
  complain(null);
  try { return await handler(...given); } catch (wrong) { complain(wrong); }
};
