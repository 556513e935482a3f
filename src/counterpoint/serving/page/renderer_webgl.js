import { pointSize, STRONG_SIZE } from "./point_style.js";

const VERTEX = `#version 300 es
in vec2 place; in float category; in float state;
uniform vec2 centre; uniform vec2 factor; uniform float size; uniform vec3 colours[12];
out vec4 colour;
void main() {
  gl_Position = vec4((place - centre) * factor, 0.0, 1.0);
  gl_PointSize = state > 1.5 ? size * ${STRONG_SIZE.toFixed(1)} : size;
  float alpha = state < 0.5 ? 0.1 : state > 1.5 ? 1.0 : 0.8;
  colour = vec4(colours[int(category)] * alpha, alpha);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour; out vec4 pixel;
void main() {
  float radius = length(gl_PointCoord - 0.5);
  if (radius > 0.5) discard;
  pixel = colour * smoothstep(0.5, 0.4, radius);
}`;

export function webglRenderer(gl, canvas) {
  const program = linkedProgram(gl);
  const uniform = Object.fromEntries(
    ["centre", "factor", "size", "colours"].map((name) => [name, gl.getUniformLocation(program, name)]),
  );
  const buffers = {};
  let count = 0;

  function setAttribute(name, values, size, type) {
    const location = gl.getAttribLocation(program, name);
    buffers[name] ??= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, size, type, false, 0, 0);
  }

  return {
    kind: "webgl2",
    setPoints(places, categories) {
      count = categories.length;
      setAttribute("place", places, 2, gl.FLOAT);
      setAttribute("category", categories, 1, gl.UNSIGNED_BYTE);
    },
    setStates(states) {
      setAttribute("state", states, 1, gl.UNSIGNED_BYTE);
    },
    setColours(colours) {
      gl.uniform3fv(
        uniform.colours,
        colours.flat().map((value) => value / 255),
      );
    },
    draw({ x, y, scale, width, height, ratio }) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(uniform.centre, x, y);
      gl.uniform2f(uniform.factor, (2 * scale) / width, (-2 * scale) / height);
      gl.uniform1f(uniform.size, pointSize(count, scale, width) * ratio);
      gl.drawArrays(gl.POINTS, 0, count);
    },
  };
}

function linkedProgram(gl) {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA); // colours are premultiplied
  return program;
}
