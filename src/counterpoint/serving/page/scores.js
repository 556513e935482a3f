// Whether the run is of use: its verdict in sentences, its scores beside their baselines.

import { get } from "./api.js";
import { byId, fill, make } from "./dom.js";

const NAMES = { good: "Good", warning: "Warning", bad: "Bad" };

const sentence = ({ level, sentence: text }) => make("p", { class: `verdict ${level}` }, make("b", {}, NAMES[level] ?? level), text);

function table(score) {
  const head = ["", "Accuracy", "95 % interval", "Better by", "between"];
  return make("div", { class: "wide" }, make("table", {},
    make("caption", {}, `${score.title}. ${score.sentence}`),
    make("thead", {}, make("tr", {}, head.map((name, place) => make("th", { scope: "col", class: place ? "number" : "" }, name)))),
    make("tbody", {}, score.rows.map((row, place) => make("tr", { class: place ? "" : "trained" },
      make("th", { scope: "row" }, row.name),
      [row.value, row.interval, row.better, row.between].map((cell) => make("td", { class: "number" }, cell)))))));
}

export async function showScores() {
  const { headline, verdicts, scores } = await get("/run");
  fill(byId("scores"),
    headline?.sentence ? sentence(headline) : null,
    ...verdicts.map(sentence),
    ...scores.map(table));
}
