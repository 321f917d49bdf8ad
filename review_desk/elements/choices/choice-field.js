// @ts-check

/** Stands for the exclusion category among the positions of the categories. */
const EXCLUSION = -1;

const CHOICE_REGIONS = ["classification-target", "short-instructions", "full-instructions", "worker-comment"];

/**
 * What the classifiers have in common: a heading, the thing to judge, and the categories as large buttons with a key
 * each. The regions (`classification-target`, `short-instructions`, …) are plain children.
 *
 * Attributes: `categories` (strings, or objects with `name`), `exclusion-category` (`{text: "None"}`: excludes all
 * others), `header`, `initial-value` (a category, or a list of them), `name`.
 * Keys: 1 to 9, then letters, choose; Enter submits.
 */
class CrowdChoiceField extends CrowdField {
  static properties = {
    header: {},
    categories: {},
    exclusionCategory: { attribute: "exclusion-category" },
    initialValue: { attribute: "initial-value" },
    _chosen: { state: true },
    _shown: { state: true },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: block; margin: 0 0 12px; container-type: inline-size; }
      h2 { margin: 0 0 12px; font-size: 1.25rem; line-height: 1.3; }
      .layout { display: grid; gap: 16px 24px; grid-template-columns: minmax(0, 1fr); }
      @container (min-width: 720px) {
        .layout { grid-template-columns: minmax(0, 1fr) clamp(240px, 32%, 380px); }
        .side { position: sticky; top: 8px; align-self: start; }
      }
      .target { overflow-wrap: anywhere; }
      .content {
        padding: 12px 16px; border: 1px solid var(--crowd-line); border-radius: 8px; font-size: 1.15rem; line-height: 1.55;
        background: var(--crowd-surface);
      }
      .group { display: flex; flex-direction: column; gap: 8px; }
      .choice {
        display: flex; gap: 10px; align-items: center; min-height: 44px; padding: 6px 12px; cursor: pointer;
        border: 1px solid var(--crowd-line); border-radius: 8px; background: var(--crowd-surface);
      }
      .choice:hover:not(.off) { border-color: var(--crowd-accent); }
      .choice.on { border-color: var(--crowd-accent); background: var(--crowd-selected); font-weight: 600; }
      .choice.off { color: var(--crowd-muted); cursor: default; }
      .choice:has(:focus-visible) { outline: 3px solid var(--crowd-accent); outline-offset: 1px; }
      .choice input { flex: none; width: 18px; height: 18px; margin: 0; accent-color: var(--crowd-accent); outline: none; }
      .choice .name { flex: 1; min-width: 0; overflow-wrap: anywhere; }
      kbd {
        flex: none; min-width: 24px; padding: 1px 5px; border: 1px solid var(--crowd-line); border-radius: 4px;
        font: 600 0.8rem/1.4 ui-monospace, monospace; text-align: center; color: var(--crowd-muted);
        background: var(--crowd-surface);
      }
      .exclusion { margin-top: 4px; }
      .error { margin: 8px 0 0; color: var(--crowd-danger); }
      slot[name="full-instructions"] { display: block; margin-top: 16px; }
    `,
    // One of several small frames shows the thing itself and what is chosen for it.
    css`
      :host([data-crowd-compact]) { margin: 0; }
      :host([data-crowd-compact]) :is(h2, kbd, .side slot, .choice:not(.on), .choice input) { display: none; }
      :host([data-crowd-compact]) .layout { grid-template-columns: minmax(0, 1fr) 30%; gap: 8px; }
      :host([data-crowd-compact]) .group { gap: 4px; }
      :host([data-crowd-compact]) .group:not(:has(.on))::after { content: "–"; }
      :host([data-crowd-compact]) .choice { min-height: 0; padding: 2px 8px; font-size: 0.85rem; }
      :host([data-crowd-compact]) image-view { --image-view-least: 0; --image-view-most: calc(100vh - 14px); --image-view-tools: none; }
    `,
  ];

  /** Whether several categories may be chosen. */
  _several = false;

  /** Letters that are no category's key. */
  _takenKeys = "";

  constructor() {
    super();
    /** @type {Set<number> | undefined} positions of categories; `undefined` before the first drawing */
    this._chosen = undefined;
    this._shown = false;
    this.addEventListener("invalid", () => (this._shown = true));
  }

  connectedCallback() {
    super.connectedCallback();
    keyedElements.add(this);
    document.addEventListener("keydown", this.#keydown);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    keyedElements.delete(this);
    document.removeEventListener("keydown", this.#keydown);
  }

  get _categories() {
    return readCategories(this._literal("categories", []));
  }

  /** What is shown for the exclusion category; "" without one. */
  get _exclusion() {
    return this._several ? exclusionName(this._literal("exclusion-category")) : "";
  }

  /** @returns {{position: number, key: string}[]} the choices in the order shown */
  get _order() {
    const positions = this._categories.map((_, position) => position);
    if (this._exclusion) positions.push(EXCLUSION);
    const keys = choiceKeys(positions.length, this._takenKeys);
    return positions.map((position, place) => ({ position, key: keys[place] }));
  }

  /** The categories chosen, in the order of the attribute. */
  get _picked() {
    return this._categories.filter((_, position) => this._chosen?.has(position));
  }

  /** A2I's value: `{label}`, or `{labels}`; the exclusion category is a label like any other, as it is documented. */
  get _submittableValue() {
    const names = this._picked.map((category) => category.name);
    if (this._chosen?.has(EXCLUSION)) names.push(this._exclusion);
    if (names.length === 0) return undefined;
    return this._several ? { labels: names } : { label: names[0] };
  }

  get value() {
    return this._submittableValue;
  }

  set value(value) {
    this._restore(value);
  }

  _restore(/** @type {unknown} */ value) {
    this._chosen = this._positionsOf(value);
  }

  /**
   * The positions of what a value names: a category, a list, or an answer.
   * @param {any} value
   * @returns {Set<number>}
   */
  _positionsOf(value) {
    const entries = [value?.labels ?? value?.label ?? value ?? []].flat();
    const names = new Set(entries.map((entry) => String(entry?.name ?? entry?.label ?? entry)));
    if (this._exclusion && names.has(this._exclusion)) return new Set([EXCLUSION]);
    const found = this._categories.flatMap((category, position) => (names.has(category.name) ? [position] : []));
    return new Set(this._several ? found : found.slice(0, 1));
  }

  /** What is chosen to begin with. The attribute is a literal, or simply the name of a category. */
  _initialPositions() {
    const text = this.getAttribute("initial-value")?.trim() ?? "";
    return this._positionsOf(/^[[{"'`]/.test(text) ? this._literal("initial-value") : text);
  }

  _problem() {
    if (this._chosen?.size) return "";
    const strings = ELEMENT_STRINGS.choices;
    if (!this._several) return strings.missingOne;
    return this._exclusion ? strings.missingOrExclusion(this._exclusion) : strings.missingSeveral;
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    super.willUpdate(changed);
    this._chosen ??= this._initialPositions();
  }

  render() {
    return html`${this.header ? html`<h2>${this.header}</h2>` : nothing}
      <div class="layout">
        <div class="target">${this._renderTarget()}</div>
        <div class="side">
          <slot name="short-instructions"></slot>
          ${this._renderGroup()} ${this._renderProblem()} ${this._renderBelow()}
          <slot name="full-instructions"></slot>
        </div>
      </div>
      <slot @slotchange=${this.#placeRegions}></slot>`;
  }

  /** @returns {unknown} the thing to judge */
  _renderTarget() {
    return html`<div class="content"><slot name="classification-target"></slot></div>`;
  }

  /** @returns {unknown} what stands under the choices */
  _renderBelow() {
    return nothing;
  }

  _renderGroup() {
    const role = this._several ? "group" : "radiogroup";
    return html`<div class="group" role=${role} aria-label=${this.header || ELEMENT_STRINGS.choices.group}>
      ${this._order.map(({ position, key }) => this._renderChoice(position, key))}
    </div>`;
  }

  _renderProblem() {
    const problem = this._shown ? this._problem() : "";
    return problem ? html`<p class="error" role="alert">${problem}</p>` : nothing;
  }

  /**
   * @param {number} position
   * @param {string} key
   * @param {unknown} [detail] what stands after the name
   */
  _renderChoice(position, key, detail = nothing) {
    const excluding = position === EXCLUSION;
    const chosen = this._chosen?.has(position) ?? false;
    const off = this.isDisabled || (!excluding && (this._chosen?.has(EXCLUSION) ?? false));
    return html`<label class=${classMap({ choice: true, on: chosen, off, exclusion: excluding })}>
      <input
        type=${this._several ? "checkbox" : "radio"}
        name="choice"
        .checked=${live(chosen)}
        ?disabled=${off}
        aria-keyshortcuts=${ifDefined(key || undefined)}
        @change=${() => this._choose(position)}
      />
      ${key ? html`<kbd aria-hidden="true">${key.toUpperCase()}</kbd>` : nothing}
      <span class="name">${excluding ? this._exclusion : this._categories[position].name}</span>${detail}
    </label>`;
  }

  /**
   * Choose a category, or take it back where several may be chosen. Nothing can be chosen beside the exclusion.
   * @param {number} position
   */
  _choose(position) {
    const chosen = new Set(this._chosen);
    if (!this._several || (position === EXCLUSION && !chosen.has(EXCLUSION))) this._chosen = new Set([position]);
    else if (position !== EXCLUSION && chosen.has(EXCLUSION)) return;
    else {
      if (!chosen.delete(position)) chosen.add(position);
      this._chosen = chosen;
    }
    this._shown = false;
    this._changed();
  }

  /**
   * @param {string} key
   * @param {KeyboardEvent} event
   * @returns {boolean} whether the key was one of the element's
   */
  _press(key, event) {
    if (key === "enter") {
      if (isOnControl(event)) return false;
      // A key held down since the task before must not submit this one, too.
      if (!event.repeat) requestSubmitOf(this);
      return true;
    }
    const choice = this._order.find((entry) => entry.key === key);
    if (!choice || event.repeat) return false;
    this._choose(choice.position);
    return true;
  }

  #keydown = (/** @type {KeyboardEvent} */ event) => {
    if (this.isDisabled || !isKeyFor(this, event)) return;
    if (this._press(pressedKey(event), event)) event.preventDefault();
  };

  /** Regions are found by their tag: what comes without a place is given one. @param {Event} event */
  #placeRegions(event) {
    for (const child of /** @type {HTMLSlotElement} */ (event.target).assignedElements()) {
      if (CHOICE_REGIONS.includes(child.localName)) child.slot = child.localName;
    }
    this.requestUpdate();
  }
}
