// Starts the page: what is served decides which views and controls there are.

import { get } from "./api.js";
import { byId, counted, handled, showError } from "./dom.js";
import { Explore } from "./explore.js";
import { Review } from "./review.js";
import { showScores } from "./scores.js";

const VIEWS = ["explore", "review", "scores"];
const FILTER_COLUMNS = 8; // named in the help of the filter

function showView() {
  const name = location.hash.slice(1);
  const current = VIEWS.includes(name) ? name : "explore";
  for (const view of VIEWS) byId(`${view}-view`).hidden = view !== current;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  showError(null);
}

function describe(collection) {
  const { name, items, modality, length, backend, recall, columns } = collection;
  const search = backend === "exact" ? "exact search" : `${backend} search, recall ${recall.toFixed(3)}`;
  document.title = `${name} · Counterpoint`;
  byId("name").textContent = name;
  byId("version").textContent = collection.version;
  byId("facts").textContent = [counted(items, "item"), modality, `${length} dimensions`, search]
    .filter(Boolean)
    .join(" · ");
  byId("like-label").textContent = collection.text ? "A text, or the name of an item" : "Name or row of an item";
  byId("file-field").hidden = !collection.files;
  for (const id of ["where-field", "where-help"]) byId(id).hidden = !columns.length;
  const example = columns.includes("label") ? "label == 'shoe'" : "name != 'a'";
  const names = columns.slice(0, FILTER_COLUMNS).join(", ");
  byId("where-help").textContent = `A filter compares columns (${names}), such as ${example}; with and, or, not, in.`;
  for (const view of ["review", "scores"]) {
    document.querySelector(`nav a[data-view=${view}]`).hidden = !collection[view];
  }
}

async function start() {
  const collection = await get("/collection");
  describe(collection);
  window.addEventListener("hashchange", showView);
  showView();
  const explore = new Explore(collection);
  const openMap = explore.openMap().catch((error) => {
    byId("map-note").textContent = error.message;
  });
  await Promise.all([
    openMap,
    collection.review && new Review(explore.actions.pick).load(),
    collection.scores && showScores(),
  ]);
  document.documentElement.dataset.ready = "";
}

handled(start)();
