// The engine, twice a second while its view is open and seen.

import { getJson } from "./api.js";
import { drawBars, drawCells } from "./charts.js";
import { $, count, h } from "./dom.js";

const PERIOD_MS = 500;
const SHOWN_STEPS = 120;
const SHOWN_SECONDS = 60;
const RATE_S = 2;
const GAUGES = [["running", "Running"], ["waiting", "Waiting"], ["batch", "Batch"], ["rate", "Tokens / s"], ["step", "Step"], ["pages", "Pages held"]];

let steps = []; // {number, at, batch, prompt, output, ms}
let rates = []; // {second, tokens}
let last = 0;
let timer = null;
let view = null;
let chosen = null;
let cellAt = () => -1;

export function openEngine() {
  if (timer === null && !$("engine").hidden && !document.hidden) poll();
}

export function closeEngine() {
  clearTimeout(timer);
  timer = null;
}

async function poll() {
  timer = -1;
  try {
    const next = await getJson(`ui/engine?after=${last}`);
    if (timer === null) return;
    take(next);
    $("engine-trouble").textContent = next.phase === "ready" ? "" : `The server is ${next.phase}.`;
    draw();
  } catch (error) {
    if (timer === null) return;
    $("engine-trouble").textContent = error.message;
  }
  timer = setTimeout(poll, PERIOD_MS);
}

function take(next) {
  view = next;
  view.cells = Uint8Array.from(atob(next.cells), (character) => character.charCodeAt(0));
  const now = performance.now() / 1000;
  for (const [number, ago, batch, prompt, output, ms] of next.steps) {
    last = Math.max(last, number);
    const at = now - ago;
    steps.push({ at, batch, prompt, ms, output });
    const second = Math.floor(at);
    const rate = rates.find((each) => each.second === second) ?? rates[rates.push({ second, tokens: 0 }) - 1];
    rate.tokens += output;
  }
  steps = steps.slice(-512);
  rates = rates.filter((each) => each.second > now - SHOWN_SECONDS - 1);
}

// A person who looks sees numbers settle; a screen reader is not told of each.
function draw() {
  const now = performance.now() / 1000;
  const recent = steps.filter((step) => step.at > now - RATE_S);
  const newest = recent.at(-1);
  const rate = recent.reduce((sum, step) => sum + step.output, 0) / RATE_S;
  const values = {
    running: count(view.running),
    waiting: count(view.waiting),
    batch: newest ? count(newest.batch) : "0",
    rate: rate ? rate.toFixed(rate < 100 ? 1 : 0) : "0",
    step: newest ? milliseconds(median(recent.map((step) => step.ms))) : "idle",
    pages: count(view.used_pages),
  };
  for (const [name] of GAUGES) $(`gauge-${name}`).textContent = values[name];
  $("gauge-pages").append(h("small", {}, ` of ${count(view.total_pages)}`));
  drawRates(Math.floor(now));
  drawSteps();
  drawPages();
  showRequests();
}

function drawRates(second) {
  const known = new Map(rates.map((each) => [each.second, each.tokens]));
  const bars = Array.from({ length: SHOWN_SECONDS }, (_, index) => ({ value: known.get(second - SHOWN_SECONDS + index) ?? 0, kind: 0 }));
  const most = Math.max(...bars.map((bar) => bar.value));
  $("rates").dataset.bars = SHOWN_SECONDS;
  drawBars($("rates"), bars, most, ["--accent"]);
  $("rate-most").textContent = most ? `at most ${count(most)}` : "";
  $("rates").setAttribute("aria-label", `Tokens per second of the last minute: at most ${count(most)}`);
}

function drawSteps() {
  const shown = steps.slice(-SHOWN_STEPS);
  const most = Math.max(0, ...shown.map((step) => step.ms));
  $("steps").dataset.bars = SHOWN_STEPS;
  drawBars($("steps"), shown.map((step) => ({ value: step.ms, kind: step.prompt ? 1 : 0 })), most, ["--accent", "--amber"]);
  $("step-most").textContent = most ? `at most ${milliseconds(most)}` : "";
  $("steps").setAttribute("aria-label", shown.length
    ? `The last ${shown.length} steps: ${milliseconds(median(shown.map((step) => step.ms)))} in the middle, ${milliseconds(most)} at most`
    : "No steps yet");
}

function drawPages() {
  const sorts = [0, 0, 0, 0];
  for (const state of view.cells) sorts[Math.min(3, state)] += 1;
  const told = `${sorts[2]} held, ${sorts[3]} shared, ${sorts[1]} cached, ${sorts[0]} blank`;
  $("pages-title").textContent = view.pages_per_cell > 1 ? `${view.pages_per_cell} in a cell` : `${view.page_size} tokens each`;
  $("pages").setAttribute("aria-label", `KV pages: ${told}`);
  cellAt = drawCells($("pages"), view.cells, new Set(chosenRequest()?.cells ?? []));
  if (!$("pages").matches(":hover")) $("page-note").textContent = told;
}

const chosenRequest = () => view.requests.map(requestOf).find((request) => request.id === chosen);
const requestOf = ([id, prompt, length, computed, most, cached, pages, cells]) => ({ id, prompt, length, computed, most, cached, pages, cells });

function showRequests() {
  const list = $("requests");
  const shown = view.requests.map(requestOf);
  const rest = view.running - shown.length;
  list.replaceChildren(...keep(list, shown), ...(rest > 0 ? [h("li", { class: "note" }, `and ${count(rest)} more`)] : []),
    ...(shown.length ? [] : [h("li", { class: "note" }, "None at this moment.")]));
}

// Buttons stay the same elements from one look to the next: they may have the focus.
function keep(list, requests) {
  const old = new Map([...list.children].filter((item) => item.request).map((item) => [item.request, item]));
  return requests.map((request) => {
    const item = old.get(request.id) ?? newItem(request.id);
    const [line, track] = item.firstChild.children;
    line.children[1].textContent = `${count(request.length)} tokens · ${count(request.pages)} pages${request.cached ? ` · ${count(request.cached)} cached` : ""}`;
    track.firstChild.style.width = `${(100 * request.computed) / Math.max(1, request.most)}%`;
    item.firstChild.setAttribute("aria-pressed", String(request.id === chosen));
    return item;
  });
}

function newItem(id) {
  const choose = (value) => () => { chosen = value; drawPages(); };
  const item = h("li", {}, h("button", {
    type: "button", onmouseenter: choose(id), onmouseleave: choose(null), onfocus: choose(id), onblur: choose(null),
  }, h("span", { class: "line" }, h("code", {}, id.slice(0, 8)), h("span")), h("span", { class: "track" }, h("span"))));
  item.request = id;
  return item;
}

const STATES = ["blank", "cached: a later prompt may find it", "held by one request"];

function tellCell(event) {
  const index = cellAt(event.offsetX, event.offsetY);
  const state = view?.cells[index];
  if (state === undefined) return;
  const first = index * view.pages_per_cell + 1;
  const last = Math.min(view.total_pages, first + view.pages_per_cell - 1);
  $("page-note").textContent = `${first === last ? `Page ${first}` : `Pages ${first} to ${last}`}: ${STATES[state] ?? `shared by ${state - 1} requests`}`;
}

const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

export function setUpEngine() {
  $("gauges").replaceChildren(...GAUGES.map(([name, title]) => h("div", {}, h("dt", {}, title), h("dd", { id: `gauge-${name}` }, "–"))));
  $("pages").addEventListener("mousemove", tellCell);
  document.addEventListener("visibilitychange", () => (document.hidden ? closeEngine() : openEngine()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (view && timer !== null) draw(); });
}
