// The map: points, what is marked among them, and how they are moved over, picked and lassoed.

import { byId } from "./dom.js";
import { pixels, renderer } from "./draw.js";
import { Grid, inside } from "./picking.js";

const NEAR = 14; // pixels around the pointer in which a point is taken
const STEP = 24; // pixels that a key moves the cross

export class PlaneMap {
  // events: pick(row), lasso(rows), hover(row or -1, x, y), cross(row or -1)
  constructor(places, groups, events) {
    this.places = places;
    this.groups = groups;
    this.events = events;
    this.grid = new Grid(places);
    this.rows = { selected: -1, other: -1, hits: [] };
    this.filters = { where: null, group: -1, lasso: null };
    this.states = new Uint8Array(groups.length).fill(1);
    this.polygon = null;
    this.cross = null;
    this.lassoing = false;
    this.pointers = new Map();
    this.marks = byId("marks");
    this.take(byId("points"), false);
    this.listen();
    new ResizeObserver(() => this.resized()).observe(byId("plane"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.coloured());
    this.resized();
    this.whole();
  }

  take(canvas, plain) {
    this.canvas = canvas;
    this.drawn = plain ? pixels(canvas) : renderer(canvas, () => this.lost());
    this.marks.dataset.drawnWith = this.drawn.kind;
    this.drawn.points(this.places, this.groups);
    this.drawn.states(this.states);
    this.coloured();
  }

  // A canvas that once drew with WebGL draws with nothing else.
  lost() {
    const other = this.canvas.cloneNode();
    this.canvas.replaceWith(other);
    this.take(other, true);
    this.draw();
  }

  coloured() {
    const style = getComputedStyle(document.documentElement), probe = document.createElement("canvas").getContext("2d");
    const colour = (name) => {
      probe.fillStyle = style.getPropertyValue(name).trim();
      return [1, 3, 5].map((place) => parseInt(probe.fillStyle.slice(place, place + 2), 16));
    };
    const names = [...Array.from({ length: 10 }, (_, each) => `--g${each}`), "--grey", "--grey"];
    this.drawn.colours(names.map(colour), colour("--raised"));
    this.ink = style.getPropertyValue("--ink").trim();
    this.paper = style.getPropertyValue("--paper").trim();
    if (this.view) this.draw();
  }

  regrouped(groups) { this.groups = groups; this.drawn.points(this.places, groups); this.filters.group = -1; this.filtered(); }

  resized() {
    const { clientWidth: width, clientHeight: height } = byId("plane"), ratio = Math.min(2, devicePixelRatio || 1);
    if (!width || !height) return;
    for (const canvas of [this.canvas, this.marks]) { canvas.width = width * ratio; canvas.height = height * ratio; }
    this.view = { x: 0.5, y: 0.5, scale: Math.min(width, height), ...this.view, width, height, ratio };
    this.draw();
  }

  whole() {
    if (!this.view) return;
    let right = 0, bottom = 0;
    for (let each = 0; each < this.places.length; each += 2) {
      right = Math.max(right, this.places[each]);
      bottom = Math.max(bottom, this.places[each + 1]);
    }
    const { width, height } = this.view;
    const scale = 0.94 * Math.min(width / (right || 1), height / (bottom || 1));
    Object.assign(this.view, { x: right / 2, y: bottom / 2, scale });
    this.draw();
  }

  zoom(by, x = this.view.width / 2, y = this.view.height / 2) {
    const [left, top] = this.world(x, y), view = this.view;
    view.scale = Math.max(Math.min(view.width, view.height) * 0.5, Math.min(view.scale * by, view.width * 400));
    view.x = left - (x - view.width / 2) / view.scale;
    view.y = top - (y - view.height / 2) / view.scale;
    this.draw();
  }

  world(x, y) {
    const { x: left, y: top, scale, width, height } = this.view;
    return [(x - width / 2) / scale + left, (y - height / 2) / scale + top];
  }

  seen(row) {
    const { x, y, scale, width, height } = this.view;
    return [(this.places[2 * row] - x) * scale + width / 2, (this.places[2 * row + 1] - y) * scale + height / 2];
  }

  allowed = (row) => {
    const { where, group } = this.filters;
    return (where === null || where[row] === 1) && (group < 0 || this.groups[row] === group);
  };

  mark(rows) { Object.assign(this.rows, rows); this.filtered(); }

  filter(filters) { Object.assign(this.filters, filters); this.filtered(); }

  filtered() {
    const lasso = this.filters.lasso;
    for (let row = 0; row < this.states.length; row++) this.states[row] = this.allowed(row) ? (lasso ? 0 : 1) : 0;
    if (lasso) for (const row of lasso) this.states[row] = 1;
    for (const row of this.rows.hits) this.states[row] = 2;
    this.drawn.states(this.states);
    this.draw();
  }

  inView() {
    const { width, height } = this.view;
    this.caught([[0, 0], [width, 0], [width, height], [0, height]].map(([x, y]) => this.world(x, y)));
  }

  caught(polygon) {
    const rows = inside(this.places, polygon, this.allowed);
    this.filter({ lasso: rows.length ? rows : null });
    this.events.lasso(rows);
  }

  nearest(x, y, pixels = NEAR) { return this.grid.nearest(...this.world(x, y), pixels / this.view.scale, this.allowed); }

  draw() {
    if (!this.view || this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawn.draw(this.view);
      this.drawMarks();
    });
  }

  drawMarks() {
    const { ratio, width, height } = this.view, pen = this.marks.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const ring = (row, radius, name, dash) => {
      if (row < 0) return;
      const [x, y] = this.seen(row);
      for (const [stroke, wide] of [[this.paper, 5], [this.ink, 2.5]]) {
        pen.beginPath();
        pen.setLineDash(dash);
        pen.arc(x, y, radius, 0, 7);
        pen.strokeStyle = stroke;
        pen.lineWidth = wide;
        pen.stroke();
      }
      pen.setLineDash([]);
      pen.font = "700 13px system-ui, sans-serif";
      pen.strokeStyle = this.paper;
      pen.lineWidth = 4;
      pen.strokeText(name, x + radius + 3, y + 4);
      pen.fillStyle = this.ink;
      pen.fillText(name, x + radius + 3, y + 4);
    };
    this.drawHits(pen);
    ring(this.rows.other, 9, "B", [3, 2]);
    ring(this.rows.selected, 9, "A", []);
    if (this.cross) this.drawCross(pen);
    if (this.polygon) this.drawLasso(pen);
  }

  drawHits(pen) {
    for (const row of this.rows.hits) {
      const [x, y] = this.seen(row);
      pen.beginPath();
      pen.arc(x, y, 5, 0, 7);
      pen.strokeStyle = this.paper;
      pen.lineWidth = 3.5;
      pen.stroke();
      pen.strokeStyle = this.ink;
      pen.lineWidth = 1.5;
      pen.stroke();
    }
  }

  drawCross(pen) {
    const [x, y] = this.cross;
    pen.strokeStyle = this.ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const [across, down] of [[1, 0], [0, 1]]) {
      pen.moveTo(x - 12 * across, y - 12 * down);
      pen.lineTo(x + 12 * across, y + 12 * down);
    }
    pen.stroke();
  }

  drawLasso(pen) {
    pen.beginPath();
    this.polygon.forEach(([x, y]) => pen.lineTo(x, y));
    pen.closePath();
    pen.globalAlpha = 0.12;
    pen.fillStyle = this.ink;
    pen.fill();
    pen.globalAlpha = 1;
    pen.setLineDash([5, 4]);
    pen.strokeStyle = this.ink;
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.setLineDash([]);
  }

  listen() {
    const at = (event) => [event.offsetX, event.offsetY];
    this.marks.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0015), ...at(event));
    }, { passive: false });
    this.marks.addEventListener("pointerdown", (event) => this.pressed(event, at(event)));
    this.marks.addEventListener("pointermove", (event) => this.moved(event, at(event)));
    for (const name of ["pointerup", "pointercancel"]) this.marks.addEventListener(name, (event) => this.released(event, at(event)));
    this.marks.addEventListener("pointerleave", () => this.events.hover(-1));
    this.marks.addEventListener("keydown", (event) => this.typed(event));
    this.marks.addEventListener("blur", () => { this.cross = null; this.draw(); });
  }

  pressed(event, place) {
    if (event.button > 0) return;
    this.marks.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, place);
    this.started = place;
    if (this.pointers.size === 1 && (this.lassoing || event.shiftKey)) this.polygon = [place];
    else this.polygon = null;
  }

  moved(event, [x, y]) {
    const before = this.pointers.get(event.pointerId);
    if (!before) { this.events.hover(this.nearest(x, y), x, y); return; }
    if (this.polygon) {
      const [left, top] = this.polygon.at(-1);
      if (Math.hypot(x - left, y - top) > 3) this.polygon.push([x, y]);
      this.drawMarks();
    } else {
      const others = [...this.pointers].filter(([pointer]) => pointer !== event.pointerId);
      if (others.length) {
        const [, [left, top]] = others[0];
        const span = (place) => Math.max(1, Math.hypot(place[0] - left, place[1] - top));
        this.zoom(span([x, y]) / span(before), left, top);
      } else {
        this.view.x -= (x - before[0]) / this.view.scale;
        this.view.y -= (y - before[1]) / this.view.scale;
      }
      this.draw();
    }
    this.pointers.set(event.pointerId, [x, y]);
  }

  released(event, [x, y]) {
    if (!this.pointers.delete(event.pointerId)) return;
    const polygon = this.polygon, still = Math.hypot(x - this.started[0], y - this.started[1]) < 5;
    this.polygon = null;
    if (event.type === "pointercancel") { this.draw(); return; }
    if (polygon && polygon.length > 2) this.caught(polygon.map((place) => this.world(...place)));
    else if (still) {
      const row = this.nearest(x, y);
      if (row >= 0) this.events.pick(row);
      else if (this.filters.lasso) { this.filter({ lasso: null }); this.events.lasso([]); }
    }
    this.draw();
  }

  typed(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const { width, height } = this.view;
    this.cross ??= [width / 2, height / 2];
    if (step) {
      this.cross = [Math.max(0, Math.min(width, this.cross[0] + STEP * step[0])), Math.max(0, Math.min(height, this.cross[1] + STEP * step[1]))];
      this.events.cross(this.nearest(...this.cross, 200));
    } else if (event.key === "Enter") {
      const row = this.nearest(...this.cross, 200);
      if (row >= 0) this.events.pick(row);
    } else if (event.key === "+" || event.key === "=") this.zoom(1.5, ...this.cross);
    else if (event.key === "-") this.zoom(1 / 1.5, ...this.cross);
    else if (event.key === "0") this.whole();
    else return;
    event.preventDefault();
    this.draw();
  }
}
