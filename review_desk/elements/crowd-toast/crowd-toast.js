// @ts-check

const TOAST_DURATION_MS = 3000;

/**
 * A message at the bottom of the page that goes by itself. One is shown at a time. It stays while the pointer or the
 * focus is on it.
 *
 * Attributes: `text` (besides the element's content), `duration` (milliseconds, 3000 if it is missing; 0 keeps it),
 * `opened`. Methods: `show()`, `hide()`.
 */
class CrowdToast extends CrowdElement {
  // A click on the message must not move the focus to its button.
  static shadowRootOptions = LitElement.shadowRootOptions;

  static properties = {
    text: {},
    duration: { type: Number },
    opened: { type: Boolean, reflect: true },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { position: fixed; bottom: 16px; left: 16px; z-index: 10; max-width: calc(100vw - 32px); }
      .toast {
        display: flex; gap: 12px; align-items: flex-start; max-width: 60ch; padding: 10px 12px 10px 16px;
        border: 1px solid var(--crowd-line); border-radius: 8px; line-height: 24px; background: var(--crowd-surface);
        box-shadow: var(--crowd-shadow);
      }
      button {
        display: grid; place-items: center; flex: none; width: 24px; height: 24px; padding: 0; border: none;
        border-radius: 4px; background: none; cursor: pointer;
      }
      button:hover { background: color-mix(in srgb, var(--crowd-ink) 10%, transparent); }
    `,
  ];

  /** @type {CrowdToast | undefined} */
  static #visible;
  /** @type {number | undefined} */
  #timer;

  constructor() {
    super();
    this.text = "";
    this.duration = TOAST_DURATION_MS;
    this.opened = false;
    for (const event of ["pointerenter", "focusin"]) this.addEventListener(event, () => window.clearTimeout(this.#timer));
    for (const event of ["pointerleave", "focusout"]) this.addEventListener(event, () => this.#count());
  }

  connectedCallback() {
    super.connectedCallback();
    if (!this.hasAttribute("role")) this.setAttribute("role", "status");
  }

  show() {
    this.opened = true;
    this.#count();
  }

  hide() {
    this.opened = false;
  }

  render() {
    return html`<div class="toast" ?hidden=${!this.opened}>
      <div>${this.text}<slot></slot></div>
      <button type="button" aria-label=${ELEMENT_STRINGS.dialog.close} @click=${this.hide}>✕</button>
    </div>`;
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    if (!changed.has("opened") || !this.opened) return;
    if (CrowdToast.#visible !== this) CrowdToast.#visible?.hide();
    CrowdToast.#visible = this;
    this.#count();
  }

  #count() {
    window.clearTimeout(this.#timer);
    if (this.opened && this.duration > 0) this.#timer = window.setTimeout(() => this.hide(), this.duration);
  }
}

defineElement("crowd-toast", CrowdToast);
