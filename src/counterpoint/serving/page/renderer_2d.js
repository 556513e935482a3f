import { FADED, NORMAL, pointSize, STRONG, STRONG_SIZE } from "./point_style.js";

const ALPHA = [0.15, 0.8, 1]; // by state
const SQUARE = 4; // pixels below which a point is drawn as a square

export function canvasRenderer(canvas) {
  const context = canvas.getContext("2d");
  let places = new Float32Array(0);
  let categories = new Uint8Array(0);
  let states = new Uint8Array(0);
  let palette = []; // by state and category
  let image = null;

  function stamp(pixels, left, top, side, colour) {
    const radius = side / 2;
    for (let row = 0; row < side; row++) {
      const start = (top + row) * image.width + left;
      for (let column = 0; column < side; column++) {
        const distance = (row + 0.5 - radius) ** 2 + (column + 0.5 - radius) ** 2;
        if (side < SQUARE || distance <= radius * radius) pixels[start + column] = colour;
      }
    }
  }

  return {
    kind: "2d",
    setPoints(somePlaces, someCategories) {
      places = somePlaces;
      categories = someCategories;
    },
    setStates(someStates) {
      states = someStates;
    },
    setColours(colours, background) {
      palette = ALPHA.map((alpha) => colours.map((colour) => packed(blended(colour, background, alpha))));
    },
    draw({ x, y, scale, width, height, ratio }) {
      if (image?.width !== canvas.width || image.height !== canvas.height) {
        image = context.createImageData(canvas.width, canvas.height);
      }
      const pixels = new Uint32Array(image.data.buffer).fill(0);
      const size = pointSize(categories.length, scale, width) * ratio;
      for (const state of [FADED, NORMAL, STRONG]) {
        const side = Math.max(1, Math.round(state === STRONG ? size * STRONG_SIZE : size));
        for (let i = 0; i < categories.length; i++) {
          if (states[i] !== state) continue;
          const left = Math.round(((places[2 * i] - x) * scale + width / 2) * ratio - side / 2);
          const top = Math.round(((places[2 * i + 1] - y) * scale + height / 2) * ratio - side / 2);
          const visible = left >= 0 && top >= 0 && left + side < image.width && top + side < image.height;
          if (visible) stamp(pixels, left, top, side, palette[state][categories[i]]);
        }
      }
      context.putImageData(image, 0, 0);
    },
  };
}

const blended = (colour, background, alpha) =>
  colour.map((value, i) => Math.round(value * alpha + background[i] * (1 - alpha)));

const packed = ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r; // little-endian RGBA
