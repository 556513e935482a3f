(() => {
  "use strict";
  const map = JSON.parse(document.getElementById("map-data").textContent);
  const plane = document.getElementById("plane"), sprite = document.getElementById("sprite");
  const tip = document.getElementById("tip"), shown = tip.querySelector("canvas"), words = tip.querySelectorAll("span");
  const buttons = [...document.querySelectorAll(".legend button")];
  const style = getComputedStyle(document.documentElement);
  const colours = [...Array(10).keys()].map((each) => style.getPropertyValue("--g" + each).trim());
  const pen = plane.getContext("2d");
  let alone = -1, chosen = -1, side = 1;

  const at = (each) => map.places[each].map((part) => (0.035 + 0.93 * part) * side);

  function mark(each, radius) {
    const [x, y] = at(each), shape = Math.floor(map.groups[each] / 10);
    pen.fillStyle = colours[map.groups[each] % 10];
    pen.beginPath();
    if (shape === 0) pen.arc(x, y, radius, 0, 7);
    else if (shape === 1) pen.rect(x - radius, y - radius, 2 * radius, 2 * radius);
    else pen.moveTo(x, y - radius), pen.lineTo(x + radius, y + radius), pen.lineTo(x - radius, y + radius);
    pen.fill();
  }

  function number(group) {
    const members = map.places.map((_, each) => each).filter((each) => map.groups[each] === group);
    if (members.length === 0) return;
    const middle = [0, 1].map((part) => members.map((each) => at(each)[part]).sort((a, b) => a - b)[members.length >> 1]);
    pen.strokeText(group + 1, ...middle);
    pen.fillText(group + 1, ...middle);
  }

  function draw() {
    const dense = window.devicePixelRatio || 1;
    side = plane.clientWidth || 1;
    plane.width = plane.height = Math.round(side * Math.max(dense, 2));
    pen.setTransform(plane.width / side, 0, 0, plane.height / side, 0, 0);
    const radius = side / 150 * Math.min(2, Math.max(0.75, Math.sqrt(600 / map.places.length)));
    map.places.forEach((_, each) => {
      pen.globalAlpha = alone < 0 || map.groups[each] === alone ? 0.85 : 0.08;
      mark(each, radius);
    });
    pen.globalAlpha = 1;
    if (chosen >= 0) {
      pen.strokeStyle = style.getPropertyValue("--ink");
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(...at(chosen), radius + 4, 0, 7);
      pen.stroke();
    }
    pen.font = "700 " + Math.max(12, side / 42) + "px system-ui, sans-serif";
    pen.textAlign = "center"; pen.textBaseline = "middle"; pen.lineJoin = "round";
    pen.lineWidth = 4; pen.strokeStyle = "#fff"; pen.fillStyle = "#111";
    map.labels.forEach((_, group) => { if (alone < 0 ? map.labels.length <= 12 : alone === group) number(group); });
  }

  function show(each) {
    chosen = each;
    tip.hidden = each < 0;
    draw();
    if (each < 0) return;
    if (map.tile) {
      const [width, height] = map.tile;
      shown.width = width; shown.height = height;
      shown.style.imageRendering = width < 48 ? "pixelated" : "auto";
      shown.getContext("2d").drawImage(
        sprite, (each % map.columns) * width, Math.floor(each / map.columns) * height, width, height, 0, 0, width, height);
    }
    shown.hidden = !map.tile;
    words[0].textContent = map.names[each];
    words[1].textContent = map.labels[map.groups[each]];
    const [x, y] = at(each);
    tip.style.left = Math.max(0, x + 16 + tip.offsetWidth > side ? x - 16 - tip.offsetWidth : x + 16) + "px";
    tip.style.top = Math.max(0, Math.min(y - 20, side - tip.offsetHeight)) + "px";
  }

  function nearest(event) {
    const box = plane.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    let best = -1, least = 24 * 24;
    map.places.forEach((_, each) => {
      if (alone >= 0 && map.groups[each] !== alone) return;
      const [left, top] = at(each), distance = (left - x) ** 2 + (top - y) ** 2;
      if (distance < least) { least = distance; best = each; }
    });
    return best;
  }

  plane.addEventListener("pointermove", (event) => { const each = nearest(event); if (each !== chosen) show(each); });
  plane.addEventListener("pointerdown", (event) => show(nearest(event)));
  plane.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") show(-1); });
  plane.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") show(-1);
    if (step) { event.preventDefault(); show((chosen + step + map.places.length) % map.places.length); }
  });
  buttons.forEach((button, group) => button.addEventListener("click", () => {
    alone = alone === group ? -1 : group;
    buttons.forEach((each, number) => each.setAttribute("aria-pressed", String(number === alone)));
    show(-1);
  }));
  new ResizeObserver(draw).observe(plane);
  window.addEventListener("beforeprint", () => { alone = -1; show(-1); });
})();
