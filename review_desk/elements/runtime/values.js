// @ts-check

/**
 * Reading and writing the values of a form, in the shapes A2I gives them:
 * text is a string and left out when empty; check boxes and radio buttons are `{name: {value: boolean}}`, those of
 * one name together; a list with several choices is an array. Two text fields of one name make an array.
 *
 * @typedef {Record<string, unknown>} Answer
 */

const SKIPPED_TYPES = new Set(["button", "submit", "reset", "image", "file"]);

/** @param {Element} element */
function isNativeField(element) {
  return (
    (element instanceof HTMLInputElement && !SKIPPED_TYPES.has(element.type)) ||
    element instanceof HTMLSelectElement ||
    element instanceof HTMLTextAreaElement
  );
}

/** @param {Element} element */
function isChoice(element) {
  return element instanceof HTMLInputElement && (element.type === "checkbox" || element.type === "radio");
}

/** @param {any} element */
function isDisabled(element) {
  return element.isDisabled === true || element.matches(":disabled") || element.closest("fieldset:disabled") !== null;
}

/** Under which name a field is submitted; "" if it is not. @param {any} element @returns {string} */
function answerName(element) {
  if ("_submittableValue" in element) return element._answerName ?? element.getAttribute("name") ?? "";
  return isNativeField(element) ? (element.getAttribute("name") ?? "") : "";
}

/**
 * The fields of a form: native ones with a name, and elements that say what they submit.
 * @param {Element} root
 * @returns {Element[]}
 */
function namedFields(root) {
  return Array.from(root.querySelectorAll("*")).filter((element) => answerName(element) !== "");
}

/**
 * @param {Answer} answer
 * @param {string} name
 * @param {unknown} value
 */
function addValue(answer, name, value) {
  if (!Object.hasOwn(answer, name)) answer[name] = value;
  else answer[name] = /** @type {unknown[]} */ ([]).concat(answer[name], value);
}

/**
 * A draft has what an answer has, and what is to survive a reload but is no part of the answer: the `_draftValue` of
 * an element, and disabled fields with `data-draft-only`.
 * @param {Element} root
 * @param {boolean} [asDraft]
 * @returns {Answer}
 */
function readAnswer(root, asDraft = false) {
  /** @type {Answer} */
  const answer = {};
  for (const field of namedFields(root)) {
    const name = answerName(field);
    if (isDisabled(field) && !(asDraft && field.hasAttribute("data-draft-only"))) continue;
    if (/** @type {any} */ (field)._isChoice) {
      const group = Object.hasOwn(answer, name) ? answer[name] : {};
      answer[name] = { .../** @type {object} */ (group), .../** @type {any} */ (field)._submittableValue };
      continue;
    }
    if (isChoice(field)) {
      const choice = /** @type {HTMLInputElement} */ (field);
      const group = Object.hasOwn(answer, name) ? answer[name] : {};
      answer[name] = { .../** @type {object} */ (group), [choice.value]: choice.checked };
      continue;
    }
    if (field instanceof HTMLSelectElement && field.multiple) {
      const chosen = Array.from(field.selectedOptions, (option) => option.value);
      if (chosen.length) answer[name] = chosen;
      continue;
    }
    const own = /** @type {any} */ (field);
    const value = asDraft && "_draftValue" in own ? own._draftValue : "_submittableValue" in own ? own._submittableValue : own.value;
    if (value !== undefined && value !== null && value !== "") addValue(answer, name, value);
  }
  return answer;
}

/**
 * Put an answer back. A name that is missing was empty when the answer was taken.
 * @param {Element} root
 * @param {Answer} answer
 */
function writeAnswer(root, answer) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  for (const field of namedFields(root)) {
    const name = answerName(field);
    const value = Object.hasOwn(answer, name) ? answer[name] : undefined;
    if (writeField(field, value, seen.get(name) ?? 0)) {
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    seen.set(name, (seen.get(name) ?? 0) + 1);
  }
}

/**
 * @param {any} field
 * @param {unknown} value
 * @param {number} position among the fields of the same name
 * @returns {boolean} whether the field has changed
 */
function writeField(field, value, position) {
  if (typeof field._restore === "function") {
    const single = ["string", "number"].includes(typeof field._submittableValue);
    const own = single && Array.isArray(value) ? value[position] : value;
    field._restore(own);
    return true;
  }
  if (isChoice(field)) {
    const checked = Boolean(/** @type {any} */ (value)?.[field.value]);
    if (field.checked === checked) return false;
    field.checked = checked;
    return true;
  }
  if (field instanceof HTMLSelectElement && field.multiple) {
    const chosen = new Set(Array.isArray(value) ? value : []);
    for (const option of field.options) option.selected = chosen.has(option.value);
    return true;
  }
  if (field instanceof HTMLInputElement && field.type === "hidden" && value === undefined) return false;
  const own = isNativeField(field) && Array.isArray(value) ? value[position] : value;
  const text = own === undefined || own === null ? "" : own;
  if (field.value === text) return false;
  field.value = text;
  return true;
}
