// @ts-check

/**
 * What stands between AWS's own elements and the portal (REVIEW_DESK_CROWD_SCRIPT=cdn); it is no part of the bundle.
 * It uses what templates use, too: the event `all-crowd-elements-ready`, the form's `submit` event and `_serializeForm()`,
 * which gives `{taskAnswers: "[{…}]"}`.
 *
 * A draft is put back into fields by their name: HTML's own, and those of AWS's elements that are documented to have a
 * `value` or a `checked`. There is no documented way to put an answer back into the others (classifiers, annotation).
 */
(() => {
  const CHANGE_DELAY_MS = 400;
  /** @type {number | undefined} */
  let changeTimer;

  /** @param {"change" | "submit"} kind */
  function tell(kind) {
    window.clearTimeout(changeTimer);
    const form = /** @type {any} */ (document.querySelector("crowd-form"));
    const answer = JSON.parse(form._serializeForm().taskAnswers)[0];
    window.parent.postMessage({ type: `review-desk:${kind}`, answer }, "*");
  }

  const WITH_VALUE = "input, textarea, select, crowd-input, crowd-text-area, crowd-slider";
  const CHOICES = "input[type=checkbox], input[type=radio], crowd-checkbox, crowd-radio-button, crowd-toggle-button";
  const NO_ANSWER = "[type=button], [type=submit], [type=reset], [type=image], [type=file]";

  /** Put a draft back into the form. @param {Record<string, any>} answer */
  function restore(answer) {
    /** @type {Map<string, number>} how many fields of a name were before: two of one name make a list */
    const seen = new Map();
    for (const field of /** @type {NodeListOf<any>} */ (document.querySelectorAll("[name]"))) {
      const name = field.getAttribute("name");
      if (field.matches(NO_ANSWER) || !field.matches(`${WITH_VALUE}, ${CHOICES}`)) continue;
      const value = Object.hasOwn(answer, name) ? answer[name] : undefined;
      const position = seen.get(name) ?? 0;
      seen.set(name, position + 1);
      if (!write(field, value, position)) continue;
      for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    // What was put back is no change.
    window.clearTimeout(changeTimer);
  }

  /** @param {any} field @param {any} value @param {number} position @returns {boolean} whether it has changed */
  function write(field, value, position) {
    if (field.matches(CHOICES)) {
      const own = typeof value === "object" && value !== null ? value[field.getAttribute("value") ?? "on"] : undefined;
      if (own === undefined || field.checked === Boolean(own)) return false;
      field.checked = Boolean(own);
      return true;
    }
    if (field.multiple && field.options) {
      const chosen = [value ?? []].flat();
      for (const option of field.options) option.selected = chosen.includes(option.value);
      return true;
    }
    const own = Array.isArray(value) ? value[position] : value;
    // Text that is left out was empty; of other fields nothing is known then.
    const isText = !field.matches("[type=hidden], select, crowd-slider");
    if (own === undefined ? !isText : typeof own === "object") return false;
    if (field.value === (own ?? "")) return false;
    field.value = own ?? "";
    return true;
  }

  window.addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || data?.type !== "review-desk:draft") return;
    if (typeof data.answer === "object" && data.answer !== null) restore(data.answer);
  });
  document.addEventListener("all-crowd-elements-ready", () => {
    window.parent.postMessage({ type: "review-desk:ready" }, "*");
  });
  for (const event of ["input", "change"]) {
    window.addEventListener(event, () => {
      window.clearTimeout(changeTimer);
      changeTimer = window.setTimeout(() => tell("change"), CHANGE_DELAY_MS);
    });
  }
  // On the window, so that every listener of the template has had its say.
  window.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    tell("submit");
  });
})();
