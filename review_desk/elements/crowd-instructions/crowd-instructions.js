// @ts-check

/** Into which slot a region of the instructions goes, by its tag. What is no region goes with the summary. */
const INSTRUCTION_SLOTS = new Map([
  ["short-summary", "summary"],
  ["detailed-instructions", "detailed"],
  ["positive-example", "good"],
  ["negative-example", "bad"],
]);

/**
 * Instructions in a dialog, on up to three pages: summary, detailed instructions, examples. Their content are the
 * children short-summary, detailed-instructions, positive-example and negative-example, of which each may be there
 * several times.
 *
 * Attributes and methods: those of every dialog.
 */
class CrowdInstructions extends CrowdDialog {
  static styles = [
    CrowdDialog.styles,
    css`
      dialog { width: min(90ch, 100vw - 32px); }
      section { margin-bottom: 16px; padding-inline-start: 12px; border-inline-start: 4px solid var(--crowd-success); }
      section.bad { border-color: var(--crowd-danger); }
      h3 { margin: 0 0 8px; font-size: 1rem; }
      ::slotted(*) { display: block; margin-bottom: 12px; }
    `,
  ];

  get _linkText() {
    return ELEMENT_STRINGS.instructions.open;
  }

  get _title() {
    return ELEMENT_STRINGS.instructions.title;
  }

  connectedCallback() {
    super.connectedCallback();
    whenParsed(this, () => {
      for (const child of this.children) child.slot = INSTRUCTION_SLOTS.get(child.localName) ?? "summary";
      this.requestUpdate();
    });
  }

  _renderContent() {
    const words = ELEMENT_STRINGS.instructions;
    const used = new Set(Array.from(this.children, (child) => child.slot));
    const text = Array.from(this.childNodes).some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
    const example = (/** @type {string} */ slot, /** @type {string} */ heading) =>
      used.has(slot) ? html`<section class=${slot}><h3>${heading}</h3><slot name=${slot}></slot></section>` : nothing;
    return html`<crowd-tabs>
      ${used.has("summary") || text
        ? html`<crowd-tab header=${words.summary}><slot name="summary"></slot><slot></slot></crowd-tab>`
        : nothing}
      ${used.has("detailed") ? html`<crowd-tab header=${words.detailed}><slot name="detailed"></slot></crowd-tab>` : nothing}
      ${used.has("good") || used.has("bad")
        ? html`<crowd-tab header=${words.examples}>${example("good", words.good)}${example("bad", words.bad)}</crowd-tab>`
        : nothing}
    </crowd-tabs>`;
  }
}

defineElement("crowd-instructions", CrowdInstructions);
