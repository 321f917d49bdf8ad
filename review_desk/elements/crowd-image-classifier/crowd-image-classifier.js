// @ts-check

/**
 * Choose one category for an image. A `<worker-comment header link-text placeholder>` among its children lets people
 * say why; the text in it says what is to be written.
 *
 * Attributes and keys: see CrowdImageChoice. Answer: `{label: "…", workerComment: "…"}`, the comment only if given.
 */
class CrowdImageClassifier extends CrowdImageChoice {
  static properties = { _comment: { state: true }, _opened: { state: true } };

  static styles = [
    CrowdChoiceField.styles,
    css`
      details { margin-top: 12px; }
      :host([data-crowd-compact]) details { display: none; }
      summary { min-height: 24px; color: var(--crowd-accent); cursor: pointer; }
      .caption { display: block; margin: 8px 0 4px; font-weight: 600; }
      textarea {
        display: block; box-sizing: border-box; width: 100%; padding: 6px 10px; border: 1px solid var(--crowd-line); border-radius: 6px;
        background: var(--crowd-surface);
      }
    `,
  ];

  constructor() {
    super();
    this._comment = "";
    this._opened = false;
  }

  get _submittableValue() {
    const comment = this._comment.trim() ? { workerComment: this._comment } : undefined;
    const choice = super._submittableValue;
    return choice || comment ? { ...choice, ...comment } : undefined;
  }

  /** @param {any} value */
  _restore(value) {
    super._restore(value);
    this._comment = String(value?.workerComment ?? "");
    this._opened = this._comment !== "";
  }

  /** A draft with a comment alone names no category. @param {any} value */
  _positionsOf(value) {
    return super._positionsOf(typeof value === "object" && !Array.isArray(value) ? value?.label : value);
  }

  _renderBelow() {
    const region = this.querySelector(":scope > worker-comment");
    if (!region) return nothing;
    const words = ELEMENT_STRINGS.choices.comment;
    return html`<details ?open=${this._opened}>
      <summary>${region.getAttribute("link-text") || words}</summary>
      <slot name="worker-comment"></slot>
      <label>
        <span class="caption">${region.getAttribute("header") || words}</span>
        <textarea
          rows="3"
          placeholder=${ifDefined(region.getAttribute("placeholder") ?? undefined)}
          .value=${live(this._comment)}
          ?disabled=${this.isDisabled}
          @input=${this.#typed}
        ></textarea>
      </label>
    </details>`;
  }

  /** @param {Event} event */
  #typed(event) {
    // The native event is composed: it goes on to the form by itself.
    this._comment = /** @type {HTMLTextAreaElement} */ (event.target).value;
  }
}

defineElement("crowd-image-classifier", CrowdImageClassifier);
