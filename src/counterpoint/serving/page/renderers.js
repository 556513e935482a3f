// The points of the map, drawn by WebGL 2, or pixel by pixel on a 2D canvas where there is none. Both have
//   setPoints(places, categories), setStates(Uint8Array of FADED, NORMAL, STRONG), setColours([[r, g, b]], background)
//   draw(view), with view = { x, y, scale, width, height, ratio }: a place p is drawn at (p - x) * scale + width / 2.

import { canvasRenderer } from "./renderer_2d.js";
import { webglRenderer } from "./renderer_webgl.js";

export function createRenderer(canvas, onContextLost) {
  const gl = canvas.getContext("webgl2", { antialias: false, alpha: true });
  if (!gl) return canvasRenderer(canvas);
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    onContextLost();
  });
  return webglRenderer(gl, canvas);
}
