// The value of an arithmetic expression, for calls of the calculator: + - * / ^ % and brackets.

const TOKEN = /\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?|\*\*|[-+*/^%()])/giy;
const LEVELS = [["+", "-"], ["*", "/", "%"]];
const APPLY = { "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "%": (a, b) => a % b };

export function calculate(expression) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.trimEnd().length) {
    const match = TOKEN.exec(expression);
    if (!match) throw new Error(`not an arithmetic expression: ${expression}`);
    tokens.push(match[1]);
  }
  const take = (...wanted) => (wanted.includes(tokens[0]) ? tokens.shift() : null);
  function binary(level) {
    if (level === LEVELS.length) return unary();
    let value = binary(level + 1);
    for (let sign; (sign = take(...LEVELS[level])); ) value = APPLY[sign](value, binary(level + 1));
    return value;
  }
  function unary() {
    const sign = take("-", "+");
    if (sign) return sign === "-" ? -unary() : unary();
    const base = atom();
    return take("^", "**") ? base ** unary() : base;
  }
  function atom() {
    if (take("(")) {
      const value = binary(0);
      if (!take(")")) throw new Error("a bracket is not closed");
      return value;
    }
    const number = Number(tokens.shift() ?? "x");
    if (Number.isNaN(number)) throw new Error(`not an arithmetic expression: ${expression}`);
    return number;
  }
  const value = binary(0);
  if (tokens.length) throw new Error(`not an arithmetic expression: ${expression}`);
  return String(Number(value.toPrecision(15)));
}
