// Helpers to build the page. Everything from the server becomes text nodes and attributes, never HTML.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

// element("button", { class: "why", onclick: explain, "aria-pressed": "true" }, "Why?")
export function element(tag, attributes = {}, ...children) {
  const svg = tag === "svg" || tag === "polyline";
  const result = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) result.addEventListener(name.slice(2), value);
    else result.setAttribute(name, value === true ? "" : value);
  }
  result.append(...present(children));
  return result;
}

export const fill = (parent, ...children) => parent.replaceChildren(...present(children));

const present = (children) =>
  children.flat().filter((each) => each !== null && each !== undefined && each !== false && each !== "");

const ANNOUNCED = 6000; // milliseconds

let clearing = 0;

// Shown for a moment, and read out by screen readers.
export function announce(text) {
  const status = byId("status");
  status.textContent = text;
  clearTimeout(clearing);
  clearing = setTimeout(() => status.replaceChildren(), ANNOUNCED);
}

export function showError(error) {
  byId("error").textContent = error ? (error.message ?? String(error)) : "";
  byId("error").hidden = !error;
}

// Wraps an event handler: whatever it throws is shown as an error.
export const handled =
  (handler) =>
  async (...inputs) => {
    showError(null);
    try {
      return await handler(...inputs);
    } catch (error) {
      showError(error);
      return undefined;
    }
  };

export const number = (value) => value.toLocaleString("en");

export const counted = (count, singular, plural = `${singular}s`) =>
  `${number(count)} ${count === 1 ? singular : plural}`;
