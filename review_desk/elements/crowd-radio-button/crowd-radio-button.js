// @ts-check

/**
 * A radio button. Within a crowd-radio-group one of them is checked at most. Outside of a group each stands for
 * itself, as in A2I, and choosing it once more clears it.
 *
 * Attributes and properties: those of every choice, but not `required`, which A2I does not have here. A button
 * without a name has its group's.
 */
class CrowdRadioButton extends CrowdChoice {
  static properties = { _isTabStop: { state: true } };

  _type = "radio";
  /** @type {any} */
  #group = null;

  constructor() {
    super();
    this._isTabStop = true;
    this.addEventListener("click", (event) => {
      if (event.composedPath()[0] === this._field) this.#clear();
    });
    // The browser ignores Space on a radio button that is checked.
    this.addEventListener("keyup", (event) => {
      if (event.key === " " && this.#clear()) event.preventDefault();
    });
  }

  connectedCallback() {
    super.connectedCallback();
    this.#group = this.closest("crowd-radio-group");
    if (this.checked) this._onChecked();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    const group = this.#group;
    this.#group = null;
    group?._arrange();
  }

  get _answerName() {
    return super._answerName || (this.#group?.getAttribute("name") ?? "");
  }

  _problem() {
    return "";
  }

  _onChecked() {
    for (const other of this.#group?._buttons ?? []) if (other !== this) other.checked = false;
  }

  /** Check it by hand. */
  _choose() {
    if (this.checked) return;
    this.checked = true;
    this._changed();
  }

  get _tabIndex() {
    return this._isTabStop ? undefined : -1;
  }

  updated() {
    super.updated();
    this.#group?._arrange();
  }

  /** @returns {boolean} whether it was cleared */
  #clear() {
    if (this.#group || !this.checked || this.isDisabled) return false;
    this.checked = false;
    this._changed();
    return true;
  }
}

defineElement("crowd-radio-button", CrowdRadioButton);
