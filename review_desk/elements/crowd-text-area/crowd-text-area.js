// @ts-check

/** Several lines of text. Attributes of its own: `rows`, `max-rows` (the field grows up to it), `char-counter`. */
class CrowdTextArea extends CrowdTextField {
  connectedCallback() {
    if (this._field) return;
    super.connectedCallback();
    const field = /** @type {HTMLTextAreaElement} */ (/** @type {unknown} */ (this._field));
    if (this.hasAttribute("char-counter")) this.#count(field);
    const most = Number(this.getAttribute("max-rows"));
    if (most > 0) {
      const fit = () => (field.rows = Math.min(most, Math.max(this.#rows, field.value.split("\n").length)));
      field.addEventListener("input", fit);
      fit();
    }
  }

  get #rows() {
    return Number(this.getAttribute("rows")) || 3;
  }

  _makeField() {
    const field = document.createElement("textarea");
    field.rows = this.#rows;
    return field;
  }

  /** @param {HTMLTextAreaElement} field */
  #count(field) {
    const counter = document.createElement("small");
    counter.dataset.crowdInner = "";
    const show = () => {
      const most = this.getAttribute("max-length");
      counter.textContent = most ? `${field.value.length} / ${most}` : String(field.value.length);
    };
    field.addEventListener("input", show);
    show();
    this.append(counter);
  }
}
