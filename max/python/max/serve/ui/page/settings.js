// What the user sets, kept in this browser, and what it means for a request.

import { $ } from "./dom.js";

const STORE = "max.settings";
const NUMBERS = ["temperature", "top_p", "top_k", "min_p", "max_tokens", "seed", "repetition_penalty", "presence_penalty", "frequency_penalty"];
const CALCULATOR = {
  type: "function",
  function: {
    name: "calculator",
    description: "Computes an arithmetic expression.",
    parameters: { type: "object", properties: { expression: { type: "string" } }, required: ["expression"] },
  },
};
const form = $("settings-form");
const field = (name) => form.elements.namedItem(name);

function parsed(name, check, wanted) {
  const text = field(name).value.trim();
  $(`${name}-error`).textContent = "";
  if (!text || field(name).disabled) return null;
  let problem = wanted;
  try {
    const value = JSON.parse(text);
    if (check(value)) return value;
  } catch (error) {
    problem = `It is not JSON: ${error.message}`;
  }
  $(`${name}-error`).textContent = problem;
  throw new Error(`Settings: ${problem}`);
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const schema = () => parsed("schema", isObject, "A schema is a JSON object.");
const tools = () => parsed("tools", (value) => Array.isArray(value) && value.every(isObject), "Tools are a JSON list of objects.");

// The fields of a chat completion, all but model and messages. Throws what is wrong with a setting.
export function requestFields() {
  const fields = {};
  for (const name of NUMBERS) if (field(name).value !== "" && field(name).checkValidity()) fields[name] = field(name).valueAsNumber;
  const stop = field("stop").value.split("\n").filter(Boolean);
  if (stop.length) fields.stop = stop;
  if (field("weigh").checked) {
    fields.logprobs = true;
    fields.top_logprobs = Math.max(0, Math.min(20, Math.trunc(field("alternatives").valueAsNumber) || 0));
  }
  if (field("thinking").value) fields.chat_template_kwargs = { enable_thinking: field("thinking").value === "on" };
  const form = schema();
  if (form) fields.response_format = { type: "json_schema", json_schema: { name: "answer", schema: form, strict: true } };
  const functions = tools();
  if (functions?.length) {
    fields.tools = functions;
    if (field("tool_choice").value) fields.tool_choice = field("tool_choice").value;
  }
  return fields;
}

export const systemPrompt = () => field("system").value.trim();

function save() {
  const values = {};
  for (const each of form.elements) if (each.name) values[each.name] = each.type === "checkbox" ? each.checked : each.value;
  localStorage.setItem(STORE, JSON.stringify(values));
}

function load() {
  const values = JSON.parse(localStorage.getItem(STORE) ?? "{}");
  for (const [name, value] of Object.entries(values)) {
    const each = field(name);
    if (!each) continue;
    if (each.type === "checkbox") each.checked = value;
    else each.value = value;
  }
}

function check() {
  for (const read of [schema, tools]) {
    try { read(); } catch { /* It is shown beside the field. */ }
  }
}

// What the server offers decides which fields there are.
export function fitSettings(features) {
  for (const name of NUMBERS) field(name).placeholder = features.sampling_defaults[name] ?? "";
  $("thinking-fields").hidden = !features.reasoning;
  $("tool-fields").hidden = !features.tools;
  field("schema").disabled = !features.structured_output;
  $("schema-note").textContent = features.structured_output
    ? "The answer is JSON that fits it."
    : "This server takes no schemas; start it with --enable-structured-output.";
  check();
}

export function setUpSettings() {
  load();
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", save);
  form.addEventListener("change", () => { save(); check(); });
  $("reset").addEventListener("click", () => { form.reset(); save(); check(); });
  $("add-calculator").addEventListener("click", () => {
    let known = [];
    try { known = tools() ?? []; } catch { return; }
    field("tools").value = JSON.stringify([...known.filter((tool) => tool.function?.name !== "calculator"), CALCULATOR], null, 1);
    save();
  });
}
