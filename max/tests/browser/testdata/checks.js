// What is wrong with a page for some of its readers; each gives a list.

const parse = (text) => text.match(/[\d.]+/g).map(Number);
const over = (top, below) => [0, 1, 2].map((i) => top[i] * (top[3] ?? 1) + below[i] * (1 - (top[3] ?? 1)));

// https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
function luminance(rgb) {
  const [r, g, b] = rgb.map((v) => linear(v / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ground(element) {
  const layers = [];
  for (let each = element; each; each = each.parentElement) {
    layers.unshift(parse(getComputedStyle(each).backgroundColor));
  }
  return layers.reduce((below, top) => over(top, below), [255, 255, 255]);
}

function lowContrast(least) {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    if (element.closest(".hidden, noscript, script, :disabled")) continue;
    const below = ground(element);
    const [a, b] = [luminance(over(parse(getComputedStyle(element).color), below)), luminance(below)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < least) found.push(`${contrast.toFixed(2)}: ${node.data.trim().slice(0, 40)}`);
  }
  return found;
}

function nameless() {
  const all = document.querySelectorAll("button, input, select, textarea, [role=img], dialog, aside");
  const isNamed = (each) => each.textContent.trim() || each.labels?.length || each.ariaLabel
    || document.getElementById(each.getAttribute("aria-labelledby"));
  return [...all].filter((each) => each.checkVisibility() && !isNamed(each)).map((each) => each.outerHTML);
}

function smallTargets(least) {
  const all = document.querySelectorAll("button, input:not([type=checkbox]), select, textarea, summary");
  const isSmall = (each) => each.checkVisibility() && each.getBoundingClientRect().height < least;
  return [...all].filter(isSmall).map((each) => each.outerHTML);
}
