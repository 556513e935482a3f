(() => {
  "use strict";
  const map = JSON.parse(document.getElementById("map-data").textContent);
  const plane = document.getElementById("plane"), sprite = document.getElementById("sprite");
  const ring = document.getElementById("ring"), tip = document.getElementById("tip");
  const shown = tip.querySelector("canvas"), words = tip.querySelectorAll("span");
  const buttons = [...document.querySelectorAll(".legend button")];
  let alone = -1, chosen = -1;

  function show(each) {
    chosen = each;
    tip.hidden = each < 0;
    ring.toggleAttribute("hidden", each < 0);
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
    ring.setAttribute("cx", map.places[each][0]);
    ring.setAttribute("cy", map.places[each][1]);
    const side = plane.clientWidth, [x, y] = map.places[each].map((part) => part * side / 1000);
    tip.style.left = Math.max(0, x + 16 + tip.offsetWidth > side ? x - 16 - tip.offsetWidth : x + 16) + "px";
    tip.style.top = Math.max(0, Math.min(y - 20, plane.clientHeight - tip.offsetHeight)) + "px";
  }

  function isolate(group) {
    alone = group;
    buttons.forEach((button, each) => {
      button.setAttribute("aria-pressed", String(each === alone));
      document.getElementById("dots" + (each + 1)).classList.toggle("faint", alone >= 0 && each !== alone);
      document.getElementById("mark" + (each + 1))?.classList.toggle("faint", alone >= 0 && each !== alone);
    });
    show(-1);
  }

  function nearest(event) {
    const box = plane.getBoundingClientRect(), unit = 1000 / box.width;
    const x = (event.clientX - box.left) * unit, y = (event.clientY - box.top) * unit;
    let best = -1, least = (24 * unit) ** 2;
    map.places.forEach(([left, top], each) => {
      if (alone >= 0 && map.groups[each] !== alone) return;
      const distance = (left - x) ** 2 + (top - y) ** 2;
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
    if (!step) return;
    event.preventDefault();
    const visible = [...map.places.keys()].filter((each) => alone < 0 || map.groups[each] === alone);
    const next = visible.indexOf(chosen) + step;
    show(visible.at(next < visible.length ? Math.max(next, -1) : 0) ?? -1);
  });
  buttons.forEach((button, group) => button.addEventListener("click", () => isolate(alone === group ? -1 : group)));
  window.addEventListener("beforeprint", () => isolate(-1));
})();
