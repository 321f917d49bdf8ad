// @ts-check

/**
 * A button; with `form-action="submit"` or `"reset"` it acts on its form.
 *
 * Attributes: `disabled`, `form-action`, `href`, `icon`, `icon-align` (`left`, `right`), `icon-url`, `loading` (wins
 * over `disabled`), `target`, `variant` (`primary`, `normal`, `link`, `icon`), `aria-label`, `title`.
 * Events: those of a button.
 */
class CrowdButton extends CrowdElement {
  static properties = {
    disabled: { type: Boolean, reflect: true },
    loading: { type: Boolean, reflect: true },
    formAction: { attribute: "form-action" },
    href: {},
    target: {},
    icon: {},
    iconAlign: { attribute: "icon-align" },
    iconUrl: { attribute: "icon-url" },
    variant: { reflect: true },
    title: {},
    label: { attribute: "aria-label" },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: inline-block; }
      button {
        display: inline-flex; gap: 8px; align-items: center; justify-content: center; width: 100%; min-height: 36px;
        padding: 6px 16px; border: 1px solid var(--crowd-line); border-radius: 6px; font-weight: 600;
        color: var(--crowd-ink); background: var(--crowd-surface); cursor: pointer;
      }
      :host([variant="primary"]) button {
        border-color: var(--crowd-accent); color: var(--crowd-on-accent); background: var(--crowd-accent);
      }
      :host([variant="link"]) button, :host([variant="icon"]) button { border-color: transparent; background: none; }
      :host([variant="link"]) button { color: var(--crowd-accent); text-decoration: underline; }
      button:hover:not(:disabled) { filter: brightness(1.08); }
      button:disabled { opacity: 0.6; cursor: default; }
      :host([loading]) button { cursor: progress; }
      img { width: 1em; height: 1em; }
      .after { order: 1; }
    `,
  ];

  render() {
    return html`<button
      type="button"
      ?disabled=${this.disabled || this.loading}
      aria-busy=${String(Boolean(this.loading))}
      aria-label=${ifDefined(this.label ?? undefined)}
      @click=${this.#act}
    >${this.#renderIcon()}<slot></slot></button>`;
  }

  #renderIcon() {
    const place = this.iconAlign === "right" ? "after" : "";
    if (this.iconUrl) return html`<img class=${place} src=${this.iconUrl} alt="" />`;
    return this.icon ? html`<span class=${place} aria-hidden="true">${crowdIcon(this.icon)}</span>` : nothing;
  }

  #act() {
    if (this.href) window.open(this.href, this.target ?? "_self", "noopener");
    const form = this.closest("form");
    if (this.formAction === "submit") form?.requestSubmit();
    else if (this.formAction === "reset") form?.reset();
  }

  click() {
    /** @type {HTMLElement | null} */ (this.renderRoot?.querySelector("button"))?.click();
  }
}

/** Icons by the names that A2I's templates use, as characters that every font has. @param {string} name */
function crowdIcon(name) {
  const known = {
    add: "+", close: "✕", delete: "✕", check: "✓", done: "✓", info: "ℹ", help: "?", search: "⌕", refresh: "↻",
    undo: "↶", "arrow-back": "←", "arrow-forward": "→", "chevron-left": "‹", "chevron-right": "›",
    "expand-more": "⌄", "expand-less": "⌃", settings: "⚙", star: "★", "report-problem": "⚠", report: "!",
    warning: "⚠", error: "⚠", edit: "✎", favorite: "♥", flag: "⚑", menu: "☰", remove: "−", redo: "↷",
    "zoom-in": "+", "zoom-out": "−",
  };
  const short = name.replace(/^.*:/, "").replace(/_/g, "-");
  return known[/** @type {keyof typeof known} */ (short)] ?? short.slice(0, 1).toUpperCase();
}

defineElement("crowd-button", CrowdButton);
