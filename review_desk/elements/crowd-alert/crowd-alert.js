// @ts-check

const ALERT_ICONS = { info: "ℹ", success: "✓", warning: "⚠", error: "✕" };

/** A message. Attributes: `type` (`info`, `success`, `warning`, `error`), `dismissible` (it can be closed). */
class CrowdAlert extends CrowdElement {
  // A click on the message must not move the focus to its button.
  static shadowRootOptions = LitElement.shadowRootOptions;

  static properties = { type: { reflect: true }, dismissible: { type: Boolean } };

  static styles = [
    CrowdElement.base,
    css`
      :host {
        --tone: var(--crowd-accent);
        display: flex; gap: 12px; align-items: flex-start; margin: 0 0 12px; padding: 10px 12px;
        border: 1px solid var(--tone); border-left-width: 6px; border-radius: 6px; background: var(--crowd-surface);
      }
      :host([type="success"]) { --tone: var(--crowd-success); }
      :host([type="warning"]) { --tone: var(--crowd-warning); }
      :host([type="error"]) { --tone: var(--crowd-danger); }
      .icon { color: var(--tone); font-weight: 700; line-height: 24px; }
      .message { flex: 1; line-height: 24px; }
      button {
        display: grid; place-items: center; width: 24px; height: 24px; padding: 0; border: none; border-radius: 4px;
        background: none; cursor: pointer;
      }
      button:hover { background: color-mix(in srgb, var(--crowd-ink) 10%, transparent); }
    `,
  ];

  get #kind() {
    return /** @type {keyof typeof ALERT_ICONS} */ (this.type in ALERT_ICONS ? this.type : "info");
  }

  constructor() {
    super();
    this.type = "info";
    this.dismissible = false;
  }

  connectedCallback() {
    super.connectedCallback();
    const urgent = this.#kind === "error" || this.#kind === "warning";
    if (!this.hasAttribute("role")) this.setAttribute("role", urgent ? "alert" : "status");
  }

  render() {
    return html`<span class="icon" role="img" aria-label=${ELEMENT_STRINGS.alert[this.#kind]}>${ALERT_ICONS[this.#kind]}</span>
      <div class="message"><slot></slot></div>
      ${this.dismissible
        ? html`<button type="button" aria-label=${ELEMENT_STRINGS.alert.dismiss} @click=${() => (this.hidden = true)}>✕</button>`
        : nothing}`;
  }
}

defineElement("crowd-alert", CrowdAlert);
