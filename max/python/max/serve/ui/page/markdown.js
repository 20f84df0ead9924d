// Markdown to elements. Anything that is not markdown stays text: there is no way to HTML, and no
// way to another server but a link that a person follows (images are links, too).

import { copyButton, h } from "./dom.js";

const FENCE = /^(\s*)(`{3,}|~{3,})\s*([^`\s]*).*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(?:\s+|$)/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const DIVIDER = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const MOST_DEPTH = 20;

// Replaces what `parent` shows; blocks that are the same as before keep their elements.
export function showMarkdown(parent, source) {
  const blocks = split(source.split("\n"));
  let index = 0;
  for (const block of blocks) {
    const text = block.lines.join("\n");
    const old = parent.childNodes[index];
    if (old?.markdown !== `${block.kind}\n${text}`) {
      const element = render(block, 0);
      element.markdown = `${block.kind}\n${text}`;
      if (old) old.replaceWith(element);
      else parent.append(element);
    }
    index += 1;
  }
  while (parent.childNodes.length > index) parent.lastChild.remove();
}

function elements(lines, depth) {
  return split(lines).map((block) => render(block, depth + 1));
}

// Lines to blocks {kind, lines, ...}.
function split(lines) {
  const blocks = [];
  let at = 0;
  const take = (until) => {
    const begin = at;
    while (at < lines.length && !until(lines[at], at - begin)) at += 1;
    return lines.slice(begin, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    const fence = FENCE.exec(line);
    if (!line.trim()) {
      at += 1;
    } else if (fence) {
      at += 1;
      const end = new RegExp(`^\\s*${fence[2][0]}{${fence[2].length},}\\s*$`);
      const inside = take((other) => end.test(other));
      at += 1;
      blocks.push({ kind: "code", language: fence[3], lines: inside.map((other) => cut(other, fence[1].length)) });
    } else if (HEADING.test(line) || RULE.test(line)) {
      blocks.push({ kind: RULE.test(line) ? "rule" : "heading", lines: [line] });
      at += 1;
    } else if (QUOTE.test(line)) {
      blocks.push({ kind: "quote", lines: take((other) => !other.trim()) });
    } else if (ITEM.test(line)) {
      blocks.push({ kind: "list", lines: take((other, index) => index > 0 && endsList(lines, at, line)) });
    } else if (line.includes("|") && DIVIDER.test(lines[at + 1] ?? "")) {
      blocks.push({ kind: "table", lines: take((other) => !other.includes("|")) });
    } else {
      blocks.push({ kind: "paragraph", lines: take((other, index) => !other.trim() || (index > 0 && begins(other))) });
    }
  }
  return blocks;
}

const begins = (line) => [FENCE, HEADING, RULE, QUOTE, ITEM].some((each) => each.test(line));
const indent = (line) => /^\s*/.exec(line)[0].length;
const cut = (line, most) => line.slice(Math.min(most, indent(line)));

// A list goes on over items of its kind, what is indented, and lazy lines of a paragraph.
function endsList(lines, at, first) {
  const line = lines[at];
  if (!line.trim()) {
    const next = lines.slice(at + 1).find((other) => other.trim());
    return next === undefined || !(indent(next) > indent(first) || sameList(next, first));
  }
  if (indent(line) > indent(first) || sameList(line, first)) return false;
  return ITEM.test(line) || begins(line) || !lines[at - 1].trim();
}

function sameList(line, first) {
  const [a, b] = [ITEM.exec(line), ITEM.exec(first)];
  return a !== null && !RULE.test(line) && /\d/.test(a[2]) === /\d/.test(b[2]);
}

function render(block, depth) {
  const { kind, lines } = block;
  if (kind === "code") {
    const text = lines.join("\n");
    return h("div", { class: "block" }, copyButton(() => text), h("pre", { tabindex: 0 }, h("code", {}, text)));
  }
  if (kind === "rule") return h("hr");
  if (kind === "heading") {
    const [, marks, text] = HEADING.exec(lines[0]);
    return h(`h${Math.min(5, marks.length + 2)}`, {}, inline(text));
  }
  if (depth > MOST_DEPTH) return h("p", {}, lines.join("\n"));
  if (kind === "quote") return h("blockquote", {}, elements(lines.map((line) => line.replace(QUOTE, "")), depth));
  if (kind === "list") return list(lines, depth);
  if (kind === "table") return table(lines);
  return h("p", {}, paragraph(lines));
}

function paragraph(lines) {
  return lines.flatMap((line, index) => {
    const broken = / {2,}$|\\$/.test(line) && index < lines.length - 1;
    const end = index === lines.length - 1 ? [] : broken ? [h("br")] : ["\n"];
    return [...inline(line.replace(/ {2,}$|\\$/, "").trim()), ...end];
  });
}

function list(lines, depth) {
  const [, , mark] = ITEM.exec(lines[0]);
  const edge = indent(lines[0]);
  const items = [];
  for (const line of lines) {
    const match = ITEM.exec(line);
    if (match && match[1].length <= edge + 1) items.push([line.slice(match[0].length)]);
    else items.at(-1).push(cut(line, edge + mark.length + 1));
  }
  const start = Number.parseInt(mark, 10);
  const attributes = start > 1 ? { start } : {};
  return h(/\d/.test(mark) ? "ol" : "ul", attributes, items.map((item) => {
    const inside = split(item);
    // A tight item is text, not a paragraph.
    return h("li", {}, inside.map((block, index) => index === 0 && block.kind === "paragraph"
      ? paragraph(block.lines) : render(block, depth + 1)).flat());
  }));
}

function table(lines) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => inline(cell.trim().replaceAll("\\|", "|")));
  const [head, , ...rows] = lines;
  return h("div", { class: "table", tabindex: 0 }, h("table", {},
    h("thead", {}, h("tr", {}, cells(head).map((cell) => h("th", { scope: "col" }, cell)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, cells(row).map((cell) => h("td", {}, cell)))))));
}

const INLINE = new RegExp([
  /\\([!-/:-@[-`{-~])/, // 1: an escaped character
  /(`+)(.+?)\2(?!`)/, // 2, 3: code
  /!?\[((?:[^\][\\]|\\.)*)\]\(\s*<?([^\s<>()]*(?:\([^\s<>()]*\))?[^\s<>()]*)>?(?:\s+"[^"]*")?\s*\)/, // 4, 5: a link or an image
  /(https?:\/\/(?:\([^\s<>()"'`]*\)|[^\s<>()"'`])+(?<![.,;:!?\]*_~]))/, // 6: an address
  /\*\*(?=\S)(.+?\**)(?<=\S)\*\*/, // 7: strong
  /(?<![\w_])__(?=\S)(.+?)(?<=\S)__(?![\w_])/, // 8: strong
  /\*(?=[^\s*])(.+?)(?<=[^\s*])\*/, // 9: emphasis
  /(?<![\w_])_(?=[^\s_])(.+?)(?<=[^\s_])_(?![\w_])/, // 10: emphasis
  /~~(?=\S)(.+?)(?<=\S)~~/, // 11: struck
].map((each) => each.source).join("|"), "g");

export function inline(text, depth = 0) {
  if (depth > MOST_DEPTH) return [text];
  const found = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > end) found.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    found.push(span(match, depth + 1));
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}

function span(match, depth) {
  const [whole, escaped, , code, label, target, address, strong, strong2, weak, weak2, struck] = match;
  if (escaped !== undefined) return escaped;
  if (code !== undefined) return h("code", {}, code.replace(/^ (.*) $/, "$1"));
  if (label !== undefined) return link(target, inline(label || target, depth)) ?? whole;
  if (address !== undefined) return link(address, [address]) ?? whole;
  if (struck !== undefined) return h("s", {}, inline(struck, depth));
  if (strong ?? strong2) return h("strong", {}, inline(strong ?? strong2, depth));
  return h("em", {}, inline(weak ?? weak2, depth));
}

function link(target, children) {
  if (!/^(https?:|mailto:)/i.test(target)) return null;
  return h("a", { href: target, target: "_blank", rel: "noopener noreferrer nofollow" }, children);
}
