// The categories that colour the map; pressing one shows it alone.

import { get, retryWhileBusy } from "./api.js";
import { announce, byId, counted, element, fill, number } from "./dom.js";

export const COLOURS = 10; // categories with a colour of their own

// The category of every row, by a column or by cluster; the legend calls isolate(category or -1).
export async function loadCategories(by, isolate) {
  const result = await retryWhileBusy(() => get(`/map/categories?by=${encodeURIComponent(by)}`));
  showLegend(result, isolate);
  return Uint8Array.from(result.categories, (category) => Math.min(category, COLOURS));
}

function showLegend({ names, counts }, isolate) {
  const buttons = names.map((name, category) => {
    const dot = element("i", { "aria-hidden": "true" });
    dot.style.background = category < COLOURS ? `var(--g${category})` : "var(--grey)";
    const toggle = () => {
      const isolated = buttons[category].getAttribute("aria-pressed") !== "true";
      buttons.forEach((each, i) => each.setAttribute("aria-pressed", String(isolated && i === category)));
      isolate(isolated ? category : -1);
      announce(isolated ? `Only ${name}: ${counted(counts[category], "item")}.` : "All categories.");
    };
    return element(
      "button",
      { type: "button", "aria-pressed": "false", onclick: toggle },
      dot,
      element("span", { class: "name" }, name),
      element("small", {}, number(counts[category])),
    );
  });
  fill(
    byId("legend"),
    buttons.map((button) => element("li", {}, button)),
  );
}
