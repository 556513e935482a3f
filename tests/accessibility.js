// What makes the page of a browser hard to use by eye, ear or keyboard, as sentences; run as the body of a function.

const isShown = (element) =>
  element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;

const channels = (colour) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const pen = canvas.getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data];
};

// WCAG 2.2: relative luminance, and the contrast ratio of two.
const luminance = ([r, g, b]) => {
  const linear = [r, g, b].map((value) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
};

const background = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = channels(getComputedStyle(each).backgroundColor);
    if (colour[3] > 250) return colour;
  }
  return [255, 255, 255];
};

function lowContrast() {
  const faults = [];
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!hasText || !isShown(element) || element.closest(":disabled")) continue;
    const style = getComputedStyle(element);
    const [light, dark] = [luminance(channels(style.color)), luminance(background(element))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio >= (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) continue;
    faults.push(`contrast ${ratio.toFixed(2)} of '${element.textContent.trim().slice(0, 30)}'`);
  }
  return faults;
}

function repeatedIds() {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const repeated = ids.filter((id, i) => ids.indexOf(id) !== i);
  return repeated.map((id) => `two elements with the id ${id}`);
}

function smallTargets() {
  const controls = [...document.querySelectorAll("button, a[href], select, input:not(.unseen)")];
  const small = controls.filter((element) => {
    const { width, height } = element.getBoundingClientRect();
    return isShown(element) && !element.closest("p") && (width < 24 || height < 24);
  });
  return small.map((element) => `small target ${element.outerHTML.slice(0, 60)}`);
}

function skippedHeadings() {
  const headings = [...document.querySelectorAll("h1, h2, h3, h4")].filter(isShown);
  const levels = headings.map((element) => Number(element.tagName[1]));
  return levels.flatMap((level, i) =>
    level - (levels[i - 1] ?? 0) > 1 ? [`a heading of level ${level} after level ${levels[i - 1] ?? 0}`] : [],
  );
}

const root = document.documentElement;
return [
  ...lowContrast(),
  ...repeatedIds(),
  ...smallTargets(),
  ...skippedHeadings(),
  ...(root.lang ? [] : ["no language"]),
  ...(root.scrollWidth > innerWidth + 1 ? [`wider than the screen: ${root.scrollWidth} pixels`] : []),
];
