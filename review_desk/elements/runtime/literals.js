// @ts-check

/**
 * Read the value of an attribute as AWS's elements do: as a JavaScript literal, of which JSON is one way to write it.
 * Single quotes, names without quotes, trailing commas, comments and line breaks in strings are fine.
 *
 * @param {string} text
 * @returns {any}
 * @throws {SyntaxError} that says where and what was expected
 */
function parseLiteral(text) {
  try {
    // Most attributes are JSON, and the browser reads hundreds of blocks much faster.
    return JSON.parse(text);
  } catch {
    // Read below, which also says what is wrong.
  }
  let at = 0;

  /** @param {string} expected @returns {never} */
  function fail(expected) {
    const found = at < text.length ? `“${text.slice(at, at + 12)}”` : "the end";
    throw new SyntaxError(`expected ${expected} at character ${at + 1}, found ${found}`);
  }

  function skip() {
    const gap = /(?:[\s\uFEFF]+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
    gap.lastIndex = at;
    at += /** @type {RegExpExecArray} */ (gap.exec(text))[0].length;
  }

  /** @param {RegExp} pattern sticky */
  function take(pattern) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at += found[0].length;
    return found?.[0];
  }

  function value() {
    skip();
    const next = text[at];
    if (next === "{") return object();
    if (next === "[") return list();
    if (next === '"' || next === "'" || next === "`") return string();
    const word = take(/[A-Za-z_$][\w$]*/y);
    if (word !== undefined) {
      const known = new Map(Object.entries({ true: true, True: true, false: false, False: false, null: null, None: null, undefined }));
      if (known.has(word)) return known.get(word);
      at -= word.length;
      fail("a value");
    }
    const number = take(/[+-]?(?:0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y);
    return number === undefined ? fail("a value") : Number(number);
  }

  function string() {
    const quote = text[at];
    at += 1;
    let result = "";
    for (;;) {
      if (at >= text.length) fail(`a closing ${quote}`);
      const character = text[at++];
      if (character === quote) return result;
      result += character === "\\" ? escaped() : character;
    }
  }

  function escaped() {
    const character = text[at++];
    const plain = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", v: "\v", 0: "\0", "\n": "" }[character];
    if (plain !== undefined) return plain;
    if (character !== "u" && character !== "x") return character ?? "";
    const digits = take(character === "x" ? /[\da-fA-F]{2}/y : /[\da-fA-F]{4}|\{[\da-fA-F]{1,6}\}/y) ?? fail("hexadecimal digits");
    return String.fromCodePoint(parseInt(digits.replace(/[{}]/g, ""), 16));
  }

  function list() {
    /** @type {any[]} */
    const items = [];
    at += 1;
    for (;;) {
      skip();
      if (text[at] === "]") break;
      items.push(value());
      if (!separated("]")) break;
    }
    at += 1;
    return items;
  }

  function object() {
    /** @type {Record<string, any>} */
    const entries = {};
    at += 1;
    for (;;) {
      skip();
      if (text[at] === "}") break;
      const quoted = text[at] === '"' || text[at] === "'";
      const name = quoted ? string() : (take(/[\w$-]+/y) ?? fail("a name"));
      skip();
      if (text[at] !== ":") fail("a colon");
      at += 1;
      Object.defineProperty(entries, name, { value: value(), enumerable: true, configurable: true, writable: true });
      if (!separated("}")) break;
    }
    at += 1;
    return entries;
  }

  /** @param {string} end @returns {boolean} whether more follows */
  function separated(end) {
    skip();
    if (text[at] === end) return false;
    if (text[at] !== ",") fail(`a comma or ${end}`);
    at += 1;
    return true;
  }

  const result = value();
  skip();
  if (at < text.length) fail("the end");
  return result;
}
