// The review queue of an audit: one entry at a time, accepted or rejected. A decision is stored before the next entry.

import { get, getItems, post } from "./api.js";
import { contents, picture } from "./cards.js";
import { announce, byId, counted, element, fill, handled, number } from "./dom.js";

const DECISIONS = { accept: "Accepted: it has an issue", reject: "Rejected: it has none" };

const isControl = (entry) => entry.probability === null; // drawn at random, to estimate what the queue misses

const FILTERS = {
  open: ["Not reviewed", (entry) => entry.decision === null],
  all: ["All", () => true],
  accept: ["Accepted", (entry) => entry.decision === "accept"],
  reject: ["Rejected", (entry) => entry.decision === "reject"],
  control: ["Random controls", isControl],
};

export class Review {
  // pick(row) shows items similar to one.
  constructor(pick) {
    this.pick = pick;
    this.entries = [];
    this.filter = "open";
    const options = Object.entries(FILTERS).map(([value, [name]]) => element("option", { value }, name));
    fill(byId("review-filter"), options);
    byId("review-filter").addEventListener(
      "change",
      handled(() => this.setFilter(byId("review-filter").value)),
    );
    document.addEventListener(
      "keydown",
      handled((event) => this.handleKey(event)),
    );
  }

  async load() {
    const { entries, progress } = await get("/audit");
    this.entries = entries;
    this.progress = progress;
    await this.setFilter(this.filter);
  }

  // An entry that is decided stays in the list until the filter is set again, so that it can be undone.
  async setFilter(filter) {
    this.filter = filter;
    this.shown = this.entries.filter(FILTERS[filter][1]);
    this.position = 0;
    await this.show();
  }

  async show() {
    this.showProgress();
    const entry = this.shown[this.position];
    if (!entry) {
      const note = this.entries.length ? "No entries here." : "The queue is empty: the audit suspects nothing.";
      fill(byId("entry"), element("p", { class: "note" }, note));
      return;
    }
    const items = await getItems([entry.row, ...entry.partners].filter((row) => row !== null));
    if (entry === this.shown[this.position]) fill(byId("entry"), this.article(entry, items)); // still the current one
  }

  showProgress() {
    const total = this.entries.length;
    const decided = this.entries.filter((entry) => entry.decision !== null).length;
    byId("review-left").textContent = decided < total ? `${number(total - decided)} left` : "done";
    const count = `${number(decided)} of ${counted(total, "entry", "entries")} reviewed.`;
    byId("review-progress").textContent = `${count} ${this.progress}`;
  }

  article(entry, items) {
    const probability = isControl(entry) ? "random control" : `probability of an issue ${entry.probability.toFixed(2)}`;
    return element(
      "article",
      { class: "entry", "aria-labelledby": "entry-title" },
      element("div", { class: "sides" }, items.map(figure)),
      element(
        "div",
        { class: "decide" },
        element(
          "p",
          { class: "facts" },
          `${number(this.position + 1)} of ${number(this.shown.length)}, ${probability}`,
        ),
        element("h3", { id: "entry-title", tabindex: "-1" }, entry.item),
        entry.why &&
          element(
            "ul",
            { class: "reasons" },
            entry.why.split("; ").map((why) => element("li", {}, why)),
          ),
        element("p", { class: "decision", role: "status" }, DECISIONS[entry.decision] ?? "Not reviewed"),
        this.buttons(entry),
      ),
    );
  }

  buttons(entry) {
    const button = (id, text, handler, attributes = {}) =>
      element("button", { type: "button", id, onclick: handled(handler), ...attributes }, text);
    const first = this.position === 0;
    const last = this.position + 1 >= this.shown.length;
    return [
      element(
        "div",
        { class: "buttons" },
        button("accept", "Accept: an issue", () => this.decide("accept"), { class: "main", "aria-keyshortcuts": "A" }),
        button("reject", "Reject: none", () => this.decide("reject"), { "aria-keyshortcuts": "R" }),
        button("undo", "Undo", () => this.decide(null), {
          disabled: entry.decision === null,
          "aria-keyshortcuts": "U",
        }),
      ),
      element(
        "div",
        { class: "buttons" },
        button("previous", "Previous", () => this.move(-1), { disabled: first }),
        button("next", "Next", () => this.move(1), { disabled: last }),
        entry.row !== null && button("similar", "Similar items", () => this.pick(entry.row)),
      ),
    ];
  }

  async decide(decision) {
    const entry = this.shown[this.position];
    if (!entry) return;
    const { progress } = await post("/audit/decision", { item: entry.item, decision });
    this.progress = progress;
    for (const each of this.entries) if (each.item === entry.item) each.decision = decision;
    announce(`${entry.item}: ${DECISIONS[decision] ?? "not reviewed"}`);
    await this.move(decision === null ? 0 : 1);
  }

  async move(by) {
    this.position = Math.max(0, Math.min(this.shown.length - 1, this.position + by));
    await this.show();
    byId("entry-title")?.focus();
  }

  async handleKey(event) {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (byId("review-view").hidden || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const actions = {
      a: () => this.decide("accept"),
      r: () => this.decide("reject"),
      u: () => this.decide(null),
      ArrowLeft: () => this.move(-1),
      ArrowRight: () => this.move(1),
    };
    if (!(event.key in actions)) return;
    event.preventDefault();
    await actions[event.key]();
  }
}

function figure(item) {
  const label = item.label && element("span", { class: "facts" }, ` ${item.label}`);
  return element("figure", {}, picture(item, 512, ""), contents(item), element("figcaption", {}, item.name, label));
}
