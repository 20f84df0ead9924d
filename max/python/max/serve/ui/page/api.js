// Requests to the server, with the API key where it asks for one.

const BASE = new URL(".", document.baseURI);
const KEY = "max.key";
let asking = null;

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? `The server answered with status ${status}.`);
    this.status = status;
    this.code = body?.error?.code;
  }
}

function askForKey(reason) {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("key");
    const field = document.getElementById("key-value");
    document.getElementById("key-reason").textContent = reason;
    field.value = "";
    document.getElementById("key-cancel").onclick = () => dialog.close("");
    document.getElementById("key-form").onsubmit = (event) => {
      event.preventDefault();
      dialog.close(field.value.trim());
    };
    dialog.returnValue = "";
    dialog.onclose = () => {
      asking = null;
      if (dialog.returnValue) sessionStorage.setItem(KEY, dialog.returnValue);
      dialog.returnValue = "";
      resolve(sessionStorage.getItem(KEY));
    };
    dialog.showModal();
  });
  return asking;
}

// The response; asks for a key until the server takes it or nobody gives one.
async function ask(path, body, signal) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const response = await fetch(new URL(path, BASE), {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal,
    });
    if (response.ok) return response;
    const error = new ApiError(response.status, await response.json().catch(() => null));
    if (response.status !== 401) throw error;
    sessionStorage.removeItem(KEY);
    if (await askForKey(key === null ? "" : "That key is not one of the server's.") === null) throw error;
  }
}

export async function getJson(path, signal) {
  return (await ask(path, undefined, signal)).json();
}

export async function postJson(path, body, signal) {
  return (await ask(path, body, signal)).json();
}

// /health answers 503 with a body while the model is loaded.
export async function health() {
  return (await fetch(new URL("health", BASE), { cache: "no-store" })).json();
}

// The chunks of a streamed chat completion.
export async function* chat(body, signal) {
  const response = await ask("v1/chat/completions", { ...body, stream: true, stream_options: { include_usage: true } }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("The connection ended before the answer did.");
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.replace(/^data: /, "");
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new ApiError(500, chunk);
      yield chunk;
    }
  }
}
