// @ts-check

const { LitElement, css, html, nothing, svg, classMap, createRef, ifDefined, live, ref, repeat, styleMap } = Lit;

/** @type {Map<string, CustomElementConstructor>} */
const definitions = new Map();

/**
 * Name an element's class. All are defined together once the whole script has run.
 * @param {string} name
 * @param {CustomElementConstructor} element
 */
function defineElement(name, element) {
  definitions.set(name, element);
}

/**
 * Run an action when the children of an element are there. While the page is being parsed an element is connected
 * before its children.
 * @param {Element} _element
 * @param {() => void} action
 */
function whenParsed(_element, action) {
  if (document.readyState !== "loading") action();
  else document.addEventListener("DOMContentLoaded", action, { once: true });
}

/**
 * What every element has in common: a shadow root that passes the focus on, lenient attributes, and events that a
 * form hears.
 */
class CrowdElement extends LitElement {
  static shadowRootOptions = { ...LitElement.shadowRootOptions, delegatesFocus: true };

  /** Styles to begin with; an element adds its own: `static styles = [CrowdElement.base, css`…`]`. */
  static base = css`
    :host { box-sizing: border-box; color: var(--crowd-ink); }
    :host([hidden]) { display: none !important; }
    *, ::before, ::after { box-sizing: inherit; }
    [hidden] { display: none !important; }
    :focus-visible { outline: 3px solid var(--crowd-accent); outline-offset: 1px; }
    button, input, select, textarea { font: inherit; color: inherit; }
  `;

  /** @type {Map<string, {text: string, value: any}>} */
  #literals = new Map();

  /**
   * The value of an attribute that is a JavaScript literal. What cannot be read is said on the page and in the
   * console, and the fallback is taken.
   * @param {string} name
   * @param {any} [fallback]
   */
  _literal(name, fallback) {
    const text = this.getAttribute(name);
    if (text === null || text.trim() === "") return fallback;
    const known = this.#literals.get(name);
    if (known?.text === text) return known.value;
    let value = fallback;
    try {
      value = parseLiteral(text);
    } catch (error) {
      complain(`<${this.localName}>: the attribute ${name} cannot be read: ${/** @type {Error} */ (error).message}`);
    }
    this.#literals.set(name, { text, value });
    return value;
  }

  /** Tell the form, and the template's scripts, that the value has changed by somebody's hand. */
  _changed() {
    this.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
    this.dispatchEvent(new Event("change", { bubbles: true, composed: true }));
  }
}

/**
 * An element with an answer, part of the form around it: it is disabled with a fieldset, reset with the form, and
 * stops the submit while `_problem()` says why.
 *
 * For a subclass: `_submittableValue`, `_restore(value)`, `_problem()`; `_answerName` if it has no name of its own;
 * `_isChoice = true` if its answer `{value: boolean}` joins those of the same name.
 */
class CrowdField extends CrowdElement {
  static formAssociated = true;
  static properties = {
    name: { reflect: true },
    disabled: { type: Boolean, reflect: true },
    required: { type: Boolean, reflect: true },
    _fieldsetDisabled: { state: true },
  };

  _isChoice = false;
  #internals = this.attachInternals();
  #initial = /** @type {unknown} */ (undefined);

  constructor() {
    super();
    this.name = "";
    this.disabled = false;
    this.required = false;
    this._fieldsetDisabled = false;
  }

  get form() {
    return this.#internals.form;
  }

  /** Under which name the answer is submitted. */
  get _answerName() {
    return this.getAttribute("name") ?? "";
  }

  /** @returns {unknown} the answer; `undefined`, `null` and "" are left out */
  get _submittableValue() {
    return undefined;
  }

  get isDisabled() {
    return this.disabled || this._fieldsetDisabled;
  }

  /** Put an answer back; `undefined` means none was given. @param {unknown} _value */
  _restore(_value) {}

  /** Why the form may not be submitted, if it may not. @returns {string} */
  _problem() {
    return "";
  }

  formResetCallback() {
    this._restore(this.#initial);
  }

  /** @param {boolean} disabled */
  formDisabledCallback(disabled) {
    this._fieldsetDisabled = disabled;
  }

  checkValidity() {
    return this.#internals.checkValidity();
  }

  reportValidity() {
    return this.#internals.reportValidity();
  }

  firstUpdated() {
    this.#initial = structuredCloneOrNothing(this._submittableValue);
  }

  updated() {
    const problem = this.isDisabled ? "" : this._problem();
    const anchor = /** @type {HTMLElement | null} */ (
      this.renderRoot.querySelector("input, textarea, select, button, [tabindex]")
    );
    this.#internals.setValidity(problem ? { customError: true } : {}, problem || undefined, (problem && anchor) || undefined);
  }
}

/** @param {unknown} value */
function structuredCloneOrNothing(value) {
  return value === undefined ? undefined : structuredClone(value);
}

/**
 * Say on the page, and in the console, what is wrong with a template.
 * @param {string} problem
 */
function complain(problem) {
  console.error(problem);
  const box = document.createElement("div");
  box.className = "crowd-problem";
  box.setAttribute("role", "alert");
  box.textContent = problem;
  (document.body ?? document.documentElement).prepend(box);
}
