// @ts-check

/** Steps of the blur, in px; the level of the template joins them. */
const MODERATION_BLUR_LEVELS = [0, 6, 12, 24];

/**
 * Review an image against the moderation labels of Amazon Rekognition.
 *
 * Attributes: `blur` (px, ours: how strongly the image is blurred at first; 0 by default), `categories` (strings, or
 * objects with `name`, and maybe `parentName`, `confidence` in percent, `instances: [{boundingBox}]`),
 * `exclusion-category`, `header`, `initial-value` (a list), `src`.
 * Objects with a `confidence` are predictions, and chosen to begin with unless there is an `initial-value`.
 * Answer, under A2I's fixed name: `{moderationLabels: […]}`, the strings or whole objects that were chosen; an empty
 * list for the exclusion category.
 * Keys: 1 to 9, then letters, choose; 0 is the exclusion category; Space shows the image while it is held; B and G
 * change blur and grey; F shows the whole image; ? lists the keys; Enter submits.
 */
class CrowdRekognitionDetectModerationLabels extends CrowdImageChoice {
  static properties = {
    blurLevel: { type: Number, attribute: "blur" },
    _level: { state: true },
    _grey: { state: true },
    _revealed: { state: true },
  };

  static styles = [
    CrowdChoiceField.styles,
    css`
      .family { display: flex; flex-direction: column; gap: 6px; }
      .family + .family { margin-top: 8px; }
      .parent { margin: 0; font-weight: 600; color: var(--crowd-muted); }
      .row { margin-inline-start: calc(20px * var(--depth)); }
      .choice { position: relative; overflow: hidden; }
      .share { flex: none; font-variant-numeric: tabular-nums; font-weight: 400; color: var(--crowd-muted); }
      .bar { position: absolute; inset-inline-start: 0; bottom: 0; height: 4px; background: var(--crowd-accent); }
      .tools { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 8px; font-size: 1rem; }
      button {
        display: inline-flex; gap: 8px; align-items: center; min-height: 36px; padding: 4px 12px; cursor: pointer;
        border: 1px solid var(--crowd-line); border-radius: 6px; background: var(--crowd-surface);
      }
      button:hover { border-color: var(--crowd-accent); }
      button[aria-pressed="true"] { border-color: var(--crowd-accent); background: var(--crowd-selected); }
      .reveal { user-select: none; touch-action: none; }
      .legend {
        display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: center; margin: 8px 0 0; font-size: 0.85rem;
        line-height: 1.4; color: var(--crowd-muted);
      }
      .legend span { white-space: nowrap; }
      dialog {
        max-width: min(460px, 90vw); padding: 20px 24px; border: 1px solid var(--crowd-line); border-radius: 10px;
        color: var(--crowd-ink); background: var(--crowd-surface);
      }
      dialog::backdrop { background: rgb(0 0 0 / 50%); }
      dl { display: grid; grid-template-columns: auto 1fr; gap: 8px 16px; margin: 0 0 16px; }
      dd { margin: 0; }
      :host([data-crowd-compact]) :is(.tools, .legend, .parent, .family:not(:has(.on))) { display: none; }
      :host([data-crowd-compact]) .family { gap: 4px; margin: 0; }
      :host([data-crowd-compact]) .row { margin: 0; }
      :host([data-crowd-compact]) .bar { height: 2px; }
      :host([data-crowd-compact]) .row:not(:has(.on)) { display: none; }
      @container (max-width: 420px) {
        :host([data-crowd-compact]) .share { display: none; }
      }
    `,
  ];

  _several = true;
  _takenKeys = "bfg";
  _fitKey = "f";
  #dialog = createRef();
  #byPointer = false;
  /** @type {AbortController | undefined} */
  #gone;

  constructor() {
    super();
    this.blurLevel = 0;
    /** @type {number | undefined} blur in px that the reviewer has chosen */
    this._level = undefined;
    this._grey = false;
    this._revealed = false;
  }

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("keyup", this.#released);
    window.addEventListener("blur", this.#hide);
    window.addEventListener("pointerup", this.#hide);
    this.#gone = new AbortController();
    taskPreferences.whenGiven(this.#gone.signal, () => {
      const [blur, grey] = [taskPreferences.get("moderation.blur"), taskPreferences.get("moderation.grey")];
      this._level = typeof blur === "number" ? blur : undefined;
      this._grey = grey === true;
    });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("keyup", this.#released);
    window.removeEventListener("blur", this.#hide);
    window.removeEventListener("pointerup", this.#hide);
    this.#gone?.abort();
  }

  get _answerName() {
    return "AWS/Rekognition/DetectModerationLabels/Image/V3";
  }

  get _submittableValue() {
    const picked = this._picked.map((category) => category.given);
    if (this._exclusion && !this._chosen?.size) return undefined;
    return { moderationLabels: picked };
  }

  /** Without an exclusion category, nothing chosen is the answer that no label applies. */
  _problem() {
    return this._exclusion ? super._problem() : "";
  }

  /** @param {any} value a list of names or objects, or an answer @returns {Set<number>} */
  _positionsOf(value) {
    const list = value?.moderationLabels;
    if (list?.length === 0 && this._exclusion) return new Set([EXCLUSION]);
    const wanted = /** @type {any[]} */ ([list ?? value ?? []].flat());
    const matches = (/** @type {Category} */ category) =>
      wanted.some(
        (entry) =>
          String(entry?.name ?? entry) === category.name &&
          (entry?.parentName ?? category.given?.parentName) === category.given?.parentName
      );
    return new Set(this._categories.flatMap((category, position) => (matches(category) ? [position] : [])));
  }

  _initialPositions() {
    if (this.hasAttribute("initial-value")) return super._initialPositions();
    const predicted = this._categories.flatMap((category, position) =>
      moderationConfidence(category) === undefined ? [] : [position]
    );
    return new Set(predicted);
  }

  /** @returns {{position: number, key: string}[]} in the order shown: family by family, the exclusion last */
  get _order() {
    const rows = moderationFamilies(this._categories).flat();
    const positions = rows.flatMap((row) => (row.position === undefined ? [] : [row.position]));
    const keys = choiceKeys(positions.length, this._takenKeys);
    const order = positions.map((position, place) => ({ position, key: keys[place] }));
    return this._exclusion ? [...order, { position: EXCLUSION, key: "0" }] : order;
  }

  /** @returns {ImageBox[]} */
  get _boxes() {
    return this._categories.flatMap((category, position) =>
      (category.given?.instances ?? []).map((/** @type {any} */ instance) => ({
        ...instance.boundingBox,
        label: category.name,
        relative: true,
        faint: !this._chosen?.has(position),
      }))
    );
  }

  get _blur() {
    return this._level ?? (this.blurLevel || 0);
  }

  get _filter() {
    const blur = this._blur && !this._revealed ? `blur(${this._blur}px)` : "";
    return `${blur} ${this._grey ? "grayscale(1)" : ""}`.trim();
  }

  _renderTarget() {
    const strings = ELEMENT_STRINGS.moderation;
    return html`${super._renderTarget()}
      <div class="tools">
        <button type="button" class="reveal" aria-keyshortcuts="Space" ?disabled=${!this._blur} @pointerdown=${this.#reveal}>
          <kbd aria-hidden="true">␣</kbd>${strings.reveal}
        </button>
        <button type="button" aria-keyshortcuts="B" @click=${this.#nextBlur}>
          <kbd aria-hidden="true">B</kbd>${strings.blur(this._blur)}
        </button>
        <button type="button" aria-keyshortcuts="G" aria-pressed=${String(this._grey)} @click=${this.#toggleGrey}>
          <kbd aria-hidden="true">G</kbd>${strings.grey}
        </button>
        <button type="button" aria-keyshortcuts="?" @click=${this.#showKeys}>
          <kbd aria-hidden="true">?</kbd>${strings.keys}
        </button>
      </div>`;
  }

  _renderGroup() {
    const keys = new Map(this._order.map(({ position, key }) => [position, key]));
    return html`<div
      class="group"
      role="group"
      aria-label=${this.header || ELEMENT_STRINGS.moderation.group}
      @pointerdown=${() => (this.#byPointer = true)}
      @keydown=${() => (this.#byPointer = false)}
      @click=${this.#clicked}
    >
      ${moderationFamilies(this._categories).map(
        (family) => html`<div class="family" role="group" aria-label=${family[0].name}>
          ${family.map(({ name, position, depth }) => {
            if (position === undefined) return html`<p class="parent">${name}</p>`;
            const choice = this._renderChoice(position, keys.get(position) ?? "", this.#renderShare(position));
            return html`<div class="row" style=${styleMap({ "--depth": String(depth) })}>${choice}</div>`;
          })}
        </div>`
      )}
      ${this._exclusion ? this._renderChoice(EXCLUSION, "0") : nothing}
    </div>`;
  }

  /** @param {number} position */
  #renderShare(position) {
    const confidence = moderationConfidence(this._categories[position]);
    if (confidence === undefined) return nothing;
    return html`<span class="share">${ELEMENT_STRINGS.moderation.confidence(confidence)}</span
      ><span class="bar" style=${styleMap({ width: `${Math.min(100, Math.max(0, confidence))}%` })}></span>`;
  }

  _renderBelow() {
    const strings = ELEMENT_STRINGS.moderation;
    const keys = this._order.flatMap(({ position, key }) => (position === EXCLUSION || !key ? [] : [key.toUpperCase()]));
    const legend = [
      [keys.length > 1 ? `${keys[0]}–${keys.at(-1)}` : (keys[0] ?? ""), strings.legend.labels],
      [this._exclusion ? "0" : "", strings.legend.none],
      [this._blur ? "Space" : "", strings.legend.reveal],
      ["Enter", strings.legend.submit],
      ["?", strings.legend.all],
    ];
    return html`<p class="legend">
        ${legend.map(([key, meaning]) => (key ? html`<span><kbd>${key}</kbd> ${meaning}</span>` : nothing))}
      </p>
      <dialog ${ref(this.#dialog)} aria-label=${strings.keys}>
        <dl>${strings.keyList.map(([key, meaning]) => html`<dt><kbd>${key}</kbd></dt><dd>${meaning}</dd>`)}</dl>
        <button type="button" @click=${() => this.#keys?.close()}>${strings.close}</button>
      </dialog>`;
  }

  get #keys() {
    return /** @type {HTMLDialogElement | undefined} */ (this.#dialog.value);
  }

  /**
   * @param {string} key
   * @param {KeyboardEvent} event
   */
  _press(key, event) {
    if (this.#keys?.open) return false;
    if (key === " ") {
      // On a check box Space is its own key; on the button that shows the image it means the same as elsewhere.
      if (isOnControl(event, ", input") && !(/** @type {Element} */ (event.composedPath()[0]).matches(".reveal"))) return false;
      this.#reveal();
      return true;
    }
    const act = { b: this.#nextBlur, g: this.#toggleGrey, "?": this.#showKeys }[key];
    if (!act) return super._press(key, event);
    if (!event.repeat) act();
    return true;
  }

  #reveal = () => {
    this._revealed = true;
  };

  #hide = () => {
    this._revealed = false;
  };

  #released = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === " ") this.#hide();
  };

  #nextBlur = () => {
    const levels = [...new Set([...MODERATION_BLUR_LEVELS, this.blurLevel || 0])].sort((one, other) => one - other);
    this._level = levels[(levels.indexOf(this._blur) + 1) % levels.length];
    taskPreferences.keep({ "moderation.blur": this._level });
  };

  #toggleGrey = () => {
    this._grey = !this._grey;
    taskPreferences.keep({ "moderation.grey": this._grey || null });
  };

  #showKeys = () => {
    this.#keys?.showModal();
  };

  /** After a click on a label Space is to show the image, not to click again. @param {Event} event */
  #clicked(event) {
    if (this.#byPointer && event.target instanceof HTMLInputElement) this._view?.focus();
  }
}

/** The confidence of a predicted label in percent, if it has one. @param {Category} category */
function moderationConfidence(category) {
  const confidence = Number.parseFloat(category.given?.confidence);
  return Number.isFinite(confidence) ? confidence : undefined;
}

/**
 * Labels as families, in the order in which one of each comes first: a family begins with its topmost label, children
 * follow their parent. A parent that is no category itself has no position.
 * @param {Category[]} categories
 * @returns {{name: string, position?: number, depth: number}[][]}
 */
function moderationFamilies(categories) {
  const names = new Set(categories.map((category) => category.name));
  /** @type {Map<string, number[]>} */
  const children = new Map();
  /** @type {{name: string, position?: number}[]} */
  const tops = [];
  categories.forEach(({ name, given }, position) => {
    const parent = String(given?.parentName ?? "");
    if (!parent || parent === name) return tops.push({ name, position });
    if (!names.has(parent) && !children.has(parent)) tops.push({ name: parent });
    children.set(parent, [...(children.get(parent) ?? []), position]);
  });
  /** @type {Set<number>} */
  const seen = new Set();
  /** @type {(top: {name: string, position?: number}, depth: number) => {name: string, position?: number, depth: number}[]} */
  const collect = (top, depth) => {
    if (top.position !== undefined) seen.add(top.position);
    const below = (children.get(top.name) ?? []).filter((position) => !seen.has(position));
    return [
      { ...top, depth },
      ...below.flatMap((position) => collect({ name: categories[position].name, position }, depth + 1)),
    ];
  };
  const families = tops.map((top) => collect(top, 0));
  // Labels that name each other as parents have no top.
  categories.forEach(({ name }, position) => {
    if (!seen.has(position)) families.push(collect({ name, position }, 0));
  });
  // Rekognition puts the surest first, and children before their parents.
  const first = (/** @type {{position?: number}[]} */ rows) => Math.min(...rows.map((row) => row.position ?? Infinity));
  return families.sort((one, other) => first(one) - first(other));
}

defineElement("crowd-rekognition-detect-moderation-labels", CrowdRekognitionDetectModerationLabels);
