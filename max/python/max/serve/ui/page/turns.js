// Turns as they are shown.

import { calculate } from "./calculator.js";
import { copyButton, count, h } from "./dom.js";
import { showMarkdown } from "./markdown.js";
import { showTokens } from "./tokens.js";

const button = (text, onclick, attributes = {}) => h("button", { type: "button", onclick, ...attributes }, text);

// `acts` are what a person can do: edit(turn, text), retry(turn), goOn(turn), answer(turn), see(turn).
export class TurnView {
  constructor(turn, acts) {
    this.turn = turn;
    this.acts = acts;
    this.said = h("div", { class: "said" });
    this.element = h("article", { class: `turn ${turn.role}` }, h("h2", {}, turn.role === "user" ? "You" : turn.model), this.said);
    this.asTokens = false;
    if (turn.role === "user") this.showUser();
    else this.showAnswer(false);
  }

  showUser() {
    this.said.replaceChildren(
      h("div", { class: "body" }, this.turn.content),
      h("footer", {}, button("Edit", () => this.showEditor())));
  }

  showEditor() {
    const text = h("textarea", { "aria-label": "Your message", rows: Math.min(12, this.turn.content.split("\n").length + 1) });
    text.value = this.turn.content;
    const leave = () => { this.showUser(); this.said.querySelector("button").focus(); };
    text.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); leave(); } });
    this.said.replaceChildren(h("form", {
      class: "edit",
      onsubmit: (event) => { event.preventDefault(); if (text.value.trim()) this.acts.edit(this.turn, text.value); },
    }, text, h("div", { class: "row" }, h("button", { class: "primary" }, "Send again"), button("Cancel", leave))));
    text.focus();
  }

  // While an answer grows its parts are kept, so that nothing jumps and an open thought stays open.
  showAnswer(isGrowing) {
    const { turn } = this;
    if (!this.body) {
      this.thought = h("div");
      this.thoughtBox = h("details", { class: "thought" }, h("summary", {}, "Thought"), this.thought);
      this.body = h("div", { class: "body" });
      this.weighed = h("div", { class: "tokens", "aria-label": "Tokens of the answer" });
      this.calls = h("div");
      this.error = h("p", { class: "wrong", role: "alert" });
      this.footer = h("footer");
      this.said.replaceChildren(this.thoughtBox, this.body, this.weighed, this.calls, this.error, this.footer);
    }
    this.element.classList.toggle("busy", isGrowing);
    this.thoughtBox.hidden = !turn.reasoning;
    this.thoughtBox.firstChild.textContent = isGrowing && !turn.content ? "Thinking…" : "Thought";
    this.thought.textContent = turn.reasoning.trim();
    this.body.hidden = this.asTokens || (!isGrowing && !turn.content);
    this.weighed.hidden = !this.asTokens;
    if (this.asTokens) showTokens(this.weighed, turn.tokens);
    else showMarkdown(this.body, turn.content);
    this.error.textContent = turn.error ?? "";
    this.calls.replaceChildren(...turn.calls.filter(Boolean).map((call) => this.call(call, isGrowing)));
    this.footer.hidden = isGrowing;
    if (!isGrowing) this.showFooter();
  }

  showFooter() {
    const { turn, acts } = this;
    const weighed = button("Tokens", () => { this.asTokens = !this.asTokens; this.showAnswer(false); this.footer.querySelector("[aria-pressed]").focus(); }, { "aria-pressed": String(this.asTokens) });
    const isCut = turn.finish === "length" || turn.finish === "stopped";
    this.footer.replaceChildren(...[
      turn.content ? copyButton(() => turn.content) : null,
      button("Retry", () => acts.retry(turn)),
      isCut && turn.content ? button("Go on", () => acts.goOn(turn)) : null,
      turn.tokens.length ? weighed : null,
      button("What it saw", () => acts.see(turn)),
      h("span", { class: "meta" }, meta(turn)),
    ].filter(Boolean));
  }

  call(call, isGrowing) {
    const box = h("div", { class: "call" }, h("h3", {}, call.name), h("pre", { tabindex: 0 }, pretty(call.arguments)));
    if (call.result !== undefined) box.append(h("output", {}, call.result));
    else if (!isGrowing) box.append(this.resultForm(call));
    return box;
  }

  resultForm(call) {
    const field = h("input", { "aria-label": `Result of ${call.name}`, placeholder: "Its result" });
    field.value = computed(call);
    return h("form", {
      class: "row",
      onsubmit: (event) => { event.preventDefault(); call.result = field.value; this.showAnswer(false); this.acts.answer(this.turn); },
    }, field, h("button", {}, "Give it the result"));
  }
}

function computed(call) {
  if (call.name !== "calculator") return "";
  try {
    const { expression } = JSON.parse(call.arguments);
    return calculate(String(expression));
  } catch (error) {
    return `error: ${error.message}`;
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 1).replace(/\n\s*/g, " ");
  } catch {
    return text;
  }
}

const ENDS = { length: "cut at its limit", stopped: "stopped", tool_calls: "asks for a tool" };

function meta(turn) {
  const parts = [];
  const tokens = turn.usage?.completion_tokens;
  if (tokens !== undefined) parts.push(`${count(tokens)} tokens`);
  if (tokens > 1 && turn.seconds - turn.first > 0.05) parts.push(`${((tokens - 1) / (turn.seconds - turn.first)).toFixed(1)}/s`);
  if (turn.first !== null) parts.push(`first after ${turn.first.toFixed(2)} s`);
  const cached = turn.usage?.prompt_tokens_details?.cached_tokens;
  if (cached) parts.push(`${count(cached)} of ${count(turn.usage.prompt_tokens)} prompt tokens from the cache`);
  if (ENDS[turn.finish]) parts.push(ENDS[turn.finish]);
  return parts.join(" · ");
}
