// @ts-check

/**
 * What a check box, a toggle and a radio button have in common. The element's content is the label.
 *
 * Attributes: `checked`, `disabled`, `name`, `required`, `value` (the key in the answer, "on" if it is missing),
 * `aria-label`.
 * Properties: `checked`, `disabled`, `value`. Answer: `{[value]: boolean}`; choices of one name make one object.
 */
class CrowdChoice extends CrowdField {
  static properties = {
    value: {},
    checked: { type: Boolean, reflect: true, noAccessor: true },
    label: { attribute: "aria-label" },
    _shown: { state: true },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: inline-block; vertical-align: middle; }
      label { display: inline-flex; gap: 8px; align-items: flex-start; min-height: 32px; padding: 4px 8px 4px 0; cursor: pointer; }
      input { flex: none; width: 20px; height: 20px; margin: 2px; accent-color: var(--crowd-accent); cursor: inherit; }
      .label { min-height: 24px; line-height: 24px; }
      .disabled { color: var(--crowd-muted); cursor: default; }
      .error { display: block; color: var(--crowd-danger); font-size: 0.9em; }
    `,
  ];

  _isChoice = true;
  /** The native field's type. */
  _type = "checkbox";
  /** The native field's role, if it is another one than its type's. @type {string | undefined} */
  _role = undefined;
  /** What to say when it is required and not checked. */
  _missing = ELEMENT_STRINGS.choice.tick;
  #checked = false;

  constructor() {
    super();
    this.value = "on";
    this._shown = false;
    this.addEventListener("invalid", () => (this._shown = true));
    // A label outside of the element, and a script's `click()`, click the element itself.
    this.addEventListener("click", (event) => {
      if (event.composedPath()[0] === this) this._field?.click();
    });
  }

  get checked() {
    return this.#checked;
  }

  set checked(checked) {
    const before = this.#checked;
    this.#checked = Boolean(checked);
    this.requestUpdate("checked", before);
    if (this.#checked) this._onChecked();
  }

  /** Called when it is checked, by hand or by a script. */
  _onChecked() {}

  get _submittableValue() {
    return { [this.value]: this.checked };
  }

  _restore(/** @type {any} */ value) {
    this.checked = Boolean(value?.[this.value]);
  }

  _problem() {
    return this.required && !this.checked ? this._missing : "";
  }

  formResetCallback() {
    super.formResetCallback();
    this._shown = false;
  }

  get _field() {
    return /** @type {HTMLInputElement | null} */ (this.renderRoot?.querySelector("input"));
  }

  /** Whether Tab stops here; `undefined` leaves it to the browser. @type {number | undefined} */
  get _tabIndex() {
    return undefined;
  }

  get _isInvalid() {
    return this._shown && this._problem() !== "";
  }

  render() {
    const problem = this._shown ? this._problem() : "";
    const unlabelled = !this.textContent?.trim();
    return html`<label class=${this.isDisabled ? "disabled" : ""}>
        <input
          type=${this._type}
          role=${ifDefined(this._role)}
          tabindex=${ifDefined(this._tabIndex)}
          .checked=${live(this.checked)}
          ?disabled=${this.isDisabled}
          aria-label=${ifDefined(this.label || (unlabelled && (this.name || this.value)) || undefined)}
          aria-required=${ifDefined(this.required && this._type !== "radio" ? "true" : undefined)}
          aria-invalid=${ifDefined(this._isInvalid ? "true" : undefined)}
          aria-describedby=${ifDefined(problem ? "error" : undefined)}
          @input=${this.#picked}
          @change=${this.#left}
        /><span class="label"><slot @slotchange=${() => this.requestUpdate()}></slot></span>
      </label>
      ${problem ? html`<span class="error" id="error">${problem}</span>` : nothing}`;
  }

  #picked() {
    this.checked = Boolean(this._field?.checked);
  }

  // The native input event is composed and goes on by itself; change is not.
  #left() {
    this.dispatchEvent(new Event("change", { bubbles: true, composed: true }));
  }
}
