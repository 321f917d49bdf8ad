// @ts-check

/** Several lines of text. Attributes of its own: `rows`, `max-rows` (the field grows up to it), `char-counter`. */
class CrowdTextArea extends CrowdTextField {
  static properties = {
    rows: { type: Number },
    maxRows: { type: Number, attribute: "max-rows" },
    charCounter: { type: Boolean, attribute: "char-counter" },
  };

  _renderField() {
    const least = this.rows || 3;
    const rows = this.maxRows ? Math.min(this.maxRows, Math.max(least, this.value.split("\n").length)) : least;
    return html`<textarea
      rows=${rows}
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
    ></textarea>`;
  }

  _renderBelow() {
    if (!this.charCounter) return nothing;
    return html`<small>${this.maxLength ? `${this.value.length} / ${this.maxLength}` : this.value.length}</small>`;
  }
}

defineElement("crowd-text-area", CrowdTextArea);
