// Draws points: with WebGL 2, or pixel by pixel on a canvas where there is none. Both take the same:
//   points(places, groups), states(Uint8Array: 0 faint, 1 usual, 2 strong), colours([[r, g, b]], paper), draw(view)
// A view is { x, y, scale, width, height, ratio }: a place p of the map is seen at (p - x) * scale + width / 2.

const VERTEX = `#version 300 es
in vec2 place; in float group; in float state;
uniform vec2 centre; uniform vec2 factor; uniform float size; uniform vec3 colours[12];
out vec4 colour;
void main() {
  gl_Position = vec4((place - centre) * factor, 0.0, 1.0);
  gl_PointSize = state > 1.5 ? size * 1.5 : size;
  float strength = state < 0.5 ? 0.1 : state > 1.5 ? 1.0 : 0.8;
  colour = vec4(colours[int(group)] * strength, strength);
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour; out vec4 shown;
void main() {
  float far = length(gl_PointCoord - 0.5);
  if (far > 0.5) discard;
  shown = colour * smoothstep(0.5, 0.4, far);
}`;

export const dotSize = (count, scale, width) =>
  Math.max(2, Math.min(14, (count > 20000 ? 2.5 : count > 3000 ? 4 : 7) * Math.sqrt(scale / width)));

export function renderer(canvas, onlost) {
  const gl = canvas.getContext("webgl2", { antialias: false, alpha: true });
  if (!gl) return pixels(canvas);
  canvas.addEventListener("webglcontextlost", (event) => { event.preventDefault(); onlost(); });
  return webgl(gl, canvas);
}

function shader(gl, kind, source) {
  const made = gl.createShader(kind);
  gl.shaderSource(made, source);
  gl.compileShader(made);
  return made;
}

function webgl(gl, canvas) {
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, shader(gl, gl.FRAGMENT_SHADER, FRAGMENT));
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const buffers = {}, at = (name) => gl.getUniformLocation(program, name);
  let count = 0;
  function attribute(name, values, size, kind) {
    const place = gl.getAttribLocation(program, name);
    buffers[name] ??= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, kind, false, 0, 0);
  }
  return {
    kind: "webgl2",
    points(places, groups) { count = groups.length; attribute("place", places, 2, gl.FLOAT); attribute("group", groups, 1, gl.UNSIGNED_BYTE); },
    states(states) { attribute("state", states, 1, gl.UNSIGNED_BYTE); },
    colours(colours) { gl.uniform3fv(at("colours"), colours.flat().map((part) => part / 255)); },
    draw({ x, y, scale, width, height, ratio }) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(at("centre"), x, y);
      gl.uniform2f(at("factor"), (2 * scale) / width, (-2 * scale) / height);
      gl.uniform1f(at("size"), dotSize(count, scale, width) * ratio);
      gl.drawArrays(gl.POINTS, 0, count);
    },
  };
}

export function pixels(canvas) {
  const context = canvas.getContext("2d");
  let places = new Float32Array(0), groups = new Uint8Array(0), states = new Uint8Array(0), inks = [];
  const ink = ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r;
  const mixed = (colour, paper, share) => colour.map((part, place) => Math.round(part * share + paper[place] * (1 - share)));
  return {
    kind: "2d",
    points(some, their) { places = some; groups = their; },
    states(some) { states = some; },
    colours(colours, paper) { inks = [0.15, 0.8, 1].map((share) => colours.map((each) => ink(mixed(each, paper, share)))); },
    draw({ x, y, scale, width, height, ratio }) {
      const image = context.createImageData(canvas.width, canvas.height), held = new Uint32Array(image.data.buffer);
      const wide = canvas.width, high = canvas.height, size = dotSize(groups.length, scale, width) * ratio;
      for (let state = 0; state < 3; state++) {
        const side = Math.max(1, Math.round(state === 2 ? size * 1.5 : size)), half = side / 2, round = half * half;
        for (let each = 0; each < groups.length; each++) {
          if (states[each] !== state) continue;
          const left = Math.round(((places[2 * each] - x) * scale + width / 2) * ratio - half);
          const top = Math.round(((places[2 * each + 1] - y) * scale + height / 2) * ratio - half);
          if (left < 0 || top < 0 || left + side >= wide || top + side >= high) continue;
          const colour = inks[state][groups[each]];
          for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) {
            if (side < 4 || (row + 0.5 - half) ** 2 + (column + 0.5 - half) ** 2 <= round) held[(top + row) * wide + left + column] = colour;
          }
        }
      }
      context.putImageData(image, 0, 0);
    },
  };
}
