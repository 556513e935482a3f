// The queue of an audit: one entry at a time, accepted or rejected; each decision is kept before the next is shown.

import { get, post } from "./api.js";
import { byId, careful, counted, fill, make } from "./dom.js";
import { contents, picture } from "./results.js";

const WORDS = { accept: "Accepted: it has an issue", reject: "Rejected: it is fine" };

// "near copy of b.png; rather a shoe": the first word of what a control entry says is its kind
const isControl = (entry) => entry.probability === null;
const KINDS = {
  open: ["Not decided yet", (entry) => entry.decision === null],
  all: ["Everything", () => true],
  accept: ["Accepted", (entry) => entry.decision === "accept"],
  reject: ["Rejected", (entry) => entry.decision === "reject"],
  control: ["Drawn at random", isControl],
};

export class Review {
  constructor(events) {
    this.events = events;
    this.entries = [];
    this.kind = "open";
    this.place = 0;
    fill(byId("kind"), Object.entries(KINDS).map(([value, [name]]) => make("option", { value }, name)));
    byId("kind").addEventListener("change", careful(() => { this.kind = byId("kind").value; this.list(); return this.show(); }));
    document.addEventListener("keydown", careful((event) => this.typed(event)));
  }

  async load() {
    const { entries, state } = await get("/audit");
    this.entries = entries;
    this.state = state;
    this.list();
    await this.show();
  }

  list() {
    this.shown = this.entries.filter(KINDS[this.kind][1]);
    this.place = 0;
  }

  count() {
    const decided = this.entries.filter((entry) => entry.decision !== null).length;
    byId("review-left").textContent = decided < this.entries.length ? `${(this.entries.length - decided).toLocaleString("en")} left` : "done";
    byId("review-state").textContent = [`${decided.toLocaleString("en")} of ${counted(this.entries.length, "entry").replace("entrys", "entries")} decided.`, this.state].filter(Boolean).join(" ");
  }

  async show() {
    this.count();
    const entry = this.shown[this.place];
    if (!entry) {
      fill(byId("entry"), make("p", { class: "missing" }, this.entries.length ? "There is nothing here to decide." : "The queue is empty: the audit has nothing to show."));
      return;
    }
    const rows = [entry.row, ...(entry.partners ?? [])].filter((row) => row !== null && row !== undefined);
    const cards = rows.length ? await get(`/items?rows=${rows.join(",")}`) : [];
    if (entry !== this.shown[this.place]) return; // the next was asked for meanwhile
    fill(byId("entry"), this.drawn(entry, cards));
  }

  drawn(entry, cards) {
    const act = (decision) => careful(() => this.decide(decision));
    const probability = isControl(entry) ? "drawn at random" : `an issue with probability ${entry.probability.toFixed(2)}`;
    return make("article", { class: "entry", "aria-labelledby": "entry-title" },
      make("p", { class: "facts" }, `${this.place + 1} of ${this.shown.length.toLocaleString("en")}, ${probability}`),
      make("h3", { id: "entry-title", tabindex: "-1" }, entry.item),
      make("div", { class: "sides" }, cards.map((card) => make("figure", {}, picture(card, 512), contents(card, 1000), make("figcaption", {}, card.name, card.label ? make("span", { class: "facts" }, ` ${card.label}`) : null)))),
      entry.why && make("ul", { class: "reasons" }, entry.why.split("; ").map((reason) => make("li", {}, reason))),
      make("p", { class: "decision", role: "status" }, entry.decision ? WORDS[entry.decision] : "Not decided yet"),
      make("div", { class: "buttons" },
        make("button", { type: "button", id: "accept", class: "main", "aria-keyshortcuts": "A", onclick: act("accept") }, "Accept: an issue"),
        make("button", { type: "button", id: "reject", "aria-keyshortcuts": "R", onclick: act("reject") }, "Reject: it is fine"),
        make("button", { type: "button", id: "undo", "aria-keyshortcuts": "U", disabled: entry.decision === null, onclick: act(null) }, "Take back"),
        make("span", { class: "apart" },
          make("button", { type: "button", id: "before", disabled: this.place === 0, onclick: careful(() => this.turn(-1)) }, "Previous"),
          make("button", { type: "button", id: "after", disabled: this.place + 1 >= this.shown.length, onclick: careful(() => this.turn(1)) }, "Next")),
        entry.row !== null && make("button", { type: "button", onclick: () => this.events.pick(entry.row) }, "What is like it")));
  }

  async decide(decision) {
    const entry = this.shown[this.place];
    if (!entry) return;
    const kept = await post("/audit/decision", { item: entry.item, decision });
    entry.decision = decision;
    this.state = kept.state ?? this.state;
    this.events.say(`${entry.item}: ${decision ? WORDS[decision] : "not decided"}`);
    if (decision !== null && this.place + 1 < this.shown.length) this.place += 1;
    await this.show();
    byId("entry-title")?.focus();
  }

  async turn(by) {
    this.place = Math.max(0, Math.min(this.shown.length - 1, this.place + by));
    await this.show();
    byId("entry-title")?.focus();
  }

  async typed(event) {
    const typing = event.target.closest?.("input, select, textarea, dialog");
    if (byId("review-view").hidden || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { a: () => this.decide("accept"), r: () => this.decide("reject"), u: () => this.decide(null), ArrowLeft: () => this.turn(-1), ArrowRight: () => this.turn(1) }[event.key];
    if (!act) return;
    event.preventDefault();
    await act();
  }
}
