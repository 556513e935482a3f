// The view "Explore": search by item, text or file, filter, map, and results.

import { get, getItems, post, retryWhileBusy, upload } from "./api.js";
import { showHits, showSelection } from "./cards.js";
import { announce, byId, counted, element, fill, handled, number } from "./dom.js";
import { showExplanation } from "./explanation.js";
import { crossAnnouncer, tooltip } from "./hover.js";
import { loadCategories } from "./legend.js";
import { ScatterMap } from "./map.js";

const K = 24; // hits of a search
const UNIT = 65535; // longer side of the map, as the server sends it
const ZOOM = 1.5;

export class Explore {
  constructor(collection) {
    this.collection = collection;
    this.map = null;
    this.selected = null; // the row of the query
    this.where = null;
    this.actions = {
      pick: handled((row) => this.pick(row)),
      explain: collection.explain ? handled((a, b) => this.explain(a, b)) : null,
    };
    byId("search").addEventListener(
      "submit",
      handled((event) => this.submit(event)),
    );
    byId("file").addEventListener(
      "change",
      handled(() => this.chooseFile()),
    );
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener(
      "drop",
      handled((event) => this.drop(event)),
    );
    this.connectTools();
  }

  connectTools() {
    const onClick = (id, action) => byId(id).addEventListener("click", () => this.map && action(this.map));
    onClick("lasso", (map) => {
      map.lassoing = !map.lassoing;
      byId("lasso").setAttribute("aria-pressed", String(map.lassoing));
    });
    onClick("select-visible", (map) => map.selectVisible());
    onClick("zoom-in", (map) => map.zoom(ZOOM));
    onClick("zoom-out", (map) => map.zoom(1 / ZOOM));
    onClick("reset", (map) => map.reset());
  }

  async openMap() {
    const { colours } = this.collection;
    const select = byId("colour-by");
    fill(
      select,
      colours.map((name) => element("option", { value: name }, name)),
    );
    byId("colour-field").hidden = colours.length < 2;
    const load = (by) => loadCategories(by, (category) => this.map.filter({ category }));
    const [layout, categories] = await Promise.all([retryWhileBusy(() => get("/map")), load(colours[0])]);
    byId("map-note").hidden = true;
    byId("plane").hidden = false;
    this.map = new ScatterMap(
      Float32Array.from(layout.places, (value) => value / UNIT),
      categories,
      {
        pick: this.actions.pick,
        lasso: handled((rows) => this.showSelected(rows)),
        hover: tooltip(),
        cross: crossAnnouncer(),
      },
    );
    byId("map-title").textContent = `Map (${layout.method})`;
    select.addEventListener(
      "change",
      handled(async () => this.map.setCategories(await load(select.value))),
    );
  }

  async pick(row) {
    location.hash = "#explore";
    await this.search({ like: row }, row);
  }

  async explain(a, b) {
    const [itemA, itemB] = await getItems([a, b]);
    this.map?.mark({ selected: a, other: b });
    try {
      await showExplanation(itemA, itemB);
    } catch (error) {
      byId("why").close();
      throw error;
    }
  }

  async showSelected(rows) {
    const title = `${counted(rows.length, "item")} selected`;
    announce(`${title}.`);
    await showSelection(title, rows, this.actions, this.selected);
  }

  async submit(event) {
    event.preventDefault();
    const filtered = await this.applyFilter();
    const like = byId("like").value.trim();
    if (like) {
      const row = await this.findRow(like);
      await this.search({ like: row ?? like }, row);
    } else if (this.selected !== null) await this.search({ like: this.selected }, this.selected);
    else if (filtered) {
      const title = `${counted(filtered.length, "item")} with ${this.where}`;
      await showSelection(title, filtered, this.actions, null);
    } else byId("like").focus();
  }

  // The rows that pass a changed filter; null if it is unchanged or empty.
  async applyFilter() {
    const where = byId("where").value.trim() || null;
    if (where === this.where) return null;
    const rows = where ? (await get(`/filter?where=${encodeURIComponent(where)}`)).rows : null;
    this.where = where;
    if (this.map) {
      const mask = rows && new Uint8Array(this.map.categories.length);
      for (const row of rows ?? []) mask[row] = 1;
      this.map.filter({ mask });
    }
    announce(rows ? `${counted(rows.length, "item")} with ${where}.` : "All items.");
    return rows;
  }

  // The row of an item by its name or row; null for a text to embed.
  async findRow(like) {
    try {
      return (await get(`/items/row?name=${encodeURIComponent(like)}`)).row;
    } catch (error) {
      if (error.status !== 404 || !this.collection.text) throw error;
      return null;
    }
  }

  async search(query, row = null) {
    announce("Searching");
    const { hits } = await post("/search", { ...query, k: K, ...(this.where && { where: this.where }) });
    await this.showResults(hits, row, row === null ? `Similar to “${query.like}”` : null);
  }

  async chooseFile() {
    const [file] = byId("file").files;
    try {
      await this.searchFile(file);
    } finally {
      byId("file").value = ""; // so that the same file can be chosen again
    }
  }

  async drop(event) {
    event.preventDefault();
    if (this.collection.files) await this.searchFile(event.dataTransfer.files[0]);
  }

  async searchFile(file) {
    if (!file) return;
    const limit = this.collection.upload_limit;
    if (file.size > limit) {
      throw new Error(`'${file.name}' has ${number(file.size)} bytes; at most ${number(limit)} are accepted.`);
    }
    announce(`Searching by ${file.name}`);
    const parameters = new URLSearchParams({ name: file.name, k: K, ...(this.where && { where: this.where }) });
    const { hits } = await upload(`/search/file?${parameters}`, file);
    await this.showResults(hits, null, `Similar to the file ${file.name}`);
  }

  async showResults(hits, row, title) {
    const rows = hits.map((hit) => hit.index);
    const items = await getItems(row === null ? rows : [row, ...rows]);
    const query = row === null ? null : items.shift();
    this.selected = row;
    showHits(title ?? `Similar to ${query.name}`, query, items, hits, this.actions);
    this.map?.mark({ selected: row ?? -1, other: -1, hits: rows });
    announce(`${counted(hits.length, "item")}, most similar first.`);
  }
}
