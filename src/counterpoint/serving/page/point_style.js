// How points look: their state, and their size by number and zoom.

export const [FADED, NORMAL, STRONG] = [0, 1, 2];

export const STRONG_SIZE = 1.5; // times the normal size

export function pointSize(count, scale, width) {
  const size = count > 20000 ? 2.5 : count > 3000 ? 4 : 7;
  return Math.max(2, Math.min(14, size * Math.sqrt(scale / width)));
}
