// @ts-check

/** A box that stands out. Attributes: `heading`, `image` (the address of an image, shown below the heading). */
class CrowdCard extends CrowdElement {
  static properties = { heading: {}, image: {} };

  static styles = [
    CrowdElement.base,
    css`
      :host {
        display: inline-block; max-width: 100%; overflow: hidden; vertical-align: top;
        border: 1px solid color-mix(in srgb, var(--crowd-line) 50%, transparent); border-radius: 8px;
        background: var(--crowd-surface); box-shadow: var(--crowd-shadow);
      }
      .heading { padding: 12px 16px; font-size: 1.15em; font-weight: 600; }
      img { display: block; max-width: 100%; }
    `,
  ];

  render() {
    return html`${this.heading ? html`<div class="heading" role="heading" aria-level="3">${this.heading}</div>` : nothing}
      ${this.image ? html`<img src=${this.image} alt=${this.getAttribute("aria-label") ?? this.heading ?? ""} />` : nothing}
      <slot></slot>`;
  }
}

defineElement("crowd-card", CrowdCard);
