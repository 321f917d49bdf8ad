// @ts-check

/**
 * What crowd-input and crowd-text-area have in common: a label, a native field, and the message of an error.
 *
 * Attributes: `allowed-pattern` (characters that may be typed), `auto-focus`, `auto-validate` (say what is wrong
 * while typing), `disabled`, `error-message`, `label`, `max-length`, `min-length`, `name`, `placeholder`,
 * `required`, `value`.
 * Properties: `value`, `disabled`. Answer: the text; an empty field is left out.
 */
class CrowdTextField extends CrowdField {
  static properties = {
    value: {},
    label: {},
    placeholder: {},
    allowedPattern: { attribute: "allowed-pattern" },
    errorMessage: { attribute: "error-message" },
    minLength: { type: Number, attribute: "min-length" },
    maxLength: { type: Number, attribute: "max-length" },
    autoValidate: { type: Boolean, attribute: "auto-validate" },
    _shown: { state: true },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: block; margin: 0 0 12px; }
      .caption { display: block; margin-bottom: 4px; color: var(--crowd-muted); }
      input, textarea {
        display: block; width: 100%; min-height: 36px; padding: 6px 10px; border: 1px solid var(--crowd-line);
        border-radius: 6px; background: var(--crowd-surface);
      }
      input[type="color"], input[type="checkbox"], input[type="radio"] { width: auto; }
      .wrong :is(input, textarea) { border-color: var(--crowd-danger); }
      .error { color: var(--crowd-danger); font-size: 0.9em; }
      small { display: block; text-align: end; color: var(--crowd-muted); font-variant-numeric: tabular-nums; }
    `,
  ];

  constructor() {
    super();
    this.value = "";
    this._shown = false;
    this.addEventListener("invalid", () => (this._shown = true));
  }

  get _submittableValue() {
    return this.value;
  }

  _restore(/** @type {unknown} */ value) {
    this.value = value === undefined || value === null ? "" : String(value);
  }

  firstUpdated() {
    super.firstUpdated();
    if (this.hasAttribute("auto-focus")) this.focus();
  }

  render() {
    const problem = this._shown ? this._problem() : "";
    return html`<label class=${problem ? "wrong" : ""}>
        ${this.label ? html`<span class="caption">${this.label}</span>` : nothing} ${this._renderField()}
      </label>
      ${problem ? html`<span class="error" id="error">${problem}</span>` : nothing}${this._renderBelow()}`;
  }

  /** @returns {unknown} the native field */
  _renderField() {
    throw new Error("a subclass makes the field");
  }

  /** @returns {unknown} */
  _renderBelow() {
    return nothing;
  }

  get _field() {
    return /** @type {HTMLInputElement | HTMLTextAreaElement | null} */ (this.renderRoot?.querySelector("input, textarea"));
  }

  _problem() {
    const length = this.value.length;
    const missing = this.required && !length;
    const short = length > 0 && this.minLength > 0 && length < this.minLength;
    const native = this._field && !this._field.validity.valid && this._field.value === this.value;
    if (!missing && !short && !native) return "";
    if (this.errorMessage) return this.errorMessage;
    if (missing) return ELEMENT_STRINGS.field.missing;
    return short ? ELEMENT_STRINGS.field.short(this.minLength) : this._field?.validationMessage || ELEMENT_STRINGS.field.wrong;
  }

  _typed() {
    this.value = this._field?.value ?? "";
    this._shown = Boolean(this.autoValidate);
    // The native input event stays inside the shadow root no longer than this: it is composed and goes on by itself.
  }

  _left() {
    this.dispatchEvent(new Event("change", { bubbles: true, composed: true }));
  }

  /** @param {InputEvent} event */
  _refuseForbidden(event) {
    if (!this.allowedPattern || !event.data) return;
    try {
      const pattern = new RegExp(`^(?:${this.allowedPattern})$`, "u");
      if (!Array.from(event.data).every((character) => pattern.test(character))) event.preventDefault();
    } catch {
      complain(`<${this.localName}>: allowed-pattern is not a regular expression: ${this.allowedPattern}`);
      this.allowedPattern = "";
    }
  }
}

/** A line of text. Attribute of its own: `type`. */
class CrowdInput extends CrowdTextField {
  static properties = { type: {} };

  _renderField() {
    return html`<input
      type=${this.type || "text"}
      .value=${live(this.value)}
      ?disabled=${this.isDisabled}
      aria-label=${ifDefined(this.label ? undefined : this.getAttribute("aria-label") || this.name || undefined)}
      aria-required=${ifDefined(this.required ? "true" : undefined)}
      aria-describedby="error"
      placeholder=${ifDefined(this.placeholder ?? undefined)}
      maxlength=${ifDefined(this.maxLength || undefined)}
      @beforeinput=${this._refuseForbidden}
      @input=${this._typed}
      @change=${this._left}
    />`;
  }
}

defineElement("crowd-input", CrowdInput);
