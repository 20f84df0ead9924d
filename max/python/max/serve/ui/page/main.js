// The page: the conversation, what is around it, and what people do with both.

import { chat, getJson, health } from "./api.js";
import { Conversation, newAnswer, take } from "./conversation.js";
import { $, count, h } from "./dom.js";
import { closeEngine, openEngine, setUpEngine } from "./engine.js";
import { fitSeen, showSeen } from "./seen.js";
import { fitSettings, requestFields, setUpSettings, systemPrompt } from "./settings.js";
import { watchTokens } from "./tokens.js";
import { TurnView } from "./turns.js";

const SUGGESTIONS = [
  "Tom has 3 apples and buys 5 more. How many apples does Tom have?",
  "Explain in three sentences why a language model keeps keys and values of what it has read.",
];
const MODEL = "max.model";
const conversation = new Conversation();
const views = new Map(); // of turns
let running = null; // the AbortController of the answer that grows

const acts = {
  edit(turn, text) { if (!running) { forget(turn); ask(text); } },
  retry(turn) { if (!running) { forget(turn); answer(newAnswer($("model").value)); } },
  goOn(turn) { if (!running) answer(turn, { continue_final_message: true }); },
  answer(turn) {
    conversation.save();
    if (turn.calls.every((call) => call.result !== undefined)) answer(newAnswer($("model").value));
  },
  see(turn) { showSeen(requestFor(turn)); },
};

function requestFor(turn) {
  return { model: turn.model ?? $("model").value, messages: conversation.messagesBefore(turn, systemPrompt()), ...requestFields() };
}

function show(turn) {
  const view = new TurnView(turn, acts);
  views.set(turn, view);
  $("transcript").append(view.element);
  $("welcome").hidden = true;
  return view;
}

function forget(turn) {
  const kept = conversation.turns.indexOf(turn);
  for (const gone of conversation.turns.slice(kept)) {
    views.get(gone).element.remove();
    views.delete(gone);
  }
  conversation.cut(turn);
}

function ask(text) {
  show(conversation.add({ role: "user", content: text }));
  conversation.save();
  answer(newAnswer($("model").value));
}

// Lets the model write `turn`, or more of it.
async function answer(turn, more = {}) {
  const view = views.get(turn) ?? show(conversation.add(turn));
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  running = new AbortController();
  Object.assign(turn, { error: null, finish: null, first: null });
  setBusy(true);
  const paint = painter(view);
  try {
    const request = requestFor(turn);
    if (more.continue_final_message) request.messages.push({ role: "assistant", content: turn.content });
    for await (const chunk of chat({ ...request, ...more }, running.signal)) {
      take(turn, chunk);
      if (turn.first === null && (turn.content || turn.reasoning || turn.calls.length)) turn.first = seconds();
      paint();
    }
  } catch (error) {
    if (error.name === "AbortError") turn.finish = "stopped";
    else turn.error = error.message;
  }
  turn.seconds = seconds();
  running = null;
  conversation.save();
  setBusy(false);
  paint.stop();
  view.showAnswer(false);
  follow(true);
  $("said").textContent = turn.error ?? (turn.content || turn.calls.map((call) => `It calls ${call.name}`).join(", "));
}

// Once per frame at most; the page follows while it is at its end.
function painter(view) {
  let frame = null;
  const paint = () => {
    frame ??= requestAnimationFrame(() => {
      frame = null;
      const end = isAtEnd();
      view.showAnswer(true);
      follow(end);
    });
  };
  paint.stop = () => cancelAnimationFrame(frame);
  view.showAnswer(true);
  follow(true);
  return paint;
}

const isAtEnd = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight < 60;
const follow = (wanted) => { if (wanted) $("scroll").scrollTop = $("scroll").scrollHeight; };

function setBusy(isBusy) {
  $("send").hidden = isBusy;
  $("stop").hidden = !isBusy;
  $("new").disabled = isBusy;
  $("transcript").setAttribute("aria-busy", String(isBusy));
  if (isBusy) $("said").textContent = "";
  if (!isBusy && document.activeElement === document.body) $("prompt").focus();
}

function showPanel(name, isOpen) {
  for (const other of ["settings", "engine"]) {
    const opens = isOpen && other === name;
    $(other).hidden = !opens;
    $(`show-${other}`).setAttribute("aria-expanded", String(opens));
  }
  if (isOpen) $(name).querySelector("[data-close]").focus();
  else $(`show-${name}`).focus();
  if (name === "engine" && isOpen) openEngine();
  else closeEngine();
}

function setUpComposer() {
  const prompt = $("prompt");
  const fit = () => { prompt.style.height = "auto"; prompt.style.height = `${prompt.scrollHeight + 2}px`; };
  prompt.addEventListener("input", fit);
  prompt.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("composer").requestSubmit();
  });
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = prompt.value.trim();
    if (!text || running || $("model").disabled) return;
    prompt.value = "";
    fit();
    ask(text);
  });
  $("stop").addEventListener("click", () => { running?.abort(); prompt.focus(); });
  $("new").addEventListener("click", () => {
    if (conversation.turns.length) forget(conversation.turns[0]);
    $("welcome").hidden = false;
    prompt.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (running) running.abort();
    else for (const name of ["settings", "engine"]) if (!$(name).hidden) showPanel(name, false);
  });
}

function setUpPanels() {
  for (const name of ["settings", "engine"]) {
    $(`show-${name}`).addEventListener("click", () => showPanel(name, $(name).hidden));
    document.querySelector(`[data-close="${name}"]`).addEventListener("click", () => showPanel(name, false));
  }
}

async function untilReady() {
  for (;;) {
    const { status, phase } = await health().catch(() => ({ phase: "not to be reached" }));
    $("phase").textContent = status === "ok" ? "" : `The server is ${PHASES[phase] ?? phase} …`;
    if (status === "ok") return;
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
}

const PHASES = { download: "finding the model", import: "starting", read: "reading the weights", compile: "compiling", "place weights": "placing the weights", allocate: "taking memory", "warm up": "warming up" };

async function setUpModels() {
  await untilReady();
  const features = await getJson("ui/features");
  const { data } = await getJson("v1/models");
  fitSettings(features);
  fitSeen(features);
  const chosen = localStorage.getItem(MODEL);
  $("model").replaceChildren(...data.map(({ id }, index) => h("option", { value: id, selected: id === chosen }, index ? `${id} (adapter)` : id)));
  $("model").disabled = !features.generates_text;
  $("model").addEventListener("change", () => localStorage.setItem(MODEL, $("model").value));
  $("show-engine").hidden = !features.sees_engine;
  $("welcome-name").textContent = features.model;
  $("welcome-facts").textContent = features.generates_text
    ? `${count(features.max_model_len)} tokens of context. What you write goes to this server and nowhere else.`
    : "This model turns texts into vectors; it does not converse. Ask /v1/embeddings.";
  document.title = `${features.model} – MAX`;
  if (!features.generates_text) return;
  $("suggestions").replaceChildren(...SUGGESTIONS.map((text) => h("li", {}, h("button", { type: "button", onclick: () => { if (!running) ask(text); } }, text))));
}

setUpSettings();
setUpComposer();
setUpPanels();
setUpEngine();
watchTokens();
for (const turn of conversation.turns) show(turn);
follow(true);
$("welcome").hidden = conversation.turns.length > 0;
setUpModels().catch((error) => { $("phase").textContent = error.message; });
