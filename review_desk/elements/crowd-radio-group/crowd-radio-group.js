// @ts-check

const RADIO_STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/**
 * Radio buttons of which one is checked at most. Tab stops once in the group, and the arrow keys choose, as the
 * radio group pattern of the ARIA Authoring Practices says.
 *
 * It has no answer of its own: each button has. Attributes: `name` (for buttons that have none), `aria-label`.
 */
class CrowdRadioGroup extends CrowdElement {
  static styles = [CrowdElement.base, css`:host { display: block; }`];

  constructor() {
    super();
    this.addEventListener("keydown", (event) => this.#move(event));
  }

  connectedCallback() {
    super.connectedCallback();
    if (!this.hasAttribute("role")) this.setAttribute("role", "radiogroup");
  }

  /** @returns {any[]} */
  get _buttons() {
    return Array.from(this.querySelectorAll("crowd-radio-button"));
  }

  /** Let Tab stop at the button that is checked, or at the first. */
  _arrange() {
    const enabled = this._buttons.filter((button) => !button.isDisabled);
    const stop = enabled.find((button) => button.checked) ?? enabled[0];
    for (const button of this._buttons) button._isTabStop = button === stop;
  }

  render() {
    return html`<slot @slotchange=${this._arrange}></slot>`;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const step = RADIO_STEPS[/** @type {keyof typeof RADIO_STEPS} */ (event.key)];
    const buttons = this._buttons.filter((button) => !button.isDisabled);
    const at = buttons.indexOf(event.target);
    if (!step || at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const next = buttons.at((at + step) % buttons.length);
    next.focus();
    next._choose();
  }
}

defineElement("crowd-radio-group", CrowdRadioGroup);
