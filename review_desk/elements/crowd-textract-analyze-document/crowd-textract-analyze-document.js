// @ts-check

/** Pictures of the states of a field, in a square of 16. */
const DOCUMENT_ICONS = {
  unseen: svg`<circle cx="8" cy="8" r="5.5"></circle>`,
  seen: svg`<path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8Z"></path><circle cx="8" cy="8" r="1.5"></circle>`,
  accepted: svg`<path d="M2.5 8.5 6.5 12.5 13.5 4"></path>`,
  corrected: svg`<path d="M3 13l.8-3.2L11 2.6l2.4 2.4-7.2 7.2L3 13Z"></path>`,
  mark: svg`<circle cx="8" cy="8" r="5.5"></circle><path d="M4 12 12 4"></path>`,
};
const DOCUMENT_MARKS = /** @type {const} */ (["blank", "missing", "unreadable", "notPair"]);
const DOCUMENT_SNIPPET_HEIGHT = 58;
/** So many fields are there at once; those of a long form follow when the first can be worked on. */
const DOCUMENT_FIRST_FIELDS = 24;

/**
 * The review of a form that Textract has read: the page beside its fields, the least certain first.
 *
 * Attributes of A2I: `src`, the image; `initial-value`, blocks of AnalyzeDocument in camelCase; `header`; `keys`,
 * `[{importantFormKey, importantFormKeyAliases}]`, of which those that the blocks miss become fields as well;
 * `block-types`, which has one value, KEY_VALUE_SET; `no-key-edit`, `no-geometry-edit`, which A2I requires, so keys
 * and geometry never change.
 * Attributes of our own: `pages`, addresses of the images of all pages; `conditions`, what A2I calls
 * `humanTaskActivationConditionResults`, and `confidence-threshold` in percent, which both say why a field is here.
 *
 * Answer, under a fixed name: `{blocks}`, see DocumentField. A draft is `{blocks, accepted}`, so that accepted fields
 * stay accepted; fields that were only looked at are to be seen again.
 */
class CrowdTextractAnalyzeDocument extends CrowdField {
  // Without delegatesFocus: a click beside a field is not to put the focus into the first one.
  static shadowRootOptions = { ...LitElement.shadowRootOptions };
  static properties = {
    src: {},
    header: {},
    initialValue: { attribute: "initial-value" },
    keys: {},
    pages: {},
    conditions: {},
    confidenceThreshold: { type: Number, attribute: "confidence-threshold" },
    _active: { state: true },
    _page: { state: true },
    _inReadingOrder: { state: true },
    _warning: { state: true },
    _spoken: { state: true },
    _setting: { state: true },
    _hint: { state: true },
    _complete: { state: true },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: block; height: 100vh; height: 100dvh; min-height: 480px; font: 15px/1.4 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; background: var(--crowd-surface); }
      .review { height: 100%; display: grid; grid-template: minmax(0, 1fr) / minmax(0, 60fr) minmax(380px, 40fr); }
      .left { grid-column: 1; grid-row: 1; display: flex; min-width: 0; min-height: 0; }
      document-page-view { flex: 1; }
      .document { margin-inline-start: auto; overflow: hidden; text-overflow: ellipsis; color: var(--crowd-muted); font-size: 14px; }
      .pages { display: flex; flex-direction: column; gap: 8px; width: 96px; flex: none; overflow-y: auto; padding: 8px; background: var(--crowd-surface); border-inline-end: 1px solid var(--crowd-rule); }
      .pages button { position: relative; padding: 4px; font-size: 13px; border: 1px solid var(--crowd-line); border-radius: 6px; background: var(--crowd-surface); cursor: pointer; }
      .pages button[aria-current] { border-color: var(--crowd-accent); box-shadow: inset 0 0 0 1px var(--crowd-accent); }
      .pages img { display: block; width: 100%; background: #fff; }
      .dots { display: flex; flex-wrap: wrap; justify-content: center; gap: 3px; min-height: 7px; padding-top: 3px; }
      .dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--crowd-low-mark); }

      .fields { grid-column: 2; grid-row: 1; display: grid; grid-template-rows: auto minmax(0, 1fr) auto; min-width: 0; background: var(--crowd-surface); border-inline-start: 1px solid var(--crowd-rule); }
      .head { display: grid; grid-template-columns: 1fr auto auto; gap: 2px 8px; align-items: center; padding: 10px 16px 8px; border-bottom: 1px solid var(--crowd-rule); }
      h1 { grid-area: 1 / 1; margin: 0; font-size: 17px; max-height: 2.8em; overflow: hidden; }
      .counts { grid-area: 2 / 1; font-size: 14px; color: var(--crowd-muted); font-variant-numeric: tabular-nums; }
      .head button { grid-row: 1 / span 2; }
      .head progress { grid-column: 1 / -1; width: 100%; height: 4px; margin-top: 6px; appearance: none; border: 0; background: var(--crowd-rule); border-radius: 2px; overflow: hidden; }
      .head progress::-webkit-progress-bar { background: var(--crowd-rule); }
      .head progress::-webkit-progress-value { background: var(--crowd-accent); }
      .head progress::-moz-progress-bar { background: var(--crowd-accent); }
      button.tool { min-width: 32px; min-height: 32px; padding: 3px 10px; font-size: 14px; background: var(--crowd-surface); border: 1px solid var(--crowd-line); border-radius: 6px; cursor: pointer; }
      button.tool:hover { background: var(--crowd-raised); }

      .list { overflow-y: auto; scroll-padding: 40px; padding: 4px 0 12px; }
      .instructions { padding: 0 16px; }
      h2 { margin: 10px 16px 4px; font-size: 13px; font-weight: 600; color: var(--crowd-muted); }
      ol { list-style: none; margin: 0; padding: 0; }
      .field { padding-block: 8px 10px; padding-inline: 13px 16px; border-inline-start: 3px solid transparent; border-bottom: 1px solid var(--crowd-rule); content-visibility: auto; contain-intrinsic-size: auto 165px; }
      .field.active { background: var(--crowd-accent-soft); border-inline-start-color: var(--crowd-accent); }
      .line { display: flex; align-items: baseline; gap: 8px; min-height: 21px; }
      label.name { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
      .state { margin-inline-start: auto; display: inline-flex; align-items: center; gap: 4px; font-size: 13px; color: var(--crowd-muted); white-space: nowrap; }
      .state svg { width: 14px; height: 14px; flex: none; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
      .state.accepted { color: var(--crowd-sure); }
      .state.corrected, .state.mark { color: var(--crowd-changed); font-weight: 600; }
      .facts { display: flex; align-items: center; gap: 8px; min-height: 20px; font-size: 13px; color: var(--crowd-muted); white-space: nowrap; overflow: hidden; }
      .meter { flex: none; width: 54px; height: 7px; border-radius: 4px; background: var(--crowd-rule); overflow: hidden; }
      .meter i { display: block; height: 100%; background: var(--crowd-sure-mark); }
      .low .meter i { background: repeating-linear-gradient(135deg, var(--crowd-low-mark) 0 4px, transparent 4px 6px), var(--crowd-low-mark); }
      .word { color: var(--crowd-sure); font-variant-numeric: tabular-nums; }
      .low .word { color: var(--crowd-low); font-weight: 600; }
      .reason { overflow: hidden; text-overflow: ellipsis; }
      .read-as { margin-inline-start: auto; overflow: hidden; text-overflow: ellipsis; max-width: 55%; }
      .snippet { position: relative; display: block; width: 100%; height: 58px; margin: 4px 0 5px; border: 1px solid var(--crowd-rule); border-radius: 6px; background: #fff; overflow: hidden; }
      .snippet svg { position: absolute; left: 0; top: 0; height: 100%; }
      .snippet.none { display: flex; align-items: center; height: auto; min-height: 34px; padding: 4px 10px; font-size: 13px; color: var(--crowd-muted); background: var(--crowd-raised); }
      .active .snippet { border-color: var(--crowd-accent); }
      .value { position: relative; }
      .value input[type="text"], .mirror { width: 100%; height: 36px; padding: 5px 10px; font-size: 16px; line-height: 24px; letter-spacing: normal; border: 1px solid var(--crowd-line); border-radius: 6px; }
      .value input[type="text"] { position: relative; color: var(--crowd-ink); background: transparent; }
      .value input[type="text"]::placeholder { color: var(--crowd-muted); opacity: 1; font-style: italic; }
      .value input:focus-visible { outline-offset: 0; }
      .mirror { position: absolute; inset: 0; overflow: hidden; white-space: pre; color: transparent; background: var(--crowd-surface); border-color: transparent; }
      .mirror u { text-decoration: underline wavy var(--crowd-low-mark) 1.5px; text-underline-offset: 3px; text-decoration-skip-ink: none; }
      .choice { display: inline-flex; align-items: center; gap: 8px; min-height: 32px; }
      .choice input { width: 20px; height: 20px; }
      .actions { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 6px; }
      .actions button { min-height: 28px; padding: 2px 9px; font-size: 13px; background: var(--crowd-surface); border: 1px solid var(--crowd-line); border-radius: 14px; cursor: pointer; }
      .actions button:hover { background: var(--crowd-raised); }
      .actions button[aria-pressed="true"] { color: var(--crowd-on-accent); background: var(--crowd-accent); border-color: var(--crowd-accent); }

      .foot { display: flex; align-items: center; gap: 12px; min-height: 58px; padding: 10px 16px; border-top: 1px solid var(--crowd-rule); }
      .hint { font-size: 13px; color: var(--crowd-muted); }
      .warning { font-size: 14px; color: var(--crowd-low); font-weight: 600; }
      .foot slot { display: block; margin-inline-start: auto; flex: none; }
      kbd { font: inherit; font-size: 12px; padding: 0 5px; border: 1px solid var(--crowd-line); border-radius: 4px; background: var(--crowd-raised); white-space: nowrap; }
      dialog { color: var(--crowd-ink); background: var(--crowd-surface); border: 1px solid var(--crowd-line); border-radius: 10px; padding: 16px 22px; width: 560px; max-height: 90%; overflow: auto; }
      dialog::backdrop { background: rgb(0 0 0 / 45%); }
      dialog h2 { margin: 0 0 6px; font-size: 17px; color: var(--crowd-ink); }
      dialog p { margin: 0 0 10px; font-size: 14px; color: var(--crowd-muted); }
      dialog table { width: 100%; border-collapse: collapse; margin-bottom: 10px; font-size: 14px; }
      dialog th { font-weight: 400; text-align: start; }
      dialog td { width: 1%; padding: 1px 0; }
      dialog td button { width: 128px; min-height: 26px; font-size: 13px; background: var(--crowd-raised); border: 1px solid var(--crowd-line); border-radius: 4px; cursor: pointer; }
      dialog td button[aria-pressed="true"] { color: var(--crowd-on-accent); background: var(--crowd-accent); }
      .end { display: flex; gap: 8px; margin-top: 12px; }
      .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
      @media (max-width: 860px) {
        .review { grid-template: 42% minmax(0, 1fr) / minmax(0, 1fr); }
        .fields { grid-column: 1; grid-row: 2; border-inline-start: 0; border-top: 1px solid var(--crowd-rule); }
        .document, .hint { display: none; }
      }
    `,
  ];

  /** @type {DocumentField[]} */
  #fields = [];
  /** @type {PageWord[]} */
  #words = [];
  /** @type {Map<string, {width: number, height: number}>} pixels of the images by address, as far as they are loaded */
  #sizes = new Map();
  #keyMap = new DocumentKeyMap();
  #viewRef = createRef();
  #listRef = createRef();
  /** Pixels that a snippet may be wide; measured once for all fields of a rendering. */
  #snippetWidth = 368;
  #asked = false;
  /** Scripts move the focus while the page is being built; only what a person leaves has been seen. */
  #used = false;
  #byPointer = false;
  /** Whether the next word of the page is put after the value, not in its place. */
  #appends = false;
  /** @type {AbortController | undefined} */
  #listeners;

  constructor() {
    super();
    this.src = "";
    this.header = "";
    /** @type {DocumentField | null} */
    this._active = null;
    this._page = 1;
    this._inReadingOrder = false;
    this._warning = "";
    this._spoken = "";
    this._setting = "";
    this._hint = "";
    this._complete = false;
  }

  get _answerName() {
    return DOCUMENT_ANSWER;
  }

  get _submittableValue() {
    if (!this.hasUpdated) this.#readBlocks();
    return { blocks: this.#fields.flatMap((field) => field.blocks) };
  }

  get value() {
    return this._submittableValue;
  }

  get _draftValue() {
    const accepted = this.#fields.filter((field) => field.state === "accepted").map((field) => field.name);
    return { ...this._submittableValue, accepted };
  }

  _restore(/** @type {any} */ value) {
    const answer = Array.isArray(value?.blocks) ? new DocumentBlockIndex(value.blocks) : undefined;
    const accepted = new Set(Array.isArray(value?.accepted) ? value.accepted : []);
    for (const field of this.#fields) {
      if (answer) field.restore(answer);
      else field.reset();
      if (accepted.has(field.name)) field.accept();
    }
    this.#asked = false;
    this._warning = "";
    this.requestUpdate();
  }

  formResetCallback() {
    this._restore(undefined);
  }

  connectedCallback() {
    super.connectedCallback();
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    document.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    document.addEventListener("submit", (event) => this.#onSubmit(event), { signal });
    for (const kind of ["keydown", "pointerdown"]) document.addEventListener(kind, () => (this.#used = true), { signal, capture: true });
    taskPreferences.whenGiven(signal, () => {
      this.#keyMap.read();
      this.requestUpdate();
    });
    this.#addSubmit();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#listeners?.abort();
  }

  /** Submit belongs into the foot of the fields, so the form is not to add its own. */
  #addSubmit() {
    const form = this.closest("crowd-form");
    if (!form || form.querySelector("crowd-button[form-action=submit]")) return;
    const button = document.createElement("crowd-button");
    button.setAttribute("form-action", "submit");
    button.setAttribute("variant", "primary");
    button.slot = "submit";
    button.textContent = ELEMENT_STRINGS.submit;
    this.append(button);
  }

  /** Put the focus where it was, or into the first field to check. */
  focus() {
    const inside = /** @type {HTMLElement | null} */ (this.shadowRoot?.activeElement ?? null);
    if (inside) inside.focus();
    else this.#goTo(this._active ?? this.#ordered[0]);
  }

  // ---- Data -------------------------------------------------------------------------------------------------------

  #readBlocks() {
    const blocks = this._literal("initial-value", []);
    const index = new DocumentBlockIndex(Array.isArray(blocks) ? blocks : (blocks?.blocks ?? []));
    const keys = this._literal("keys", []);
    this.#fields = documentFields(index, Array.isArray(keys) ? keys : []);
    this.#words = index.blocks.filter((block) => block.blockType === "WORD").map(documentWord).filter((word) => word.box);
    documentRouteFields(this.#fields, this._literal("conditions", null), this.hasAttribute("confidence-threshold") ? this.confidenceThreshold : undefined);
    this._active = null;
    this._page = 1;
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (!this.hasUpdated || ["initialValue", "keys", "conditions", "confidenceThreshold"].some((name) => changed.has(name))) this.#readBlocks();
  }

  firstUpdated() {
    super.firstUpdated();
    requestAnimationFrame(() => window.setTimeout(() => (this._complete = true)));
  }

  get #ordered() {
    return this.#fields.slice().sort(this._inReadingOrder ? documentReadingOrder : documentLeastCertainFirst);
  }

  get #images() {
    const pages = this._literal("pages", []);
    return Array.isArray(pages) && pages.length ? pages.map(String) : [this.src].filter(Boolean);
  }

  get #view() {
    return /** @type {DocumentPageView} */ (this.#viewRef.value);
  }

  // ---- Rendering --------------------------------------------------------------------------------------------------

  render() {
    const words = ELEMENT_STRINGS.document;
    const list = /** @type {HTMLElement | undefined} */ (this.#listRef.value);
    if (list) this.#snippetWidth = Math.max(100, list.clientWidth - 32);
    const seen = this.#fields.filter((field) => field.state !== "unseen" || field.isHandled).length;
    const toCheck = this.#fields.filter((field) => field.check);
    const open = toCheck.filter((field) => field.isOpen).length;
    const key = (/** @type {string} */ action) => html`<kbd>${this.#keyName(action)}</kbd>`;
    return html`<div class="review">
        <section class="fields" aria-label=${words.fields}>
          <header class="head">
            <h1>${this.header || words.header}</h1>
            <div class="counts">${words.counts(seen, this.#fields.length, open)}</div>
            <button type="button" class="tool" id="order" @click=${() => (this._inReadingOrder = !this._inReadingOrder)}>${this._inReadingOrder ? words.order.reading : words.order.certainty}</button>
            <button type="button" class="tool" id="help-button" aria-haspopup="dialog" title=${this.#keyName("help")} @click=${this.#toggleHelp}>${words.keys.button}</button>
            <progress .value=${toCheck.length - open} max=${toCheck.length || 1} aria-label=${words.progress}></progress>
          </header>
          <div class="list" id="list" ${ref(this.#listRef)}>
            <div class="instructions"><slot></slot></div>
            ${this.#renderList()}
          </div>
          <footer class="foot">
            ${this._warning
              ? html`<span class="warning" role="alert">${this._warning}</span>`
              : html`<span class="hint">${key("accept")} ${words.hint.accept} · ${key("blank")} ${words.hint.blank} · ${key("submit")} ${words.hint.submit}</span>`}
            <slot name="submit"></slot>
          </footer>
        </section>
        <section class="left" aria-label=${words.page}>
          ${this.#renderPages()} ${this.#renderPageView()}
        </section>
      </div>
      <span class="spoken" role="status">${this._spoken}</span>
      ${this.#renderKeys()}`;
  }

  #renderList() {
    const words = ELEMENT_STRINGS.document;
    const ordered = this.#ordered;
    const first = new Set(ordered.slice(0, this._complete ? undefined : DOCUMENT_FIRST_FIELDS));
    const list = (/** @type {DocumentField[]} */ fields, /** @type {string} */ heading) =>
      fields.length
        ? html`<h2>${heading}</h2><ol aria-label=${heading}>${repeat(fields.filter((field) => first.has(field)), (field) => field.position, (field) => this.#renderField(field))}</ol>`
        : nothing;
    if (!ordered.length) return html`<h2>${words.noFields}</h2>`;
    if (this._inReadingOrder) return list(ordered, words.readingOrder);
    const toCheck = ordered.filter((field) => field.check);
    const sampled = toCheck.every((field) => field.reasons.some((reason) => reason.kind === "sampled"));
    return html`${list(toCheck, sampled ? words.sampled : words.toCheck(toCheck.length))}${list(ordered.filter((field) => !field.check), words.sure(ordered.length - toCheck.length))}`;
  }

  /** @param {DocumentField} field */
  #renderField(field) {
    const words = ELEMENT_STRINGS.document;
    const id = field.position;
    const state = field.mark ? "mark" : field.isCorrected ? (field.text.trim() ? "corrected" : "mark") : field.state;
    const stateText = field.mark ? words.marks[field.mark] : state === "mark" ? words.marks.blank : words.states[/** @type {keyof typeof words.states} */ (state)];
    const name = field.label || words.noKey;
    return html`<li class=${classMap({ field: true, low: field.isLow, active: field === this._active })} data-field=${id} @pointerdown=${(/** @type {PointerEvent} */ event) => this.#pressField(event, field)}>
      <div class="line">
        <label class="name" for=${`value-${id}`} title=${name}>${name}</label>
        <span class=${`state ${state}`} id=${`state-${id}`}><svg viewBox="0 0 16 16" aria-hidden="true">${DOCUMENT_ICONS[/** @type {keyof typeof DOCUMENT_ICONS} */ (state)]}</svg>${stateText}</span>
      </div>
      <div class="facts">${this.#renderFacts(field)}</div>
      ${this.#renderSnippet(field)}
      <div class="value">${field.selection ? this.#renderSelection(field) : this.#renderInput(field)}</div>
      ${field === this._active ? this.#renderActions(field) : nothing}
    </li>`;
  }

  /** @param {DocumentField} field */
  #renderFacts(field) {
    const words = ELEMENT_STRINGS.document;
    const id = field.position;
    const confidence = field.confidence;
    const uncertain = documentLowWords(field).map((word) => word.text);
    return html`${confidence === undefined ? nothing : html`<span class="meter" aria-hidden="true"><i style=${`width:${confidence}%`}></i></span>`}
      <span class="word" id=${`word-${id}`}>${!field.fromModel ? words.notFound : confidence === undefined ? words.noConfidence : words.confidence(confidence, field.isLow)}</span>
      <span class="reason" id=${`reason-${id}`}>${field.reasons.map((reason) => words.reason[reason.kind](reason.limit ?? 0)).join(", ")}</span>
      ${uncertain.length ? html`<span class="spoken" id=${`uncertain-${id}`}>${words.uncertainWords(uncertain.join(", "))}</span>` : nothing}
      ${field.isCorrected && !field.selection ? html`<span class="read-as" title=${words.was(field.read)}>${words.was(field.read)}</span>` : nothing}`;
  }

  /** @param {DocumentField} field */
  #renderInput(field) {
    const words = ELEMENT_STRINGS.document;
    const id = field.position;
    const shown = field.mark ? "" : field.text;
    return html`<div class="mirror" dir="auto" aria-hidden="true">${shown === field.read ? field.words.map((word, at) => html`${at ? " " : ""}${(word.confidence ?? 100) < field.wordLimit ? html`<u>${word.text}</u>` : word.text}`) : nothing}</div>
      <input
        type="text" dir="auto" id=${`value-${id}`} .value=${live(shown)} ?disabled=${this.isDisabled} placeholder=${field.mark ? words.marks[field.mark] : ""}
        aria-describedby=${`word-${id} reason-${id} uncertain-${id} state-${id}`}
        autocomplete="off" autocapitalize="off" autocorrect="off" spellcheck="false"
        @input=${(/** @type {InputEvent} */ event) => this.#typed(field, /** @type {HTMLInputElement} */ (event.target).value)}
        @scroll=${documentMirrorScroll} @pointerdown=${() => (this.#byPointer = true)}
        @focus=${(/** @type {FocusEvent} */ event) => this.#focused(field, /** @type {HTMLInputElement} */ (event.target))} @blur=${() => this.#left(field)}
      />`;
  }

  /** @param {DocumentField} field */
  #renderSelection(field) {
    const id = field.position;
    return html`<label class="choice"><input
        type="checkbox" id=${`value-${id}`} .checked=${live(!field.mark && field.text === "SELECTED")} ?disabled=${this.isDisabled} aria-label=${field.label}
        aria-describedby=${`word-${id} reason-${id} state-${id}`}
        @change=${(/** @type {Event} */ event) => {
          this.#typed(field, /** @type {HTMLInputElement} */ (event.target).checked ? "SELECTED" : "NOT_SELECTED");
          this._changed();
        }}
        @focus=${() => this.#activate(field)} @blur=${() => this.#left(field)}
      />${ELEMENT_STRINGS.document.selected}</label>`;
  }

  /** The marks of a field, for the mouse; each has its key, so they are no stops for Tab. @param {DocumentField} field */
  #renderActions(field) {
    const words = ELEMENT_STRINGS.document;
    return html`<div class="actions" role="group" aria-label=${words.actions}>
      ${DOCUMENT_MARKS.map((mark) => html`<button type="button" tabindex="-1" aria-pressed=${String(field.mark === mark)} title=${this.#keyName(mark)} @mousedown=${(/** @type {MouseEvent} */ event) => event.preventDefault()} @click=${() => this.#mark(field, mark)}>${words.marks[mark]}</button>`)}
      ${field.isCorrected ? html`<button type="button" tabindex="-1" @mousedown=${(/** @type {MouseEvent} */ event) => event.preventDefault()} @click=${() => this.#takeBack(field)}>${words.asRead}</button>` : nothing}
    </div>`;
  }

  /** The value's strip of the page, enlarged, right above its input. @param {DocumentField} field */
  #renderSnippet(field) {
    const words = ELEMENT_STRINGS.document;
    const image = this.#images[field.page - 1];
    const none = (/** @type {string} */ text) => html`<div class="snippet none">${text}</div>`;
    if (!field.box) return none(field.fromModel ? words.noPlace : words.findIt);
    if (!image) return none(words.otherPage(field.page));
    const size = this.#sizes.get(image);
    if (!size) return html`<div class="snippet" aria-hidden="true"></div>`;
    const turns = this.#view.turns;
    const [wide, tall] = turns % 2 ? [size.height, size.width] : [size.width, size.height];
    const box = documentTurnedBox(field.box, turns);
    const height = box.height * tall;
    const margin = height * 0.3;
    const across = this.#snippetWidth;
    const scale = Math.max(Math.min(DOCUMENT_SNIPPET_HEIGHT / (height * 1.2), across / (box.width * wide + 2 * margin), 3), 20 / height, 0.1);
    const left = box.left * wide - margin;
    const top = box.top * tall + height / 2 - DOCUMENT_SNIPPET_HEIGHT / scale / 2;
    const end = box.width * wide + 2 * margin;
    return html`<div class="snippet" aria-hidden="true"><svg width=${across} height=${DOCUMENT_SNIPPET_HEIGHT} viewBox=${`${left} ${top} ${across / scale} ${DOCUMENT_SNIPPET_HEIGHT / scale}`} preserveAspectRatio="none">
      <image href=${image} width=${size.width} height=${size.height} transform=${documentTurnedTransform(turns, size.width, size.height)}></image>
      <rect x=${left + end} y=${top} width=${across / scale} height=${DOCUMENT_SNIPPET_HEIGHT / scale} fill="#fff" opacity="0.7"></rect>
    </svg></div>`;
  }

  /** @param {string} image @param {{width: number, height: number}} size */
  #loaded(image, size) {
    this.#sizes.set(image, size);
    this.requestUpdate();
  }

  #renderPageView() {
    const words = ELEMENT_STRINGS.document;
    const image = this.#images[this._page - 1] ?? "";
    const name = image.startsWith("data:") ? "" : documentDecodedName(image.split(/[?#]/)[0].split("/").pop() ?? "");
    return html`<document-page-view
      ${ref(this.#viewRef)}
      .src=${image} .alt=${words.alt(this._page)} .active=${this._active}
      .fields=${this.#fields.filter((field) => field.page === this._page)} .words=${this.#words.filter((word) => word.page === this._page)}
      @page-size=${() => this.#loaded(image, this.#view.imageSize)}
      @page-field=${(/** @type {CustomEvent} */ event) => this.#goTo(event.detail)}
      @page-words=${(/** @type {CustomEvent} */ event) => this.#take(event.detail)}
    >${name ? html`<span class="document" title=${name}>${name}</span>` : nothing}</document-page-view>`;
  }

  #renderPages() {
    const images = this.#images;
    if (images.length < 2) return nothing;
    const words = ELEMENT_STRINGS.document;
    return html`<nav class="pages" aria-label=${words.pages}>
      ${images.map((image, at) => {
        const open = this.#fields.filter((field) => field.page === at + 1 && field.isOpen).length;
        return html`<button type="button" aria-current=${ifDefined(at + 1 === this._page ? "page" : undefined)} aria-label=${words.pageButton(at + 1, open)} @click=${() => this.#showPage(at + 1)}>
          <img src=${image} alt="" @load=${(/** @type {Event} */ event) => {
            const { naturalWidth: width, naturalHeight: height } = /** @type {HTMLImageElement} */ (event.target);
            this.#loaded(image, { width, height });
          }} />${at + 1}<span class="dots">${Array.from({ length: Math.min(open, 12) }, () => html`<i></i>`)}</span>
        </button>`;
      })}
    </nav>`;
  }

  #renderKeys() {
    const words = ELEMENT_STRINGS.document.keys;
    return html`<dialog id="help" aria-labelledby="help-heading" @close=${() => this.#helpClosed()}>
      <h2 id="help-heading">${words.heading}</h2>
      <p>${words.explain}</p>
      <table>
        <tbody>
          ${Object.keys(DOCUMENT_KEYS).map((action) => {
            const meaning = words.actions[/** @type {keyof typeof words.actions} */ (action)];
            return html`<tr><th scope="row">${meaning}</th><td><button
              type="button" aria-pressed=${String(this._setting === action)} aria-label=${words.change(meaning, this.#keyName(action))}
              @click=${() => { this._setting = action; this._hint = ""; }}
            >${this._setting === action ? words.press : this.#keyName(action)}</button></td></tr>`;
          })}
        </tbody>
      </table>
      <p role="status">${this._hint}</p>
      <label class="choice"><input type="checkbox" id="singles" .checked=${live(this.#keyMap.singles)} @change=${(/** @type {Event} */ event) => {
        event.stopPropagation();
        this.#keyMap.setSingles(/** @type {HTMLInputElement} */ (event.target).checked);
        this.requestUpdate();
      }} />${words.singles}</label>
      <div class="end">
        <button type="button" class="tool" @click=${() => { this.#keyMap.reset(); this.requestUpdate(); }}>${words.reset}</button>
        <button type="button" class="tool" @click=${this.#toggleHelp}>${words.close}</button>
      </div>
    </dialog>`;
  }

  /** @param {string} action */
  #keyName(action) {
    const names = ELEMENT_STRINGS.document.keys.names;
    const key = this.#keyMap.keys[action];
    return names[/** @type {keyof typeof names} */ (key)] ?? key;
  }

  // ---- Moving between fields --------------------------------------------------------------------------------------

  /** @param {DocumentField} field @returns {HTMLInputElement | null} */
  #inputOf(field) {
    return /** @type {any} */ (this.renderRoot).getElementById(`value-${field.position}`);
  }

  /** @param {DocumentField | undefined} field */
  #goTo(field) {
    this.#byPointer = false;
    if (field) this.#inputOf(field)?.focus();
    else /** @type {HTMLElement | null} */ (this.closest("crowd-form")?.querySelector("crowd-button[form-action=submit]"))?.focus();
  }

  /** @param {DocumentField} field the next that needs a decision, from there to the end and then from the start */
  #nextToCheck(field) {
    const ordered = this.#ordered;
    const at = ordered.indexOf(field);
    return [...ordered.slice(at + 1), ...ordered.slice(0, at)].find((other) => other.check && !other.isHandled);
  }

  /** @param {DocumentField} field */
  #activate(field) {
    if (this._active === field) return;
    this._active = field;
    this.#appends = false;
    if (this.#images[field.page - 1]) this._page = field.page;
    void this.updateComplete.then(() => this.renderRoot.querySelector(`[data-field="${field.position}"]`)?.scrollIntoView({ block: "nearest" }));
  }

  /** @param {DocumentField} field @param {HTMLInputElement} input */
  #focused(field, input) {
    this.#activate(field);
    // The caret goes to the end: text that is selected invites to type it all again.
    const toEnd = () => {
      // It may have been left by then.
      if (this.shadowRoot?.activeElement === input) input.setSelectionRange(input.value.length, input.value.length);
    };
    if (!this.#byPointer) {
      toEnd();
      // Tab selects the text after this event.
      requestAnimationFrame(toEnd);
    }
    this.#byPointer = false;
  }

  /** @param {DocumentField} field */
  #left(field) {
    // Going to another window, to the portal around, or to the keys is not leaving the field.
    if (!this.#used || !document.hasFocus() || this.#help.open) return;
    field.see();
    this.requestUpdate();
  }

  /** @param {PointerEvent} event @param {DocumentField} field */
  #pressField(event, field) {
    if (/** @type {Element} */ (event.target).closest("input, button, label.choice")) return;
    event.preventDefault();
    this.#goTo(field);
  }

  /** @param {number} page */
  #showPage(page) {
    if (page >= 1 && page <= this.#images.length) this._page = page;
  }

  // ---- Changing a field -------------------------------------------------------------------------------------------

  /** @param {DocumentField} field @param {string} text */
  #typed(field, text) {
    field.type(text);
    this.#appends = true;
    this.requestUpdate();
  }

  /** @param {DocumentField} field @param {FieldMark} mark */
  #mark(field, mark) {
    field.toggle(mark);
    this._spoken = ELEMENT_STRINGS.document.spoken(field.label, field.mark ? ELEMENT_STRINGS.document.marks[field.mark] : field.text);
    this.requestUpdate();
    this._changed();
  }

  /** @param {DocumentField} field */
  #takeBack(field) {
    field.type(field.read);
    this.#appends = false;
    this.requestUpdate();
    this._changed();
  }

  /** Put words of the page into the active field: the first in place of its value, more after it. @param {PageWord[]} words */
  #take(words) {
    const field = this._active;
    if (!field || field.selection || this.isDisabled) return;
    const before = this.#appends && !field.mark ? field.text.trim() : "";
    if (!before) field.picked = [];
    field.picked.push(...words);
    field.type([before, ...words.map((word) => word.text)].filter(Boolean).join(" "));
    this.#appends = true;
    this._spoken = ELEMENT_STRINGS.document.spoken(field.label, field.text);
    this.requestUpdate();
    this._changed();
    this.#goTo(field);
  }

  // ---- Keys, submitting -------------------------------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.defaultPrevented || event.isComposing || this.isDisabled) return;
    const combination = documentKeyCombination(event);
    if (!combination) return;
    if (this._setting) {
      event.preventDefault();
      this.#setKey(combination);
      return;
    }
    const target = /** @type {Element} */ (event.composedPath()[0]);
    const typing = target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]") ?? false;
    const action = this.#keyMap.action(combination, typing);
    if (!action) return;
    if (this.#help.open && action !== "help" && action !== "helpCharacter") {
      // The form would send the answer from behind the list of keys.
      if (action === "submit") event.preventDefault();
      return;
    }
    // A key that is held down accepts one field, not all of them.
    if ((event.repeat && action === "accept" && typing) || this.#act(action, target)) event.preventDefault();
  }

  /** @param {string} combination */
  #setKey(combination) {
    const action = this._setting;
    this._setting = "";
    if (combination === "Escape" && action !== "leave") return;
    // A key that types a character would be lost inside a field.
    const ofPage = DOCUMENT_KEYS[/** @type {keyof typeof DOCUMENT_KEYS} */ (action)].length === 1;
    if (!ofPage && (combination.length === 1 || combination === "Space")) this._hint = ELEMENT_STRINGS.document.keys.noCharacter;
    else this.#keyMap.set(action, combination);
  }

  /** @param {string} action @param {Element} target where the key was pressed @returns {boolean} whether something was done */
  #act(action, target) {
    const view = this.#view;
    const field = this._active;
    const inField = field !== null && target === this.#inputOf(field);
    const inPage = view.renderRoot.activeElement?.id === "canvas";
    const ordered = this.#ordered;
    const at = field ? ordered.indexOf(field) : -1;
    /** @type {Record<string, () => unknown>} */
    const always = {
      submit: () => this.form?.requestSubmit(),
      wholePage: () => view.toggleWholePage(),
      nextPage: () => this.#showPage(this._page + 1),
      previousPage: () => this.#showPage(this._page - 1),
      help: () => this.#toggleHelp(),
      helpCharacter: () => this.#toggleHelp(),
      rotate: () => view.rotate(1),
      rotateBack: () => view.rotate(-1),
      zoomIn: () => view.zoomBy(1.25),
      zoomOut: () => view.zoomBy(0.8),
      fitPage: () => view.wholePage(),
    };
    /** @type {Record<string, (field: DocumentField) => unknown>} */
    const ofField = {
      accept: (own) => {
        own.accept();
        this.requestUpdate();
        this._changed();
        this.#goTo(this.#nextToCheck(own));
      },
      previous: () => this.#goTo(ordered.slice(0, at).reverse().find((other) => other.check) ?? ordered[at]),
      nextField: () => this.#goTo(ordered[Math.min(at + 1, ordered.length - 1)]),
      previousField: () => this.#goTo(ordered[Math.max(at - 1, 0)]),
      blank: (own) => this.#mark(own, "blank"),
      missing: (own) => this.#mark(own, "missing"),
      unreadable: (own) => this.#mark(own, "unreadable"),
      notPair: (own) => this.#mark(own, "notPair"),
      leave: () => view.focus(),
    };
    if (action.endsWith("Page") && action !== "wholePage" && action !== "fitPage" && this.#images.length < 2) return false;
    if (always[action]) always[action]();
    else if (field && inField) ofField[action](field);
    else if (inPage && (action === "accept" || action === "leave")) this.#goTo(field ?? ordered[0]);
    else return false;
    return true;
  }

  /** @param {Event} event */
  #onSubmit(event) {
    if (event.defaultPrevented || event.target !== this.form || this.isDisabled) return;
    if (this._active) this._active.see();
    this.requestUpdate();
    const left = this.#ordered.filter((field) => field.isOpen);
    if (!left.length || this.#asked) return;
    event.preventDefault();
    this.#asked = true;
    this._warning = ELEMENT_STRINGS.document.unseen(left.length);
    this.#goTo(left[0]);
  }

  get #help() {
    return /** @type {HTMLDialogElement} */ (this.renderRoot.querySelector("#help"));
  }

  #toggleHelp() {
    if (this.#help.open) this.#help.close();
    else this.#help.showModal();
  }

  #helpClosed() {
    this._setting = "";
    this._hint = "";
    this.#goTo(this._active ?? this.#ordered[0]);
  }
}

/** Words of a value under the threshold, as long as it stands as it was read. @param {DocumentField} field */
function documentLowWords(field) {
  return field.isCorrected || field.mark ? [] : field.words.filter((word) => (word.confidence ?? 100) < field.wordLimit);
}

/** What is underlined lies under the text of the input, so it moves with it. @param {Event} event */
function documentMirrorScroll(event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  if (input.previousElementSibling) input.previousElementSibling.scrollLeft = input.scrollLeft;
}

/** @param {string} text */
function documentDecodedName(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

defineElement("crowd-textract-analyze-document", CrowdTextractAnalyzeDocument);
