// @ts-check

/** The short instructions of a task, always in view. */
class ShortInstructions extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "note");
  }
}

/** The full instructions, in a dialog. Attribute: `header`, its title. Methods: `open()`, `close()`. */
class FullInstructions extends CrowdDialog {
  static properties = { header: {} };

  get _linkText() {
    return ELEMENT_STRINGS.instructions.full;
  }

  get _title() {
    return this.header || ELEMENT_STRINGS.instructions.title;
  }
}

defineElement("short-instructions", ShortInstructions);
defineElement("full-instructions", FullInstructions);
