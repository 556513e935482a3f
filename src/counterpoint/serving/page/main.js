// The page: what is searched for, what is selected, and which view is shown.

import { get, patiently, post, send } from "./api.js";
import { byId, careful, complain, counted, fill, make, say } from "./dom.js";
import { PlaneMap } from "./map.js";
import { showHits, showSome } from "./results.js";
import { Review } from "./review.js";
import { showScores } from "./scores.js";
import { showWhy } from "./why.js";

const K = 24, VIEWS = ["explore", "review", "scores"];
const state = { facts: null, map: null, selected: null, where: null };

const load = (rows) => (rows.length ? get(`/items?rows=${rows.join(",")}`) : Promise.resolve([]));

const actions = {
  pick: careful(async (row) => { location.hash = "#explore"; await near({ like: row }, row); }),
  why: null, // where items have parts
};

async function near(request, row = null) {
  say("Searching");
  const { hits } = await post("/search", { ...request, k: K, ...(state.where ? { where: state.where } : {}) });
  await showFound(hits, row, typeof request.like === "string" ? `Like “${request.like}”` : null);
}

async function showFound(hits, row, title) {
  const rows = hits.map((hit) => hit.index), some = await load(row === null ? rows : [row, ...rows]);
  const query = row === null ? null : some[0], cards = row === null ? some : some.slice(1);
  state.selected = row;
  showHits(title ?? (query ? `Like ${query.name}` : "Most alike"), query, cards, hits, actions);
  state.map?.mark({ selected: row ?? -1, other: -1, hits: rows });
  say(`${counted(hits.length, "item")} found, the most alike first.`);
}

async function why(a, b) {
  const cards = await load([a, b]);
  state.map?.mark({ selected: a, other: b });
  try { await showWhy(cards); } catch (wrong) { byId("why").close(); throw wrong; }
}

async function filter() {
  const where = byId("where").value.trim();
  if (where === (state.where ?? "")) return null;
  state.where = where || null;
  if (!where) { state.map?.filter({ where: null }); say("All items."); return null; }
  const { rows } = await get(`/filter?where=${encodeURIComponent(where)}`);
  const mask = new Uint8Array(state.map ? state.map.groups.length : 0);
  for (const row of rows) mask[row] = 1;
  state.map?.filter({ where: mask });
  say(`${counted(rows.length, "item")} left by the filter.`);
  return rows;
}

async function search(event) {
  event.preventDefault();
  const rows = await filter(), like = byId("like").value.trim();
  if (like) {
    const { index } = await known(like);
    await near({ like: index ?? like }, index);
  } else if (state.selected !== null) await near({ like: state.selected }, state.selected);
  else if (rows) await showSome(`${counted(rows.length, "item")} left by the filter`, rows, load, actions, state.selected);
  else byId("like").focus();
}

// An item of this name is selected; anything else is a text.
async function known(name) {
  try { return { index: (await get(`/items/row?name=${encodeURIComponent(name)}`)).row }; } catch (wrong) {
    if (wrong.status !== 404 || !state.facts.text) throw wrong;
    return { index: null };
  }
}

async function searchFile(file) {
  if (!file) return;
  if (file.size > state.facts.limit) throw new Error(`'${file.name}' has ${file.size.toLocaleString("en")} bytes; at most ${state.facts.limit.toLocaleString("en")} are taken.`);
  say(`Searching by ${file.name}`);
  const where = state.where ? `&where=${encodeURIComponent(state.where)}` : "";
  const { hits } = await send(`/search/file?name=${encodeURIComponent(file.name)}&k=${K}${where}`, file);
  await showFound(hits, null, `Like the file ${file.name}`);
}

function legend({ names, counts }) {
  const buttons = names.map((name, group) => {
    const dot = make("i", { "aria-hidden": "true" });
    dot.style.background = group < 10 ? `var(--g${group})` : "var(--grey)";
    return make("button", {
      type: "button", "aria-pressed": "false",
      onclick() {
        const alone = this.getAttribute("aria-pressed") !== "true";
        for (const each of buttons) each.setAttribute("aria-pressed", String(each === this && alone));
        state.map.filter({ group: alone ? group : -1 });
        say(alone ? `Only ${name}: ${counted(counts[group], "item")}.` : "All groups.");
      },
    }, dot, make("span", { class: "name" }, name), make("small", {}, counts[group].toLocaleString("en")));
  });
  fill(byId("legend"), buttons.map((each) => make("li", {}, each)));
}

async function colour(by) {
  const result = await patiently(() => get(`/map/groups?by=${encodeURIComponent(by)}`));
  legend(result);
  return Uint8Array.from(result.groups, (group) => Math.min(group, 10));
}

async function openMap() {
  const colours = state.facts.colours, by = byId("by");
  fill(by, colours.map((name) => make("option", { value: name }, name)));
  byId("legend-by").hidden = colours.length < 2;
  const [layout, groups] = await Promise.all([patiently(() => get("/map")), colour(colours[0])]);
  byId("map-missing").hidden = true;
  byId("plane").hidden = false;
  state.map = new PlaneMap(Float32Array.from(layout.places, (part) => part / 65535), groups, {
    pick: actions.pick,
    hover: hovering(),
    lasso: careful(async (rows) => {
      const title = `${counted(rows.length, "item")} in the lasso`;
      say(`${title}.`);
      await showSome(title, rows, load, actions, state.selected);
    }),
    cross: announced(),
  });
  byId("map-title").textContent = `Map (${layout.method})`;
  by.addEventListener("change", careful(async () => state.map.regrouped(await colour(by.value))));
}

// The name of the item under the pointer, asked for once it rests.
function hovering() {
  const tip = byId("tip"), known = new Map();
  let waiting = 0, current = -1;
  return (row, x, y) => {
    if (row === current) return;
    current = row;
    clearTimeout(waiting);
    tip.hidden = true;
    if (row < 0) return;
    waiting = setTimeout(careful(async () => {
      if (!known.has(row)) known.set(row, (await load([row]))[0]);
      if (row !== current) return;
      const card = known.get(row);
      fill(tip, card.picture && make("img", { src: `${card.picture}?side=128`, alt: "" }), make("b", {}, card.name), card.label && make("span", {}, card.label), card.text && make("span", {}, card.text.slice(0, 120)));
      tip.hidden = false;
      const { clientWidth: width, clientHeight: height } = byId("plane");
      tip.style.left = `${x + 170 > width ? Math.max(0, x - 160) : x + 14}px`;
      tip.style.top = `${Math.min(y + 14, Math.max(0, height - tip.offsetHeight - 4))}px`;
    }), 60);
  };
}

function announced() {
  let waiting = 0;
  return (row) => {
    clearTimeout(waiting);
    waiting = setTimeout(careful(async () => say(row < 0 ? "No item near the cross." : `Near the cross: ${(await load([row]))[0].name}`)), 200);
  };
}

function show() {
  const named = location.hash.slice(1), view = VIEWS.includes(named) ? named : "explore";
  for (const each of VIEWS) byId(`${each}-view`).hidden = each !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  complain(null);
}

function describe(facts) {
  document.title = `${facts.name} · Counterpoint`;
  byId("name").textContent = facts.name;
  byId("version").textContent = facts.version;
  byId("facts").textContent = [counted(facts.items, "item"), facts.modality, `${facts.length} numbers each`, facts.backend === "exact" ? null : `${facts.backend}, recall ${facts.recall.toFixed(3)}`].filter(Boolean).join(" · ");
  byId("like-label").textContent = facts.text ? "A text, or the name of an item" : "Name or number of an item";
  byId("file-field").hidden = !facts.files;
  byId("where-field").hidden = !facts.columns.length;
  byId("where-help").hidden = !facts.columns.length;
  byId("where-help").textContent = `Filter by ${facts.columns.slice(0, 8).join(", ")}: such as ${facts.columns.includes("label") ? "label == 'shoe'" : "name != 'a'"}, with and, or, not, in, <, >.`;
  for (const view of ["review", "scores"]) document.querySelector(`nav a[data-view=${view}]`).hidden = !facts[view];
}

async function begin() {
  state.facts = await get("/collection");
  describe(state.facts);
  if (state.facts.explain) actions.why = careful(why);
  byId("search").addEventListener("submit", careful(search));
  byId("file").addEventListener("change", careful(() => searchFile(byId("file").files[0]).finally(() => { byId("file").value = ""; })));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", careful((event) => { event.preventDefault(); return state.facts.files ? searchFile(event.dataTransfer.files[0]) : null; }));
  const onMap = (id, act) => byId(id).addEventListener("click", () => state.map && act(state.map));
  onMap("lasso", (map) => { map.lassoing = !map.lassoing; byId("lasso").setAttribute("aria-pressed", String(map.lassoing)); });
  onMap("in-view", (map) => map.inView());
  onMap("closer", (map) => map.zoom(1.5));
  onMap("farther", (map) => map.zoom(1 / 1.5));
  onMap("whole", (map) => map.whole());
  window.addEventListener("hashchange", show);
  show();
  const review = new Review({ pick: actions.pick, say });
  await Promise.all([
    openMap().catch((wrong) => { byId("map-missing").textContent = wrong.message; }),
    state.facts.review ? review.load() : null,
    state.facts.scores ? showScores() : null,
  ]);
  document.documentElement.dataset.ready = "";
}

careful(begin)();
