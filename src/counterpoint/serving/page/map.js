// The map: a scatter plot that can be moved, zoomed, filtered, clicked and lassoed.

import { byId } from "./dom.js";
import { listen } from "./gestures.js";
import { drawOverlay } from "./overlay.js";
import { FADED, NORMAL, STRONG } from "./point_style.js";
import { canvasRenderer } from "./renderer_2d.js";
import { createRenderer } from "./renderers.js";
import { Grid, pointsInside } from "./spatial.js";

const COLOURS = [...Array.from({ length: 10 }, (_, i) => `--g${i}`), "--grey", "--grey"];
const MAX_ZOOM = 400;
const MAX_RATIO = 2; // device pixels per pixel

export class ScatterMap {
  // places: x and y of every row in turn, from 0 to 1; categories: 0 to 10 of every row.
  // events: pick(row), lasso(rows), hover(row or -1, x, y), cross(row or -1)
  constructor(places, categories, events) {
    Object.assign(this, { places, categories, events });
    this.grid = new Grid(places);
    this.marks = { selected: -1, other: -1, hits: [] };
    this.filters = { mask: null, category: -1, lasso: null };
    this.states = new Uint8Array(categories.length).fill(NORMAL);
    this.lassoing = false;
    this.polygon = null; // of the lasso that is being drawn, in pixels
    this.cross = null; // of the keyboard, in pixels
    this.overlay = byId("overlay");
    this.attach(
      byId("points"),
      createRenderer(byId("points"), () => this.replaceCanvas()),
    );
    listen(this);
    new ResizeObserver(() => this.resize()).observe(byId("plane"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readColours());
    this.resize();
    this.reset();
  }

  attach(canvas, renderer) {
    this.canvas = canvas;
    this.renderer = renderer;
    this.overlay.dataset.renderer = renderer.kind;
    renderer.setPoints(this.places, this.categories);
    renderer.setStates(this.states);
    this.readColours();
  }

  // A canvas that had a WebGL context can have no other, so a lost context needs a new canvas.
  replaceCanvas() {
    const canvas = this.canvas.cloneNode();
    this.canvas.replaceWith(canvas);
    this.attach(canvas, canvasRenderer(canvas));
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    const probe = document.createElement("canvas").getContext("2d");
    const rgb = (name) => {
      probe.fillStyle = style.getPropertyValue(name).trim(); // reads back as #rrggbb
      return [1, 3, 5].map((start) => parseInt(probe.fillStyle.slice(start, start + 2), 16));
    };
    this.renderer.setColours(COLOURS.map(rgb), rgb("--raised"));
    this.ink = style.getPropertyValue("--ink").trim();
    this.paper = style.getPropertyValue("--paper").trim();
    this.draw();
  }

  setCategories(categories) {
    this.categories = categories;
    this.renderer.setPoints(this.places, categories);
    this.filter({ category: -1 });
  }

  mark(marks) {
    Object.assign(this.marks, marks);
    this.updateStates();
  }

  filter(filters) {
    Object.assign(this.filters, filters);
    this.updateStates();
  }

  passes = (row) => {
    const { mask, category } = this.filters;
    return (mask === null || mask[row] === 1) && (category < 0 || this.categories[row] === category);
  };

  updateStates() {
    const { lasso } = this.filters;
    const shown = lasso ? FADED : NORMAL;
    for (let row = 0; row < this.states.length; row++) this.states[row] = this.passes(row) ? shown : FADED;
    for (const row of lasso ?? []) this.states[row] = NORMAL;
    for (const row of this.marks.hits) this.states[row] = STRONG;
    this.renderer.setStates(this.states);
    this.draw();
  }

  selectVisible() {
    const { width, height } = this.view;
    const corners = [
      [0, 0],
      [width, 0],
      [width, height],
      [0, height],
    ];
    this.select(corners);
  }

  // Select the points inside a polygon in pixels.
  select(polygon) {
    const rows = pointsInside(
      this.places,
      polygon.map(([x, y]) => this.toPlace(x, y)),
      this.passes,
    );
    this.filter({ lasso: rows.length ? rows : null });
    this.events.lasso(rows);
  }

  nearest(x, y, pixels) {
    return this.grid.nearest(...this.toPlace(x, y), pixels / this.view.scale, this.passes);
  }

  toPlace(x, y) {
    const { scale, width, height } = this.view;
    return [(x - width / 2) / scale + this.view.x, (y - height / 2) / scale + this.view.y];
  }

  toPixels(row) {
    const { x, y, scale, width, height } = this.view;
    return [(this.places[2 * row] - x) * scale + width / 2, (this.places[2 * row + 1] - y) * scale + height / 2];
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = byId("plane");
    const ratio = Math.min(MAX_RATIO, devicePixelRatio || 1);
    if (!width || !height) return;
    for (const canvas of [this.canvas, this.overlay]) {
      canvas.width = width * ratio;
      canvas.height = height * ratio;
    }
    this.view = { x: 0.5, y: 0.5, scale: Math.min(width, height), ...this.view, width, height, ratio };
    this.draw();
  }

  // Show the whole map.
  reset() {
    if (!this.view) return;
    let [right, bottom] = [0, 0];
    for (let i = 0; i < this.places.length; i += 2) {
      right = Math.max(right, this.places[i]);
      bottom = Math.max(bottom, this.places[i + 1]);
    }
    const scale = 0.94 * Math.min(this.view.width / (right || 1), this.view.height / (bottom || 1));
    Object.assign(this.view, { x: right / 2, y: bottom / 2, scale });
    this.draw();
  }

  pan(dx, dy) {
    this.view.x -= dx / this.view.scale;
    this.view.y -= dy / this.view.scale;
    this.draw();
  }

  // Zoom by a factor around a point in pixels, which stays where it is.
  zoom(factor, x = this.view.width / 2, y = this.view.height / 2) {
    const { view } = this;
    const [placeX, placeY] = this.toPlace(x, y);
    const least = 0.5 * Math.min(view.width, view.height);
    view.scale = Math.max(least, Math.min(view.scale * factor, view.width * MAX_ZOOM));
    view.x = placeX - (x - view.width / 2) / view.scale;
    view.y = placeY - (y - view.height / 2) / view.scale;
    this.draw();
  }

  draw() {
    if (!this.view || this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.renderer.draw(this.view);
      const { selected, other, hits } = this.marks;
      drawOverlay(this.overlay, this.view, {
        hits: hits.map((row) => this.toPixels(row)),
        selected: selected >= 0 ? this.toPixels(selected) : null,
        other: other >= 0 ? this.toPixels(other) : null,
        cross: this.cross,
        polygon: this.polygon,
        ink: this.ink,
        paper: this.paper,
      });
    });
  }
}
