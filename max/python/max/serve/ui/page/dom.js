// Elements without HTML text: what a model writes is never parsed as HTML.

export const $ = (id) => document.getElementById(id);

// h("p", {class: "note", onclick: f}, "text", child, ...)
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// None where the browser has no clipboard for the page: on http from another machine.
export function copyButton(text) {
  if (!navigator.clipboard) return null;
  const button = h("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return button;
}

export const count = (number) => number.toLocaleString("en");
