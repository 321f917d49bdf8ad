// @ts-check

/**
 * The keys of the document screen. A key is written as "Ctrl+B", "Alt+N", "Enter" or as the one character it types.
 * Single characters work outside text fields only, and can be switched off (WCAG 2.1.4).
 */
const DOCUMENT_KEYS = Object.freeze({
  accept: "Enter",
  previous: "Shift+Enter",
  nextField: "ArrowDown",
  previousField: "ArrowUp",
  blank: "Ctrl+B",
  missing: "Ctrl+K",
  unreadable: "Ctrl+U",
  notPair: "Alt+N",
  submit: "Ctrl+Enter",
  wholePage: "Alt+Z",
  nextPage: "PageDown",
  previousPage: "PageUp",
  leave: "Escape",
  help: "Alt+H",
  rotate: "r",
  rotateBack: "R",
  zoomIn: "+",
  zoomOut: "-",
  fitPage: "0",
  helpCharacter: "?",
});

/** @param {KeyboardEvent} event @returns {string} "" for a modifier alone */
function documentKeyCombination(event) {
  if (["Control", "Alt", "Shift", "Meta", "AltGraph", "Dead", "Process"].includes(event.key)) return "";
  const control = event.ctrlKey || event.metaKey;
  const single = event.key.length === 1;
  if (single && !control && !event.altKey) return event.key === " " ? "Space" : event.key;
  // With Alt some keyboards type another character, so the place of the key counts there.
  const letter = event.altKey ? /^Key([A-Z])$/.exec(event.code)?.[1] : undefined;
  const name = letter ?? (single ? event.key.toUpperCase() : event.key);
  return [control ? "Ctrl" : "", event.altKey ? "Alt" : "", event.shiftKey ? "Shift" : "", name].filter(Boolean).join("+");
}

/** Which key does what, as the reviewer has set it; the portal keeps what differs from the beginning. */
class DocumentKeyMap {
  /** @type {Record<string, string>} */
  keys = { ...DOCUMENT_KEYS };
  singles = true;

  /** Take what was kept before, in another task. Two actions never share a key. */
  read() {
    this.keys = { ...DOCUMENT_KEYS };
    for (const action of Object.keys(DOCUMENT_KEYS)) {
      const kept = taskPreferences.get(`document.keys.${action}`);
      if (typeof kept === "string") this.keys[action] = kept;
    }
    if (new Set(Object.values(this.keys)).size < Object.keys(this.keys).length) this.keys = { ...DOCUMENT_KEYS };
    this.singles = taskPreferences.get("document.singles") !== false;
  }

  /** @param {string} combination @param {boolean} typing whether the focus is in a text field @returns {string | undefined} */
  action(combination, typing) {
    if (combination.length === 1 && (typing || !this.singles)) return undefined;
    return Object.keys(this.keys).find((action) => this.keys[action] === combination);
  }

  /** Give an action a key. The action that had it gets the other's. @param {string} action @param {string} combination */
  set(action, combination) {
    const other = Object.keys(this.keys).find((one) => this.keys[one] === combination);
    if (other) this.keys[other] = this.keys[action];
    this.keys[action] = combination;
    this.#keep();
  }

  /** @param {boolean} singles */
  setSingles(singles) {
    this.singles = singles;
    this.#keep();
  }

  reset() {
    this.keys = { ...DOCUMENT_KEYS };
    this.singles = true;
    this.#keep();
  }

  #keep() {
    /** @type {Record<string, string | boolean | null>} */
    const kept = { "document.singles": this.singles ? null : false };
    for (const [action, key] of Object.entries(DOCUMENT_KEYS)) {
      kept[`document.keys.${action}`] = this.keys[action] === key ? null : this.keys[action];
    }
    taskPreferences.keep(kept);
  }
}
