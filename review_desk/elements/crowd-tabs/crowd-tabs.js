// @ts-check

/**
 * Pages of which one is shown: its children crowd-tab. Tab stops once in the row of tabs; the arrow keys, Home and
 * End show another page, as the tabs pattern of the ARIA Authoring Practices says.
 */
class CrowdTabs extends CrowdElement {
  // A click on a page must not move the focus to the tabs.
  static shadowRootOptions = LitElement.shadowRootOptions;

  static styles = [
    CrowdElement.base,
    css`
      :host { display: block; margin: 0 0 12px; }
      [role="tablist"] { display: flex; flex-wrap: wrap; gap: 4px; margin-bottom: 12px; border-bottom: 1px solid var(--crowd-line); }
      button {
        min-height: 36px; padding: 6px 14px; border: none; border-bottom: 3px solid transparent; font-weight: 600;
        color: var(--crowd-muted); background: none; cursor: pointer;
      }
      button:hover { color: var(--crowd-ink); }
      button[aria-selected="true"] { border-bottom-color: var(--crowd-accent); color: var(--crowd-accent); }
    `,
  ];

  /** @type {Element | undefined} */
  #shown;

  constructor() {
    super();
    // The browser cannot show what is wrong with a field on a hidden page.
    this.addEventListener(
      "invalid",
      (event) => {
        if (holdsFirstInvalid(this)) this.#show(this.#tabs.find((tab) => tab.contains(/** @type {Node} */ (event.target))));
      },
      true
    );
  }

  get #tabs() {
    return /** @type {HTMLElement[]} */ (Array.from(this.children).filter((child) => child.localName === "crowd-tab"));
  }

  focus() {
    /** @type {HTMLElement | null} */ (this.renderRoot?.querySelector('[aria-selected="true"]'))?.focus();
  }

  willUpdate() {
    this.#show(this.#shown && this.#tabs.includes(/** @type {any} */ (this.#shown)) ? this.#shown : this.#tabs[0]);
  }

  render() {
    const tabs = this.#tabs;
    return html`<div role="tablist" aria-label=${ifDefined(this.getAttribute("aria-label") ?? undefined)} @keydown=${this.#move}>
        ${tabs.map(
          (tab) => html`<button
            type="button"
            role="tab"
            aria-selected=${String(tab === this.#shown)}
            tabindex=${tab === this.#shown ? 0 : -1}
            @click=${() => this.#show(tab)}
          >${tab.getAttribute("header")}</button>`
        )}
      </div>
      <slot @slotchange=${() => this.requestUpdate()}></slot>`;
  }

  /** @param {Element | undefined} shown */
  #show(shown) {
    for (const tab of this.#tabs) tab.hidden = tab !== shown;
    if (this.#shown === shown) return;
    this.#shown = shown;
    this.requestUpdate();
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const tabs = this.#tabs;
    const at = tabs.indexOf(/** @type {any} */ (this.#shown));
    const next = { ArrowLeft: at - 1, ArrowRight: (at + 1) % tabs.length, Home: 0, End: -1 }[event.key];
    if (next === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.#show(tabs.at(next));
    const buttons = /** @type {HTMLElement[]} */ (Array.from(this.renderRoot.querySelectorAll("button")));
    buttons.at(next)?.focus();
  }
}

defineElement("crowd-tabs", CrowdTabs);
