// What the model sees of a conversation: the prompt as its chat template writes it, in tokens.

import { postJson } from "./api.js";
import { $, count } from "./dom.js";
import { showTokens } from "./tokens.js";

export async function showSeen(request) {
  const facts = $("seen-facts");
  facts.className = "note";
  facts.textContent = "…";
  $("seen-text").replaceChildren();
  $("seen").showModal();
  try {
    const { logprobs, top_logprobs, ...plain } = request;
    const seen = await postJson("v1/chat/completions/render", plain);
    const sampling = Object.entries(seen.sampling_params).filter(([name, value]) => TOLD.has(name) && value !== null && value !== 0);
    facts.textContent = `${count(seen.count)} of ${count(seen.max_model_len)} tokens. Sampled with ${sampling.map(([name, value]) => `${name} ${value}`).join(", ")}.`;
    showTokens($("seen-text"), await tokensOf(seen));
  } catch (error) {
    facts.className = "wrong";
    facts.textContent = error.message;
  }
}

const TOLD = new Set(["temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty", "max_tokens", "seed"]);

async function tokensOf(seen) {
  const body = { model: seen.model, prompt: seen.prompt, add_special_tokens: false, return_token_strs: true };
  const { tokens, token_strs } = await postJson("tokenize", body);
  const same = tokens.length === seen.token_ids.length && tokens.every((id, index) => id === seen.token_ids[index]);
  // A prompt that was cut from several texts has no tokens of its own kind: then its text is shown.
  if (!same) return [{ token: seen.prompt }];
  const texts = textsOf(token_strs, seen.prompt);
  return tokens.map((id, index) => ({ token: texts[index], id, odd: /^<.*>$|^\[.*\]$/.test(token_strs[index]) }));
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
