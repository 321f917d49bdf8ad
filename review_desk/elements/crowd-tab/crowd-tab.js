// @ts-check

/** A page of crowd-tabs. Attribute: `header`, the text of its tab. */
class CrowdTab extends CrowdElement {
  static properties = { header: { reflect: true } };
  static styles = [CrowdElement.base, css`:host { display: block; }`];

  connectedCallback() {
    super.connectedCallback();
    this.setAttribute("role", "tabpanel");
  }

  render() {
    return html`<slot></slot>`;
  }

  updated() {
    this.setAttribute("aria-label", this.header ?? "");
    /** @type {any} */ (this.parentElement)?.requestUpdate?.();
  }
}

defineElement("crowd-tab", CrowdTab);
