// @ts-check

/** The short instructions of a task, always in view. */
class ShortInstructions extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "note");
  }
}

/** The full instructions, opened on demand. Attribute: `header`, the text of the line that opens them. */
class FullInstructions extends HTMLElement {
  connectedCallback() {
    whenParsed(this, () => {
      if (this.querySelector(":scope > details")) return;
      const details = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = this.getAttribute("header") || "View full instructions";
      details.append(summary, ...this.childNodes);
      this.append(details);
    });
  }
}

defineElement("short-instructions", ShortInstructions);
defineElement("full-instructions", FullInstructions);
