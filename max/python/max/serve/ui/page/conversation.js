// What was said: turns, and the messages that a request has of them. Kept in this tab.

const STORE = "max.conversation";
const MOST_BYTES = 2_000_000;

// A user's turn: {role: "user", content}. An assistant's: {role: "assistant", content, reasoning,
// calls: [{id, name, arguments, result}], tokens, usage, finish, error, model, seconds, first}.
export class Conversation {
  constructor() {
    this.turns = [];
    try {
      this.turns = JSON.parse(sessionStorage.getItem(STORE) ?? "[]");
    } catch { /* Another version's. */ }
  }

  add(turn) {
    this.turns.push(turn);
    return turn;
  }

  // The turns from this one on are forgotten.
  cut(turn) {
    const index = this.turns.indexOf(turn);
    if (index >= 0) this.turns.length = index;
    this.save();
  }

  // What a request says that asks for `turn`, or for what comes after the last one.
  messagesBefore(turn, system) {
    const end = this.turns.indexOf(turn);
    const turns = end < 0 ? this.turns : this.turns.slice(0, end);
    return [...(system ? [{ role: "system", content: system }] : []), ...turns.flatMap(messagesOf)];
  }

  save() {
    const text = JSON.stringify(this.turns);
    if (text.length < MOST_BYTES) sessionStorage.setItem(STORE, text);
  }
}

export function messagesOf(turn) {
  if (turn.role === "user") return [{ role: "user", content: turn.content }];
  const message = { role: "assistant", content: turn.content };
  if (!turn.calls.length) return [message];
  message.tool_calls = turn.calls.map((call) => ({ id: call.id, type: "function", function: { name: call.name, arguments: call.arguments } }));
  const results = turn.calls.filter((call) => call.result !== undefined);
  return [message, ...results.map((call) => ({ role: "tool", tool_call_id: call.id, content: call.result }))];
}

export function newAnswer(model) {
  return { role: "assistant", model, content: "", reasoning: "", calls: [], tokens: [], usage: null, finish: null, error: null, first: null, seconds: 0 };
}

// Adds what a chunk of a stream brings.
export function take(turn, chunk) {
  if (chunk.usage) turn.usage = chunk.usage;
  const choice = chunk.choices[0];
  if (!choice) return;
  turn.content += choice.delta.content ?? "";
  turn.reasoning += choice.delta.reasoning ?? "";
  for (const part of choice.delta.tool_calls ?? []) {
    const call = (turn.calls[part.index] ??= { id: "", name: "", arguments: "" });
    call.id ||= part.id ?? "";
    call.name += part.function?.name ?? "";
    call.arguments += part.function?.arguments ?? "";
  }
  for (const { token, logprob, top_logprobs } of choice.logprobs?.content ?? []) turn.tokens.push({ token, logprob, top_logprobs });
  turn.finish = choice.finish_reason ?? turn.finish;
}
