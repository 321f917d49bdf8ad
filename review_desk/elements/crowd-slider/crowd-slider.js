// @ts-check

const SLIDER_KEYS = new Set(["Home", "End", "PageUp", "PageDown", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", " ", "Enter"]);

/**
 * A slider.
 *
 * Attributes: `disabled`, `editable` (shows a number field, too), `max` (100), `min` (0), `name`, `pin` (shows the
 * value above the knob), `required`, `secondary-progress` (the track is coloured up to here, in the CSS custom
 * property `--crowd-slider-secondary-color`), `step` (1), `value`, `aria-label`.
 * Properties: `value`, a number. Answer: the number; a slider that nobody has moved answers its least value, but a
 * required one has no answer then, and stops the submit.
 */
class CrowdSlider extends CrowdField {
  static properties = {
    min: { type: Number },
    max: { type: Number },
    step: { type: Number },
    value: { type: Number, noAccessor: true },
    editable: { type: Boolean },
    pin: { type: Boolean },
    secondaryProgress: { type: Number, attribute: "secondary-progress" },
    label: { attribute: "aria-label" },
    _shown: { state: true },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: block; max-width: 480px; margin: 0 0 8px; --knob: 24px; }
      .line { display: flex; gap: 12px; align-items: flex-end; }
      .range { position: relative; flex: 1; min-width: 80px; }
      .pinned { padding-top: 28px; }
      output {
        position: absolute; top: 0; left: calc(var(--knob) / 2 + (100% - var(--knob)) * var(--share));
        min-width: 28px; padding: 0 6px; border-radius: 12px; line-height: 24px; text-align: center;
        color: var(--crowd-on-accent); background: var(--crowd-accent); transform: translateX(-50%);
        font-variant-numeric: tabular-nums;
      }
      .unset output { color: var(--crowd-muted); background: none; }
      input[type="range"] {
        --to: calc(var(--knob) / 2 + (100% - var(--knob)) * var(--share));
        --second: calc(var(--knob) / 2 + (100% - var(--knob)) * var(--secondary));
        appearance: none; display: block; width: 100%; height: 32px; margin: 0; background: none; cursor: pointer;
      }
      input[type="range"]::-webkit-slider-runnable-track {
        height: 8px; border: 1px solid var(--crowd-line); border-radius: 4px;
        background: linear-gradient(to right, var(--crowd-accent) 0 var(--to),
          var(--crowd-slider-secondary-color, var(--crowd-line)) var(--to) var(--second), var(--crowd-surface) 0);
      }
      input[type="range"]::-moz-range-track {
        height: 6px; border: 1px solid var(--crowd-line); border-radius: 4px;
        background: linear-gradient(to right, var(--crowd-accent) 0 var(--to),
          var(--crowd-slider-secondary-color, var(--crowd-line)) var(--to) var(--second), var(--crowd-surface) 0);
      }
      input[type="range"]::-webkit-slider-thumb {
        appearance: none; width: var(--knob); height: var(--knob); margin-top: -9px; border: 3px solid var(--crowd-surface);
        border-radius: 50%; background: var(--crowd-accent); box-shadow: 0 0 0 1px var(--crowd-accent);
      }
      input[type="range"]::-moz-range-thumb {
        width: 18px; height: 18px; border: 3px solid var(--crowd-surface); border-radius: 50%;
        background: var(--crowd-accent); box-shadow: 0 0 0 1px var(--crowd-accent);
      }
      .unset input[type="range"]::-webkit-slider-thumb { background: var(--crowd-surface); }
      .unset input[type="range"]::-moz-range-thumb { background: var(--crowd-surface); }
      input[type="range"]:disabled { opacity: 0.6; cursor: default; }
      input[type="number"] {
        width: 6em; min-height: 32px; padding: 2px 8px; border: 1px solid var(--crowd-line); border-radius: 6px;
        background: var(--crowd-surface);
      }
      .error { display: block; color: var(--crowd-danger); font-size: 0.9em; }
    `,
  ];

  /** @type {number | undefined} */
  #value;
  #typing = false;

  constructor() {
    super();
    this.min = 0;
    this.max = 100;
    this.step = 1;
    this._shown = false;
    this.addEventListener("invalid", () => (this._shown = true));
  }

  /** The number that is shown, within the limits and on a step. */
  get value() {
    const step = this.step > 0 ? this.step : 1;
    const wanted = Math.min(Math.max(this.#value ?? this.min, this.min), this.max);
    const steps = Math.min(Math.round((wanted - this.min) / step), Math.floor((this.max - this.min) / step + 1e-9));
    const decimals = Math.max(...[step, this.min].map((number) => String(number).split(".")[1]?.length ?? 0));
    return Number((this.min + Math.max(steps, 0) * step).toFixed(decimals));
  }

  set value(value) {
    const before = this.#value;
    const number = value === null || value === undefined ? NaN : Number(value);
    this.#value = Number.isFinite(number) ? number : undefined;
    this.requestUpdate("value", before);
  }

  get _submittableValue() {
    return this._problem() ? undefined : this.value;
  }

  _restore(/** @type {any} */ value) {
    this.value = value;
  }

  _problem() {
    return this.required && this.#value === undefined ? ELEMENT_STRINGS.slider.missing : "";
  }

  formResetCallback() {
    super.formResetCallback();
    this._shown = false;
  }

  render() {
    const problem = this._shown ? this._problem() : "";
    const unset = this._problem() !== "";
    const share = (/** @type {number} */ number) => (number - this.min) / (this.max - this.min || 1);
    const position = { "--share": String(share(this.value)), "--secondary": String(share(this.secondaryProgress ?? this.min)) };
    const label = this.label || this.#labelElement()?.textContent?.trim() || this.name || undefined;
    return html`<div class=${classMap({ line: true, unset })}>
        <div class=${classMap({ range: true, pinned: this.pin })} style=${styleMap(position)}>
          ${this.pin ? html`<output aria-hidden="true">${unset ? "–" : this.value}</output>` : nothing}
          <input
            type="range"
            min=${this.min}
            max=${this.max}
            step=${this.step}
            .value=${live(String(this.value))}
            ?disabled=${this.isDisabled}
            aria-label=${ifDefined(label)}
            aria-valuetext=${ifDefined(unset ? ELEMENT_STRINGS.slider.unset : undefined)}
            aria-invalid=${ifDefined(problem ? "true" : undefined)}
            aria-describedby=${ifDefined(problem ? "error" : undefined)}
            @input=${this.#slid}
            @change=${this.#left}
            @click=${this.#settle}
            @keyup=${(/** @type {KeyboardEvent} */ event) => SLIDER_KEYS.has(event.key) && this.#settle()}
          />
        </div>
        ${this.editable ? this.#renderNumber(label, unset) : nothing}
      </div>
      ${problem ? html`<span class="error" id="error">${problem}</span>` : nothing}
      <slot @slotchange=${() => this.requestUpdate()}></slot>`;
  }

  /** @param {string | undefined} label @param {boolean} unset */
  #renderNumber(label, unset) {
    const field = /** @type {HTMLInputElement | null} */ (this.renderRoot.querySelector("[type=number]"));
    return html`<input
      type="number"
      min=${this.min}
      max=${this.max}
      step=${this.step}
      .value=${live(this.#typing && field ? field.value : unset ? "" : String(this.value))}
      ?disabled=${this.isDisabled}
      aria-label=${ELEMENT_STRINGS.slider.number(label ?? "")}
      @input=${this.#typed}
      @change=${this.#leftNumber}
    />`;
  }

  /** The crowd-slider-label that names this slider: inside of it, or right before it. */
  #labelElement() {
    const before = this.previousElementSibling;
    return this.querySelector("crowd-slider-label") ?? (before?.localName === "crowd-slider-label" ? before : null);
  }

  #slid() {
    this.value = Number(/** @type {HTMLInputElement} */ (this.renderRoot.querySelector("[type=range]")).value);
  }

  /** The least value can be chosen without moving the knob. */
  #settle() {
    if (this.#value !== undefined) return;
    this.value = this.min;
    this._changed();
  }

  #left() {
    this.dispatchEvent(new Event("change", { bubbles: true, composed: true }));
  }

  /** @param {Event} event */
  #typed(event) {
    const number = /** @type {HTMLInputElement} */ (event.target).valueAsNumber;
    this.#typing = true;
    if (number >= this.min && number <= this.max) this.value = number;
  }

  /** @param {Event} event */
  #leftNumber(event) {
    const number = /** @type {HTMLInputElement} */ (event.target).valueAsNumber;
    this.#typing = false;
    if (Number.isFinite(number)) this.value = Math.min(Math.max(number, this.min), this.max);
    this.requestUpdate();
    this._changed();
  }
}

/** What a slider, or one of its ends, is called. */
class CrowdSliderLabel extends HTMLElement {}

defineElement("crowd-slider-label", CrowdSliderLabel);
defineElement("crowd-slider", CrowdSlider);
