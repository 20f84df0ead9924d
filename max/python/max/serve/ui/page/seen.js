// What the model sees of a conversation: the prompt as its chat template writes it, in tokens, and how
// likely each of them was to it.

import { postJson } from "./api.js";
import { $, count } from "./dom.js";
import { showTokens } from "./tokens.js";

const ALTERNATIVES = 5;
let weighsPrompts = false;

export function fitSeen(features) {
  weighsPrompts = features.weighs_prompts;
}

export async function showSeen(request) {
  const facts = $("seen-facts");
  facts.className = "note";
  facts.textContent = "…";
  $("seen-text").replaceChildren();
  $("seen").showModal();
  const closed = new AbortController();
  $("seen").onclose = () => closed.abort();
  try {
    const { logprobs, top_logprobs, ...plain } = request;
    const seen = await postJson("v1/chat/completions/render", plain, closed.signal);
    const sampling = Object.entries(seen.sampling_params).filter(([name, value]) => TOLD.has(name) && value !== null && value !== 0);
    facts.textContent = `${count(seen.count)} of ${count(seen.max_model_len)} tokens. Sampled with ${sampling.map(([name, value]) => `${name} ${value}`).join(", ")}.`;
    showTokens($("seen-text"), await tokensOf(seen, closed.signal));
    if (weighsPrompts) showTokens($("seen-text"), await weighed(seen, closed.signal));
    else facts.textContent += " How likely each token was is told by servers that were started with --enable-echo.";
  } catch (error) {
    if (error.name === "AbortError") return;
    facts.className = "wrong";
    facts.textContent = error.message;
  }
}

const TOLD = new Set(["temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty", "max_tokens", "seed"]);

const isControl = (text) => /^<.*>$|^\[.*\]$/.test(text);

// The prompt comes back with the probabilities of its tokens, all but the first one's.
async function weighed(seen, signal) {
  const body = { model: seen.model, prompt: seen.token_ids, max_tokens: 0, echo: true, logprobs: ALTERNATIVES };
  const { tokens, token_logprobs, top_logprobs } = (await postJson("v1/completions", body, signal)).choices[0].logprobs;
  return tokens.map((token, index) => ({
    token,
    id: seen.token_ids[index],
    odd: isControl(token),
    logprob: token_logprobs[index],
    top_logprobs: Object.entries(top_logprobs[index] ?? {}).map(([other, logprob]) => ({ token: other, logprob })),
  }));
}

async function tokensOf(seen, signal) {
  const body = { model: seen.model, prompt: seen.prompt, add_special_tokens: false, return_token_strs: true };
  const { tokens, token_strs } = await postJson("tokenize", body, signal);
  const same = tokens.length === seen.token_ids.length && tokens.every((id, index) => id === seen.token_ids[index]);
  // A prompt that was cut from several texts has no tokens of its own kind: then its text is shown.
  if (!same) return [{ token: seen.prompt }];
  const texts = textsOf(token_strs, seen.prompt);
  return tokens.map((id, index) => ({ token: texts[index], id, odd: isControl(token_strs[index]) }));
}

// Vocabularies write bytes as other characters (GPT-2's table) or blanks as ▁ (SentencePiece).
function textsOf(strings, prompt) {
  if (strings.some((text) => text.includes("▁"))) return strings.map((text) => text.replaceAll("▁", " "));
  const decoder = new TextDecoder();
  const texts = strings.map((text) => {
    const bytes = [...text].map((character) => BYTES.get(character));
    return bytes.includes(undefined) ? text : decoder.decode(Uint8Array.from(bytes));
  });
  return prompt.includes(texts[0]) ? texts : strings;
}

// https://github.com/openai/gpt-2/blob/master/src/encoder.py, bytes_to_unicode
const BYTES = new Map();
for (let byte = 0, other = 256; byte < 256; byte += 1) {
  const isSelf = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  BYTES.set(String.fromCodePoint(isSelf ? byte : other), byte);
  if (!isSelf) other += 1;
}
