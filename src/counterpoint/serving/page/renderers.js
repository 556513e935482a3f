// The points of the map, drawn by WebGL 2; or, where there is no GPU and the browser would run the shaders on the CPU,
// which takes three times as long, pixel by pixel on a 2D canvas. Both have
//   setPoints(places, categories), setStates(Uint8Array of FADED, NORMAL, STRONG), setColours([[r, g, b]], background)
//   draw(view), with view = { x, y, scale, width, height, ratio }: a place p is drawn at (p - x) * scale + width / 2.

import { canvasRenderer } from "./renderer_2d.js";
import { webglRenderer } from "./renderer_webgl.js";

export function createRenderer(canvas, onContextLost) {
  const gl = canvas.getContext("webgl2", { antialias: false, failIfMajorPerformanceCaveat: true });
  if (!gl) return canvasRenderer(canvas);
  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    onContextLost();
  });
  return webglRenderer(gl, canvas);
}
