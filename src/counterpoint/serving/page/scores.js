// The verdict of the run, and its scores beside their baselines.

import { get } from "./api.js";
import { byId, element, fill } from "./dom.js";

const LEVELS = { good: "Good", warning: "Warning", bad: "Bad" };
const COLUMNS = ["", "Accuracy", "95 % interval", "Trained better by", "95 % interval"];

export async function showScores() {
  const { headline, verdicts, scores } = await get("/run");
  fill(byId("scores"), headline?.sentence && verdict(headline), verdicts.map(verdict), scores.map(table));
}

function verdict({ level, sentence }) {
  return element("p", { class: `verdict ${level}` }, element("b", {}, LEVELS[level] ?? level), sentence);
}

function table({ title, sentence, rows }) {
  const cell = (text) => element("td", { class: "number" }, text);
  const head = COLUMNS.map((name, i) => element("th", { scope: "col", class: i ? "number" : "" }, name));
  const body = rows.map((row, i) =>
    element(
      "tr",
      { class: i ? "" : "trained" },
      element("th", { scope: "row" }, row.name),
      [row.value, row.interval, row.better, row.between].map(cell),
    ),
  );
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
    element(
      "table",
      {},
      element("caption", {}, element("b", {}, title), ` ${sentence}`),
      element("thead", {}, element("tr", {}, head)),
      element("tbody", {}, body),
    ),
  );
}
