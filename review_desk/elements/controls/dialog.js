// @ts-check

/**
 * Whether the first field of a form that stops its submit is inside an element. The browser puts the focus on that
 * field, so it has to be seen.
 * @param {Element} container
 */
function holdsFirstInvalid(container) {
  const fields = Array.from(/** @type {HTMLFormElement | null} */ (container.closest("form"))?.elements ?? []);
  const first = fields.find((field) => field.localName !== "fieldset" && field.matches(":invalid"));
  return first !== undefined && container.contains(first);
}

/**
 * A link or a button that opens a dialog over the page. Escape, the button in its corner and a click beside it close
 * it; the focus then goes back to where it was.
 *
 * Attributes: `link-text`, `link-type` (`link`, `button`). Methods: `open()`, `close()`.
 * For a subclass: `_linkText`, `_title`, `_renderContent()`.
 */
class CrowdDialog extends CrowdElement {
  // A click on the dialog's text must not move the focus to its first button.
  static shadowRootOptions = LitElement.shadowRootOptions;

  static properties = {
    linkText: { attribute: "link-text" },
    linkType: { attribute: "link-type" },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: inline-block; }
      .open {
        min-height: 36px; padding: 6px 16px; border: 1px solid var(--crowd-line); border-radius: 6px;
        font-weight: 600; color: var(--crowd-ink); background: var(--crowd-surface); cursor: pointer;
      }
      .open.link {
        min-height: 24px; padding: 2px 0; border: none; font-weight: inherit; color: var(--crowd-accent);
        background: none; text-decoration: underline;
      }
      dialog {
        width: fit-content; min-width: min(40ch, 100vw - 32px); max-width: min(90ch, 100vw - 32px);
        max-height: calc(100vh - 32px); padding: 0; border: 1px solid var(--crowd-line); border-radius: 10px;
        overflow: auto; color: var(--crowd-ink); background: var(--crowd-surface); text-align: start;
      }
      dialog::backdrop { background: rgb(0 0 0 / 0.5); }
      header {
        position: sticky; top: 0; z-index: 1; display: flex; gap: 16px; align-items: center; padding: 12px 12px 12px 20px;
        border-bottom: 1px solid var(--crowd-line); background: var(--crowd-surface);
      }
      h2 { flex: 1; margin: 0; font-size: 1.15rem; }
      .close {
        display: grid; place-items: center; width: 32px; height: 32px; padding: 0; border: none; border-radius: 6px;
        background: none; cursor: pointer;
      }
      .close:hover { background: color-mix(in srgb, var(--crowd-ink) 10%, transparent); }
      .content { padding: 16px 20px 20px; }
      ::slotted(:first-child) { margin-top: 0; }
    `,
  ];

  constructor() {
    super();
    this.addEventListener("invalid", () => holdsFirstInvalid(this) && this.#show(), true);
  }

  async open() {
    await this.updateComplete;
    this.#show();
  }

  close() {
    this.renderRoot?.querySelector("dialog")?.close();
  }

  #show() {
    const dialog = this.renderRoot.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
  }

  /** What opens the dialog, if the template does not say. */
  get _linkText() {
    return ELEMENT_STRINGS.dialog.open;
  }

  get _title() {
    return this.linkText || this._linkText;
  }

  /** @returns {unknown} */
  _renderContent() {
    return html`<slot></slot>`;
  }

  render() {
    return html`<button
        type="button"
        class=${this.linkType === "button" ? "open" : "open link"}
        aria-haspopup="dialog"
        @click=${this.open}
      >${this.linkText || this._linkText}</button>
      <dialog aria-labelledby="title" closedby="any" tabindex="-1">
        <span tabindex="0" @focus=${this.#toEnd}></span>
        <header>
          <h2 id="title">${this._title}</h2>
          <button type="button" class="close" autofocus aria-label=${ELEMENT_STRINGS.dialog.close} @click=${this.close}>✕</button>
        </header>
        <div class="content">${this._renderContent()}</div>
        <span tabindex="0" @focus=${this.#toStart}></span>
      </dialog>`;
  }

  // The two ends pass the focus on, so that Tab stays in the dialog and does not leave the frame of the task.

  #toStart() {
    /** @type {HTMLElement | null} */ (this.renderRoot.querySelector(".close"))?.focus();
  }

  #toEnd() {
    const inside = [...this.renderRoot.querySelectorAll(".content *"), ...this.querySelectorAll("*")];
    for (const element of inside.reverse()) {
      if (element.matches('[tabindex="-1"]')) continue;
      /** @type {HTMLElement} */ (element).focus?.();
      if (element.matches(":focus, :focus-within")) return;
    }
    this.#toStart();
  }
}
