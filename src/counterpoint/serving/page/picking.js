// Which point is where: the nearest to a place, those in a polygon.

export class Grid {
  // Points sorted into square cells, so that only those nearby are looked at.
  constructor(places, side = 256) {
    this.places = places;
    this.side = side;
    const count = places.length / 2, starts = new Uint32Array(side * side + 1), cell = new Uint32Array(count);
    for (let each = 0; each < count; each++) starts[(cell[each] = this.cell(places[2 * each], places[2 * each + 1])) + 1]++;
    for (let each = 0; each < side * side; each++) starts[each + 1] += starts[each];
    this.starts = starts.slice();
    this.sorted = new Uint32Array(count);
    for (let each = 0; each < count; each++) this.sorted[starts[cell[each]]++] = each;
  }

  index(part) { return Math.max(0, Math.min(this.side - 1, Math.floor(part * this.side))); }

  cell(x, y) { return this.index(y) * this.side + this.index(x); }

  nearest(x, y, within, allowed) {
    let best = -1, least = within * within;
    for (let row = this.index(y - within); row <= this.index(y + within); row++) {
      for (let column = this.index(x - within); column <= this.index(x + within); column++) {
        const cell = row * this.side + column;
        for (let place = this.starts[cell]; place < this.starts[cell + 1]; place++) {
          const each = this.sorted[place];
          const distance = (this.places[2 * each] - x) ** 2 + (this.places[2 * each + 1] - y) ** 2;
          if (distance < least && allowed(each)) { least = distance; best = each; }
        }
      }
    }
    return best;
  }
}

export function inside(places, polygon, allowed) {
  const xs = polygon.map(([x]) => x), ys = polygon.map(([, y]) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const rows = [];
  for (let each = 0; each < places.length / 2; each++) {
    const x = places[2 * each], y = places[2 * each + 1];
    if (x >= left && x <= right && y >= top && y <= bottom && allowed(each) && within(x, y, polygon)) rows.push(each);
  }
  return rows;
}

function within(x, y, polygon) {
  let odd = false;
  for (let here = 0, before = polygon.length - 1; here < polygon.length; before = here++) {
    const [x1, y1] = polygon[here], [x2, y2] = polygon[before];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
  }
  return odd;
}
