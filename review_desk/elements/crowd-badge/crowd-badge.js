// @ts-check

/**
 * A mark over the top right corner of another element.
 *
 * Attributes: `for` (the id of that element; without it, the parent), `icon` (the name of an icon, or the address of
 * an image), `label` (up to three characters, if there is no icon), `aria-label`.
 */
class CrowdBadge extends CrowdElement {
  static properties = { for: {}, icon: {}, label: {}, spoken: { attribute: "aria-label" } };

  static styles = [
    CrowdElement.base,
    css`
      :host { position: absolute; z-index: 1; pointer-events: none; }
      span.badge {
        display: grid; place-items: center; min-width: 24px; height: 24px; padding: 0 4px; border-radius: 12px;
        font-size: 13px; font-weight: 600; color: var(--crowd-on-accent); background: var(--crowd-accent);
      }
      img { width: 16px; height: 16px; object-fit: contain; }
    `,
  ];

  #observer = new ResizeObserver(() => this.#place());

  connectedCallback() {
    super.connectedCallback();
    releaseContent(this);
    this.requestUpdate();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#observer.disconnect();
  }

  updated() {
    whenParsed(this, () => this.#follow());
  }

  render() {
    const spoken = this.spoken || (this.icon ? iconWords(this.icon) : "");
    return html`<span class="badge" role=${ifDefined(spoken ? "img" : undefined)} aria-label=${ifDefined(spoken || undefined)}>
      ${this.icon ? renderIcon(this.icon) : this.label}
    </span>`;
  }

  get #target() {
    const root = /** @type {Document | ShadowRoot} */ (this.getRootNode());
    return (this.for && root.getElementById?.(this.for)) || this.parentElement;
  }

  /** Stay at the corner while the element or the page changes its size. */
  #follow() {
    this.#observer.disconnect();
    if (!this.isConnected) return;
    for (const element of [this.#target, document.body, document.documentElement]) if (element) this.#observer.observe(element);
  }

  #place() {
    const corner = this.#target?.getBoundingClientRect();
    if (!corner) return;
    this.style.left = this.style.top = "0";
    const own = this.getBoundingClientRect();
    this.style.left = `${corner.right - own.left - own.width / 2}px`;
    this.style.top = `${corner.top - own.top - own.height / 2}px`;
  }
}

defineElement("crowd-badge", CrowdBadge);
