// Mouse, touch and keyboard on the map.

const CLICK_RADIUS = 14; // pixels around the pointer in which a point is picked
const CROSS_RADIUS = 200; // pixels around the keyboard cross
const CROSS_STEP = 24; // pixels
const STILL = 5; // pixels that a click may move
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function listen(map) {
  const gestures = new PointerGestures(map);
  const on = (name, handler, options) => map.overlay.addEventListener(name, handler, options);
  on("pointerdown", (event) => gestures.down(event));
  on("pointermove", (event) => gestures.move(event));
  on("pointerup", (event) => gestures.up(event));
  on("pointercancel", (event) => gestures.up(event));
  on("pointerleave", () => map.events.hover(-1));
  on("keydown", (event) => handleKey(map, event));
  on("blur", () => {
    map.cross = null;
    map.draw();
  });
  const zoomByWheel = (event) => {
    event.preventDefault();
    map.zoom(Math.exp(-event.deltaY * 0.0015), event.offsetX, event.offsetY);
  };
  on("wheel", zoomByWheel, { passive: false });
}

// One pointer moves the map or draws the lasso, two zoom, a click picks.
class PointerGestures {
  constructor(map) {
    this.map = map;
    this.pointers = new Map();
    this.start = null;
  }

  down(event) {
    if (event.button > 0) return;
    const place = [event.offsetX, event.offsetY];
    this.map.overlay.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, place);
    this.map.events.hover(-1);
    this.start = place;
    const lasso = this.pointers.size === 1 && (this.map.lassoing || event.shiftKey);
    this.map.polygon = lasso ? [place] : null;
  }

  move(event) {
    const { map } = this;
    const [x, y] = [event.offsetX, event.offsetY];
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      map.events.hover(map.nearest(x, y, CLICK_RADIUS), x, y);
      return;
    }
    if (map.polygon) this.extendLasso(x, y);
    else if (this.pointers.size > 1) this.pinch(event.pointerId, before, [x, y]);
    else map.pan(x - before[0], y - before[1]);
    this.pointers.set(event.pointerId, [x, y]);
  }

  extendLasso(x, y) {
    const [lastX, lastY] = this.map.polygon.at(-1);
    if (Math.hypot(x - lastX, y - lastY) > 3) this.map.polygon.push([x, y]);
    this.map.draw();
  }

  pinch(pointerId, before, after) {
    const [, [x, y]] = [...this.pointers].find(([id]) => id !== pointerId);
    const distance = (place) => Math.max(1, Math.hypot(place[0] - x, place[1] - y));
    this.map.zoom(distance(after) / distance(before), x, y);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    const { map } = this;
    const { polygon } = map;
    const still = Math.hypot(event.offsetX - this.start[0], event.offsetY - this.start[1]) < STILL;
    map.polygon = null;
    map.draw();
    if (event.type === "pointercancel") return;
    if (polygon && polygon.length > 2) map.select(polygon);
    else if (still) this.click(event.offsetX, event.offsetY);
  }

  click(x, y) {
    const { map } = this;
    const row = map.nearest(x, y, CLICK_RADIUS);
    if (row >= 0) map.events.pick(row);
    else if (map.filters.lasso) {
      map.filter({ lasso: null });
      map.events.lasso([]);
    }
  }
}

function handleKey(map, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { width, height } = map.view;
  const [x, y] = map.cross ?? [width / 2, height / 2];
  const arrow = ARROWS[event.key];
  if (arrow) {
    const clamp = (value, most) => Math.max(0, Math.min(most, value));
    map.cross = [clamp(x + CROSS_STEP * arrow[0], width), clamp(y + CROSS_STEP * arrow[1], height)];
    map.events.cross(map.nearest(...map.cross, CROSS_RADIUS));
  } else if (event.key === "Enter") {
    const row = map.nearest(x, y, CROSS_RADIUS);
    if (row >= 0) map.events.pick(row);
  } else if (event.key === "+" || event.key === "=") map.zoom(1.5, x, y);
  else if (event.key === "-") map.zoom(1 / 1.5, x, y);
  else if (event.key === "0") map.reset();
  else return;
  event.preventDefault();
  map.cross ??= [x, y];
  map.draw();
}
