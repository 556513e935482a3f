// Spatial queries on the points of the map: the nearest one, and those inside a polygon.

export class Grid {
  // Points sorted by square cells, so that a query visits nearby cells only.
  constructor(places, side = 256) {
    this.places = places;
    this.side = side;
    const count = places.length / 2;
    const cells = new Uint32Array(count);
    const starts = new Uint32Array(side * side + 1);
    for (let i = 0; i < count; i++) {
      cells[i] = this.cell(places[2 * i], places[2 * i + 1]);
      starts[cells[i] + 1]++;
    }
    for (let cell = 0; cell < side * side; cell++) starts[cell + 1] += starts[cell];
    this.starts = starts.slice();
    this.sorted = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.sorted[starts[cells[i]]++] = i;
  }

  coordinate(value) {
    return Math.max(0, Math.min(this.side - 1, Math.floor(value * this.side)));
  }

  cell(x, y) {
    return this.coordinate(y) * this.side + this.coordinate(x);
  }

  // The nearest point within a radius that passes the predicate; -1 if there is none.
  nearest(x, y, radius, passes) {
    let best = -1;
    let least = radius * radius;
    for (let row = this.coordinate(y - radius); row <= this.coordinate(y + radius); row++) {
      for (let column = this.coordinate(x - radius); column <= this.coordinate(x + radius); column++) {
        const cell = row * this.side + column;
        for (let k = this.starts[cell]; k < this.starts[cell + 1]; k++) {
          const i = this.sorted[k];
          const distance = (this.places[2 * i] - x) ** 2 + (this.places[2 * i + 1] - y) ** 2;
          if (distance < least && passes(i)) {
            least = distance;
            best = i;
          }
        }
      }
    }
    return best;
  }
}

// All points inside a polygon [[x, y], ...] that pass the predicate.
export function pointsInside(places, polygon, passes) {
  const xs = polygon.map(([x]) => x);
  const ys = polygon.map(([, y]) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const result = [];
  for (let i = 0; i < places.length / 2; i++) {
    const x = places[2 * i];
    const y = places[2 * i + 1];
    const inBox = x >= left && x <= right && y >= top && y <= bottom;
    if (inBox && passes(i) && isInside(x, y, polygon)) result.push(i);
  }
  return result;
}

// Even-odd rule: a ray from the point crosses the polygon an odd number of times.
function isInside(x, y, polygon) {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [x1, y1] = polygon[i];
    const [x2, y2] = polygon[j];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}
