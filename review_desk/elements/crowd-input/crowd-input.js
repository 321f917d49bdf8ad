// @ts-check

/**
 * What crowd-input and crowd-text-area have in common: a label, a native field, and the message of an error.
 *
 * Attributes: `allowed-pattern` (characters that may be typed), `auto-focus`, `disabled`, `error-message`, `label`,
 * `max-length`, `min-length`, `name`, `placeholder`, `required`, `value`.
 * Properties: `value`, `disabled`.
 */
class CrowdTextField extends HTMLElement {
  static observedAttributes = ["disabled"];

  /** Only "" and text come in; A2I leaves an empty field out of the answer. */
  get value() {
    return this._field ? this._field.value : (this.getAttribute("value") ?? "");
  }

  set value(text) {
    if (this._field) this._field.value = text ?? "";
    else this.setAttribute("value", text ?? "");
  }

  get _submittableValue() {
    return this.value;
  }

  get disabled() {
    return this.hasAttribute("disabled");
  }

  set disabled(value) {
    this.toggleAttribute("disabled", Boolean(value));
  }

  /** @type {HTMLInputElement | HTMLTextAreaElement | undefined} */
  _field;

  connectedCallback() {
    if (this._field) return;
    const value = this.value;
    this._field = this._makeField();
    this._field.dataset.crowdInner = "";
    this._field.value = value;
    for (const name of ["placeholder", "required", "disabled"]) {
      if (this.hasAttribute(name)) this._field.setAttribute(name, this.getAttribute(name) ?? "");
    }
    for (const [name, native] of [["max-length", "maxlength"], ["min-length", "minlength"]]) {
      if (this.hasAttribute(name)) this._field.setAttribute(native, this.getAttribute(name) ?? "");
    }
    const label = document.createElement("label");
    label.dataset.crowdInner = "";
    const caption = document.createElement("span");
    caption.textContent = this.getAttribute("label") ?? "";
    label.append(caption, this._field);
    if (!caption.textContent) this._field.setAttribute("aria-label", this.getAttribute("name") ?? "");
    this.append(label);
    this._field.addEventListener("beforeinput", (event) => this.#refuseForbidden(event));
    this._field.addEventListener("invalid", () => this.#explain());
    this._field.addEventListener("input", () => this._field?.setCustomValidity(""));
    if (this.hasAttribute("auto-focus")) this._field.focus();
  }

  attributeChangedCallback() {
    if (this._field) this._field.disabled = this.disabled;
  }

  /** @returns {HTMLInputElement | HTMLTextAreaElement} */
  _makeField() {
    throw new Error("a subclass makes the field");
  }

  #explain() {
    const message = this.getAttribute("error-message");
    if (message && this._field && !this._field.validity.customError) this._field.setCustomValidity(message);
  }

  /** @param {Event} event */
  #refuseForbidden(event) {
    const allowed = this.getAttribute("allowed-pattern");
    const typed = /** @type {InputEvent} */ (event).data;
    if (!allowed || !typed) return;
    try {
      const pattern = new RegExp(`^(?:${allowed})$`, "u");
      if (!Array.from(typed).every((character) => pattern.test(character))) event.preventDefault();
    } catch {
      this.removeAttribute("allowed-pattern");
    }
  }

  /** @param {FocusOptions} [options] */
  focus(options) {
    this._field?.focus(options);
  }
}

/** A line of text. Attribute of its own: `type`. */
class CrowdInput extends CrowdTextField {
  _makeField() {
    const field = document.createElement("input");
    field.type = this.getAttribute("type") ?? "text";
    return field;
  }
}
