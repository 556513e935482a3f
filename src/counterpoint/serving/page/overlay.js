// What is drawn above the points: rings around hits and the selected items, the keyboard cross, and the lasso.

export function drawOverlay(canvas, view, { hits, selected, other, cross, polygon, ink, paper }) {
  const pen = canvas.getContext("2d");
  pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  pen.clearRect(0, 0, view.width, view.height);
  for (const place of hits)
    ring(pen, place, 5, [
      [paper, 3.5],
      [ink, 1.5],
    ]);
  if (other) namedRing(pen, other, "B", [3, 2], ink, paper);
  if (selected) namedRing(pen, selected, "A", [], ink, paper);
  if (cross) drawCross(pen, cross, ink);
  if (polygon) drawLasso(pen, polygon, ink);
}

function ring(pen, [x, y], radius, strokes, dash = []) {
  for (const [colour, width] of strokes) {
    pen.beginPath();
    pen.setLineDash(dash);
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.stroke();
  }
  pen.setLineDash([]);
}

function namedRing(pen, [x, y], name, dash, ink, paper) {
  const radius = 9;
  ring(
    pen,
    [x, y],
    radius,
    [
      [paper, 5],
      [ink, 2.5],
    ],
    dash,
  );
  pen.font = "700 13px system-ui, sans-serif";
  pen.strokeStyle = paper;
  pen.lineWidth = 4;
  pen.strokeText(name, x + radius + 3, y + 4);
  pen.fillStyle = ink;
  pen.fillText(name, x + radius + 3, y + 4);
}

function drawCross(pen, [x, y], ink) {
  pen.strokeStyle = ink;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x - 12, y);
  pen.lineTo(x + 12, y);
  pen.moveTo(x, y - 12);
  pen.lineTo(x, y + 12);
  pen.stroke();
}

function drawLasso(pen, polygon, ink) {
  pen.beginPath();
  for (const [x, y] of polygon) pen.lineTo(x, y);
  pen.closePath();
  pen.globalAlpha = 0.12;
  pen.fillStyle = ink;
  pen.fill();
  pen.globalAlpha = 1;
  pen.setLineDash([5, 4]);
  pen.strokeStyle = ink;
  pen.lineWidth = 1.5;
  pen.stroke();
  pen.setLineDash([]);
}
