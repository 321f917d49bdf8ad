// @ts-check

const CHANGE_DELAY_MS = 400;
const NATIVE_FIELDS = "input:not([type=hidden], :disabled), select:not(:disabled), textarea:not(:disabled)";

/**
 * The form of a worker task template.
 *
 * Puts its children into a real `<form>`, adds a Submit button if there is no
 * `<crowd-button form-action="submit">`, and hands the answer to the portal. `onsubmit`, the `submit` event and
 * `preventDefault()` work as they do on a form, and so does the browser's own validation.
 *
 * Properties: `form`, the real form. Methods: `submit()`, which like a form's asks nobody; `requestSubmit()`;
 * `reset()`.
 * Keys: Ctrl+Enter (or ⌘+Enter) submits.
 */
class CrowdForm extends HTMLElement {
  /** @type {HTMLFormElement} */
  form = document.createElement("form");

  /** @type {number | undefined} */
  #changeTimer;
  /** @type {HTMLElement | null} */
  #lastFocused = null;
  #disabled = false;
  #ready = false;

  connectedCallback() {
    whenParsed(this, () => this.#wrap());
  }

  /** Send the answer as it is: no validation, no `submit` event. */
  submit() {
    if (this.#disabled) return;
    const unreported = this.#changeTimer !== undefined;
    this.#dropChange();
    this.#tell("submit", { unreported });
  }

  /** Validate, ask the `submit` listeners, then send. */
  requestSubmit() {
    if (!this.#disabled) this.form.requestSubmit();
  }

  reset() {
    this.form.reset();
  }

  /** The form as AWS's element writes it. */
  _serializeForm() {
    return { taskAnswers: JSON.stringify([readAnswer(this)]) };
  }

  /** @param {Record<string, unknown>} answer */
  _restore(answer) {
    writeAnswer(this, answer);
    this.#dropChange();
  }

  /** Report a change that waits for its burst to end, now. */
  _reportChange() {
    if (this.#changeTimer === undefined) return;
    window.clearTimeout(this.#changeTimer);
    this.#changeTimer = undefined;
    if (!this.#disabled) this.#tell("change");
  }

  /**
   * The answer, and the draft that a reload is to find: it may hold more.
   * @param {"change" | "submit"} kind
   * @param {{unreported?: boolean}} [more]
   */
  #tell(kind, more = {}) {
    tellPortal({ type: `review-desk:${kind}`, answer: readAnswer(this), draft: readAnswer(this, true), ...more });
  }

  #dropChange() {
    window.clearTimeout(this.#changeTimer);
    this.#changeTimer = undefined;
  }

  /** @param {boolean} disabled while a submit is under way */
  _setDisabled(disabled) {
    this.#disabled = disabled;
    this.form.setAttribute("aria-busy", String(disabled));
    for (const button of this.querySelectorAll("crowd-button[form-action=submit]")) {
      /** @type {any} */ (button).loading = disabled;
    }
  }

  /** Put the focus back to where it was, or to the first field. */
  _takeFocus() {
    const active = /** @type {HTMLElement | null} */ (document.activeElement);
    const target =
      active && active !== document.body
        ? active
        : ((this.#lastFocused?.isConnected && this.#lastFocused) || this.querySelector("[autofocus], [auto-focus]") || this.#firstField() || this.querySelector("button, crowd-button"));
    /** @type {HTMLElement | null} */ (target)?.focus();
  }

  #firstField() {
    return Array.from(this.querySelectorAll("*")).find(
      (element) => element.matches(NATIVE_FIELDS) || ("_submittableValue" in element && !isDisabled(element))
    );
  }

  #wrap() {
    if (this.#ready) return;
    this.#ready = true;
    this.form.append(...this.childNodes);
    this.append(this.form);
    if (!this.querySelector("crowd-button[form-action=submit]")) this.#addSubmit();
    this.addEventListener("focusin", (event) => (this.#lastFocused = /** @type {HTMLElement} */ (event.target)));
    for (const event of ["input", "change"]) this.addEventListener(event, () => this.#changed());
    window.addEventListener("blur", () => this._reportChange());
    // On the window, so that every listener of the template has had its say.
    window.addEventListener("submit", (event) => this.#submitted(event));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return;
      event.preventDefault();
      this.requestSubmit();
    });
  }

  #addSubmit() {
    const button = document.createElement("crowd-button");
    button.setAttribute("form-action", "submit");
    button.setAttribute("variant", "primary");
    button.textContent = ELEMENT_STRINGS.submit;
    this.form.append(button);
  }

  #changed() {
    window.clearTimeout(this.#changeTimer);
    this.#changeTimer = window.setTimeout(() => this._reportChange(), CHANGE_DELAY_MS);
  }

  /** @param {Event} event */
  #submitted(event) {
    if (!this.contains(/** @type {Node} */ (event.target))) return;
    const refused = event.defaultPrevented;
    event.preventDefault();
    if (!refused) this.submit();
  }
}

defineElement("crowd-form", CrowdForm);
