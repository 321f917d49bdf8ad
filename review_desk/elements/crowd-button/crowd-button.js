// @ts-check

/**
 * A button; with `form-action="submit"` or `"reset"` it acts on its form.
 *
 * Attributes: `disabled`, `form-action`, `href`, `loading` (wins over `disabled`), `target`,
 * `variant` (`primary`, `normal`, `link`, `icon`).
 * Events: those of a button.
 */
class CrowdButton extends HTMLElement {
  static observedAttributes = ["disabled", "loading", "form-action", "variant", "aria-label", "title"];

  get disabled() {
    return this.hasAttribute("disabled");
  }

  set disabled(value) {
    this.toggleAttribute("disabled", Boolean(value));
  }

  get loading() {
    return this.hasAttribute("loading");
  }

  set loading(value) {
    this.toggleAttribute("loading", Boolean(value));
  }

  /** @type {HTMLButtonElement | undefined} */
  #button;

  connectedCallback() {
    if (this.#button) return;
    this.#button = document.createElement("button");
    this.#button.dataset.crowdInner = "";
    whenParsed(this, () => {
      const button = /** @type {HTMLButtonElement} */ (this.#button);
      button.append(...this.childNodes);
      this.append(button);
      button.addEventListener("click", () => this.#follow());
      this.#update();
    });
  }

  attributeChangedCallback() {
    this.#update();
  }

  #update() {
    const button = this.#button;
    if (!button) return;
    const action = this.getAttribute("form-action");
    button.type = action === "submit" || action === "reset" ? action : "button";
    button.disabled = this.disabled || this.loading;
    button.setAttribute("aria-busy", String(this.loading));
    for (const name of ["aria-label", "title"]) {
      const value = this.getAttribute(name);
      if (value !== null) button.setAttribute(name, value);
    }
  }

  #follow() {
    const href = this.getAttribute("href");
    if (href) window.open(href, this.getAttribute("target") ?? "_self", "noopener");
  }

  /** @param {FocusOptions} [options] */
  focus(options) {
    (this.#button ?? HTMLElement.prototype).focus.call(this.#button ?? this, options);
  }

  click() {
    if (this.#button) this.#button.click();
  }
}
