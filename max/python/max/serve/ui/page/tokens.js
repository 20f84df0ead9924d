// Tokens, one by one: how likely each was, and what else could have stood there.

import { $, h } from "./dom.js";

const MOST = 20000;
const percent = (logprob) => {
  const value = 100 * Math.exp(logprob);
  return value >= 99.95 ? "100 %" : value < 0.01 ? "< 0.01 %" : `${value.toFixed(value < 1 ? 2 : 1)} %`;
};
const visible = (text) => text.replaceAll("\n", "⏎").replaceAll("\t", "⇥").replaceAll(" ", "·") || "∅";

// Fills `parent` with tokens {token, logprob, top_logprobs, id}; one of them is in the tab order.
export function showTokens(parent, tokens) {
  parent.setAttribute("role", "listbox");
  const shown = tokens.slice(0, MOST).map((token, index) => {
    const item = h("span", {
      role: "option", class: `token${token.odd ? " odd" : ""}`, tabindex: index ? -1 : 0, "aria-describedby": "tip",
    }, token.token.replaceAll("\n", "⏎\n"));
    if (typeof token.logprob === "number") item.style.setProperty("--doubt", (1 - Math.exp(token.logprob)).toFixed(4));
    item.facts = token;
    return item;
  });
  const left = tokens.length - shown.length;
  parent.replaceChildren(...shown, ...(left > 0 ? [` … and ${left} more`] : []));
}

function facts(token) {
  const rows = [...(token.top_logprobs ?? [])];
  if (typeof token.logprob === "number" && !rows.some((row) => row.token === token.token)) rows.push(token);
  const number = token.id === undefined ? "" : `token ${token.id}`;
  if (!rows.length) return [`${visible(token.token)}  ${number}`];
  return [number, h("table", {}, rows.map((row) => {
    const fill = h("span", { class: "fill" });
    fill.style.width = `${100 * Math.exp(row.logprob)}%`;
    return h("tr", { class: row.token === token.token ? "taken" : null },
      h("td", {}, visible(row.token)), h("td", {}, percent(row.logprob)), h("td", { class: "bar-cell" }, fill));
  }))];
}

function showTip(item) {
  const tip = $("tip");
  tip.replaceChildren(...facts(item.facts));
  // Inside of a dialog nothing that is outside of it is seen.
  (item.closest("dialog") ?? document.body).append(tip);
  tip.hidden = false;
  const place = item.getClientRects()[0];
  const size = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(place.left, innerWidth - size.width - 8))}px`;
  tip.style.top = `${place.bottom + size.height + 8 < innerHeight ? place.bottom + 6 : place.top - size.height - 6}px`;
}

const hideTip = () => { $("tip").hidden = true; };

function move(event) {
  const item = event.target.closest?.(".token");
  if (!item) return;
  const steps = { ArrowRight: "nextElementSibling", ArrowLeft: "previousElementSibling" };
  const all = item.parentElement;
  const next = { Home: all.firstElementChild, End: all.lastElementChild }[event.key] ?? item[steps[event.key]];
  if (!next?.facts) return;
  event.preventDefault();
  item.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

export function watchTokens() {
  for (const [kind, act] of [["mouseover", showTip], ["focusin", showTip], ["mouseout", hideTip], ["focusout", hideTip]]) {
    document.addEventListener(kind, (event) => {
      const item = event.target.closest?.(".token");
      if (item) act(item);
    });
  }
  document.addEventListener("keydown", move);
  document.addEventListener("scroll", hideTip, true);
}
