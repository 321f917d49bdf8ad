// @ts-check

/**
 * The categories of a choice, and the keys that choose them.
 *
 * @typedef {object} Category
 * @property {string} name what is shown
 * @property {any} given the entry of the attribute, as it was written
 */

const CHOICE_KEYS = "123456789abcdefghijklmnopqrstuvwxyz";

/**
 * Read the attribute `categories`: a list of strings, or of objects with a `name` (or `label`).
 * @param {unknown} given
 * @returns {Category[]}
 */
function readCategories(given) {
  if (!Array.isArray(given)) return [];
  const named = given.map((entry) => ({ name: String(entry?.name ?? entry?.label ?? entry ?? ""), given: entry }));
  return named.filter((category) => category.name !== "");
}

/** Read the attribute `exclusion-category`: `{text: "None"}`. @param {any} given @returns {string} "" without one */
function exclusionName(given) {
  return String(given?.text ?? given?.name ?? (typeof given === "string" ? given : ""));
}

/**
 * The keys of choices in the order shown: 1 to 9, then letters. What is beyond them has no key ("").
 * @param {number} count
 * @param {string} taken letters that have another meaning
 */
function choiceKeys(count, taken) {
  const free = Array.from(CHOICE_KEYS).filter((key) => !taken.includes(key));
  return Array.from({ length: count }, (_, position) => free[position] ?? "");
}

/**
 * The key pressed, in lower case. The row of digits counts as digits where the layout has other characters on it
 * (French, for instance).
 * @param {KeyboardEvent} event
 */
function pressedKey(event) {
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  return digit && !event.shiftKey && !/^[a-z\d]$/i.test(event.key) ? digit : event.key.toLowerCase();
}

/** @param {EventTarget} node */
function isTyping(node) {
  return (
    node instanceof HTMLElement &&
    (node.isContentEditable ||
      node.matches("textarea, select, input:not([type=radio], [type=checkbox], [type=button], [type=submit], [type=reset])"))
  );
}

/** Elements that listen to keys while nothing in particular has the focus: the first of the page does. */
/** @type {Set<Element>} */
const keyedElements = new Set();

/**
 * Whether a key without a modifier is meant for an element: the focus is in it, or in no other and it is the first.
 * Keys typed into a text field never are.
 * @param {Element} element
 * @param {KeyboardEvent} event
 */
function isKeyFor(element, event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  const path = event.composedPath();
  if (path.some(isTyping)) return false;
  const focused = path.find((node) => keyedElements.has(/** @type {Element} */ (node)));
  if (focused) return focused === element;
  const first = Array.from(keyedElements).sort((one, other) =>
    one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1
  )[0];
  return first === element;
}

/** Whether the focus is on something that Enter or Space sets off. @param {KeyboardEvent} event @param {string} also */
function isOnControl(event, also = "") {
  const target = event.composedPath()[0];
  return target instanceof Element && target.matches(`button, a[href], summary, audio, video, input[type=button]${also}`);
}

/** Ask the form around an element to submit, as its button does. @param {HTMLElement & {form: HTMLFormElement | null}} field */
function requestSubmitOf(field) {
  const crowd = /** @type {any} */ (field.closest("crowd-form"));
  (crowd ?? field.form)?.requestSubmit();
}
