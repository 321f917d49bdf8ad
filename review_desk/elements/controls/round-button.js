// @ts-check

/**
 * A round button with an icon in it.
 *
 * Attributes: `disabled`, `icon` (the name of an icon, or the address of an image), `label` (a character instead of
 * an icon), `title`, `aria-label`.
 * Events: those of a button.
 */
class CrowdRoundButton extends CrowdElement {
  static properties = {
    disabled: { type: Boolean, reflect: true },
    icon: {},
    label: {},
    title: {},
    spoken: { attribute: "aria-label" },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: inline-block; vertical-align: middle; }
      button {
        display: grid; place-items: center; width: var(--size); height: var(--size); padding: 0; overflow: hidden;
        border: 1px solid transparent; border-radius: 50%; font-size: 22px; line-height: 1; cursor: pointer;
      }
      button:hover:not(:disabled) { filter: brightness(1.08); }
      button:disabled { opacity: 0.6; cursor: default; }
      img { width: 24px; height: 24px; object-fit: contain; }
    `,
  ];

  connectedCallback() {
    super.connectedCallback();
    releaseContent(this);
  }

  render() {
    const name = this.spoken || this.title || this.label || iconWords(this.icon) || ELEMENT_STRINGS.button;
    return html`<button type="button" ?disabled=${this.disabled} aria-label=${name}>
      ${this.icon ? renderIcon(this.icon) : (this.label ?? nothing)}
    </button>`;
  }

  click() {
    /** @type {HTMLElement | null} */ (this.renderRoot?.querySelector("button"))?.click();
  }
}
