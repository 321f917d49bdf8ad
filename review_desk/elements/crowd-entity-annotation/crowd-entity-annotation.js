// @ts-check

/** Colours in runtime/styles.css: `--crowd-label-1` and so on. */
const ENTITY_COLOURS = 8;

/**
 * Label stretches of a text. Choose a label and select text, or select text and choose a label; a click on the name of
 * a label in the text removes it.
 *
 * It needs no `<crowd-form>` around it: as with A2I it has a form and a Submit button of its own.
 *
 * Attributes: `header`, `initial-value` (`[{label, startOffset, endOffset}]`), `labels` (strings, or objects
 * `{label, shortDisplayName, fullDisplayName}`), `name`, `text`.
 * Answer: `{entities: [{startOffset, endOffset, label}]}`, offsets in Unicode code points, the end exclusive. Entities
 * that people make do not overlap: a new one replaces those under it.
 * Keys in the text: the arrow keys go from word to word and line to line, with Shift they take more words, with
 * Ctrl+Shift single characters; 1 to 9, then letters, label what is selected (or, without a selection, set the label
 * of what the mouse selects next); Delete removes; Escape ends the selection; Enter submits.
 */
class CrowdEntityAnnotation extends CrowdField {
  static properties = {
    header: {},
    text: {},
    labels: {},
    initialValue: { attribute: "initial-value" },
    _entities: { state: true },
    _selection: { state: true },
    _active: { state: true },
    _status: { state: true },
  };

  static styles = [
    CrowdChoiceField.styles,
    css`
      .text {
        padding: 12px 16px; border: 1px solid var(--crowd-line); border-radius: 8px; font-size: 1.1rem; line-height: 2.1;
        white-space: pre-wrap; overflow-wrap: anywhere; cursor: text; user-select: text; background: var(--crowd-surface);
      }
      mark { padding: 3px 2px; border-radius: 4px; color: inherit; cursor: pointer; }
      .selected { color: var(--crowd-on-accent); background: var(--crowd-accent); }
      .tag {
        min-width: 24px; min-height: 24px; margin: 0 2px 0 6px; padding: 0 6px; border: 1px solid var(--crowd-line);
        border-radius: 4px; font-size: 0.75rem; line-height: 1.4; font-weight: 600; white-space: nowrap; cursor: pointer;
        user-select: none; background: var(--crowd-surface);
      }
      .tag:hover { border-color: var(--crowd-danger); }
      .choice { width: 100%; text-align: start; }
      .swatch { flex: none; width: 18px; height: 18px; border: 1px solid var(--crowd-line); border-radius: 4px; }
      .hint { margin: 10px 0 0; color: var(--crowd-muted); }
      .legend {
        display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 8px 0 0; font-size: 0.85rem; color: var(--crowd-muted);
      }
      .legend span { white-space: nowrap; }
      .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    `,
  ];

  /** @type {{text: string, points: string[], words: EntitySpan[], stops: number[]} | undefined} */
  #reading;
  /** Positions of words: where a selection by keyboard began, and where it is. */
  #anchor = 0;
  #head = 0;
  #textArea = createRef();

  constructor() {
    super();
    this.text = "";
    /** @type {Entity[] | undefined} `undefined` before the first drawing */
    this._entities = undefined;
    /** @type {EntitySpan | undefined} */
    this._selection = undefined;
    /** The label that text selected with the mouse gets at once. */
    this._active = "";
    this._status = "";
  }

  connectedCallback() {
    super.connectedCallback();
    keyedElements.add(this);
    document.addEventListener("keydown", this.#keydown);
    document.addEventListener("pointerup", this.#released);
    whenParsed(this, () => this.#makeForm());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    keyedElements.delete(this);
    document.removeEventListener("keydown", this.#keydown);
    document.removeEventListener("pointerup", this.#released);
  }

  /** Its own form: a crowd-form, so that the portal finds what it finds on other pages. */
  #makeForm() {
    if (!this.isConnected || this.closest("crowd-form")) return;
    const crowd = /** @type {CrowdForm} */ (document.createElement("crowd-form"));
    this.replaceWith(crowd);
    crowd.form.prepend(this);
    // Templates add their own fields through `element.shadowRoot.querySelector("crowd-form").form`.
    const root = /** @type {ShadowRoot} */ (this.renderRoot);
    const query = root.querySelector.bind(root);
    root.querySelector = (/** @type {string} */ selector) => (selector === "crowd-form" ? crowd : query(selector));
  }

  get _submittableValue() {
    return this._entities && { entities: this._entities };
  }

  get value() {
    return this._submittableValue;
  }

  set value(value) {
    this._restore(value);
  }

  /** @param {any} value */
  _restore(value) {
    this._entities = this.#readEntities(value?.entities ?? value);
    this._selection = undefined;
  }

  /** @returns {EntityLabel[]} */
  get #labels() {
    const given = this._literal("labels", []);
    if (!Array.isArray(given)) return [];
    return given.map((entry) => {
      const label = String(entry?.label ?? entry);
      const full = entry?.fullDisplayName || label;
      return { label, short: entry?.shortDisplayName || full, full };
    });
  }

  /** @param {unknown} given @returns {Entity[]} */
  #readEntities(given) {
    const list = Array.isArray(given) ? given.filter((entry) => entry) : [];
    const end = this.#read().points.length;
    return list
      .map(({ startOffset, endOffset, label }) => ({ startOffset, endOffset, label }))
      .filter((entity) => entity.startOffset >= 0 && entity.startOffset < entity.endOffset && entity.endOffset <= end)
      .sort((one, other) => one.startOffset - other.startOffset || one.endOffset - other.endOffset);
  }

  /** The text as code points, its words, and where a character that people see ends. */
  #read() {
    if (this.#reading?.text !== this.text) this.#reading = readWords(this.text ?? "");
    return this.#reading;
  }

  /** @param {EntitySpan} span */
  #words({ start, end }) {
    return this.#read().points.slice(start, end).join("");
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    super.willUpdate(changed);
    this._entities ??= this.#readEntities(this._literal("initial-value", []));
  }

  render() {
    const strings = ELEMENT_STRINGS.entities;
    return html`${this.header ? html`<h2>${this.header}</h2>` : nothing}
      <div class="layout">
        <div class="target">
          ${this.#renderText()}
          <p class="legend">
            ${strings.keys.map(([key, meaning]) => html`<span><kbd>${key}</kbd> ${meaning}</span>`)}
          </p>
        </div>
        <div class="side">
          <slot name="short-instructions"></slot>
          <div class="group" role="group" aria-label=${strings.labels}>${this.#renderLabels()}</div>
          <p class="hint">${this._selection ? strings.selected(this.#words(this._selection)) : strings.hint}</p>
          <slot name="full-instructions"></slot>
        </div>
      </div>
      <p class="spoken" role="status">${this._status}</p>
      <slot @slotchange=${this.#placeRegions}></slot>`;
  }

  #renderLabels() {
    const labels = this.#labels;
    const keys = choiceKeys(labels.length, "");
    return labels.map(
      ({ label, full }, position) => html`<button
        type="button"
        class=${classMap({ choice: true, on: this._active === label })}
        aria-pressed=${String(this._active === label)}
        aria-keyshortcuts=${ifDefined(keys[position] || undefined)}
        ?disabled=${this.isDisabled}
        @click=${() => this.#clickLabel(label)}
      >
        ${keys[position] ? html`<kbd aria-hidden="true">${keys[position].toUpperCase()}</kbd>` : nothing}
        <span class="swatch" style=${styleMap({ background: this.#colour(label) })}></span>
        <span class="name">${full}</span>
      </button>`
    );
  }

  // No white space between the parts: it would be part of the text.
  #renderText() {
    const parts = [];
    let at = 0;
    (this._entities ?? []).forEach((entity, position) => {
      parts.push(this.#renderPieces(at, Math.max(at, entity.startOffset)), this.#renderEntity(entity, position, at));
      at = Math.max(at, entity.endOffset);
    });
    parts.push(this.#renderPieces(at, this.#read().points.length));
    return html`<div
      class="text"
      ${ref(this.#textArea)}
      tabindex="0"
      role="application"
      aria-label=${ELEMENT_STRINGS.entities.text}
      @keydown=${this.#move}
      @pointerdown=${this.#grab}
    >${parts}</div>`;
  }

  /** @param {Entity} entity @param {number} position @param {number} at where the text shown so far ends */
  #renderEntity(entity, position, at) {
    const known = this.#labels.find(({ label }) => label === entity.label);
    const short = known?.short ?? entity.label;
    const name = ELEMENT_STRINGS.entities.remove(short, this.#words(entitySpan(entity)));
    return html`<mark data-entity=${position} style=${styleMap({ background: this.#colour(entity.label) })}>${this.#renderPieces(Math.max(at, entity.startOffset), entity.endOffset)}<button type="button" class="tag" data-entity=${position} aria-label=${name} title=${known?.full ?? entity.label} ?disabled=${this.isDisabled} @click=${() => this.#remove([entity])}>${short} <span aria-hidden="true">✕</span></button></mark>`;
  }

  /** A stretch of text, with what is selected in it. @param {number} start @param {number} end */
  #renderPieces(start, end) {
    const within = (/** @type {number} */ at) => Math.min(Math.max(at, start), end);
    const from = within(this._selection?.start ?? start);
    const to = within(this._selection?.end ?? start);
    const pieces = [
      { start, end: from, selected: false },
      { start: from, end: to, selected: true },
      { start: to, end, selected: false },
    ];
    return pieces
      .filter((piece) => piece.start < piece.end)
      .map((piece) => html`<span class=${classMap({ piece: true, selected: piece.selected })} data-start=${piece.start} .textContent=${this.#words(piece)}></span>`);
  }

  /** @param {string} label */
  #colour(label) {
    const position = this.#labels.findIndex((entry) => entry.label === label);
    return `var(--crowd-label-${((position + ENTITY_COLOURS) % ENTITY_COLOURS) + 1})`;
  }

  /** Label what is selected; without a selection, the label is for what the mouse selects. @param {string} label */
  #choose(label) {
    if (this._selection) {
      this.#label(label, this._selection);
      this.#focusText();
    } else this._active = this._active === label ? "" : label;
  }

  /** The next click is for the next text, not for the one just labelled. @param {string} label */
  #clickLabel(label) {
    this.#choose(label);
    this._selection = undefined;
  }

  /** @param {string} label @param {EntitySpan} span */
  #label(label, span) {
    const { start, end } = span;
    const others = (this._entities ?? []).filter((entity) => !entityOverlaps(entity, span));
    this._entities = this.#readEntities([...others, { startOffset: start, endOffset: end, label }]);
    this._status = ELEMENT_STRINGS.entities.labelled(this.#fullName(label), this.#words(span));
    this._changed();
  }

  /** @param {Entity[]} entities */
  #remove(entities) {
    if (!entities.length) return;
    this._entities = (this._entities ?? []).filter((entity) => !entities.includes(entity));
    const [first] = entities;
    this._status = ELEMENT_STRINGS.entities.removed(this.#fullName(first.label), this.#words(entitySpan(first)));
    this.#focusText();
    this._changed();
  }

  /** @param {string} label */
  #fullName(label) {
    return this.#labels.find((entry) => entry.label === label)?.full ?? label;
  }

  #focusText() {
    /** @type {HTMLElement | undefined} */ (this.#textArea.value)?.focus({ preventScroll: true });
  }

  #keydown = (/** @type {KeyboardEvent} */ event) => {
    if (this.isDisabled || !isKeyFor(this, event)) return;
    if (this.#press(pressedKey(event), event)) event.preventDefault();
  };

  /** @param {string} key @param {KeyboardEvent} event @returns {boolean} whether the key was one of the element's */
  #press(key, event) {
    if (key === "enter") {
      if (isOnControl(event)) return false;
      if (!event.repeat) requestSubmitOf(this);
      return true;
    }
    if (key === "escape") {
      if (!this._selection && !this._active) return false;
      if (this._selection) this._selection = undefined;
      else this._active = "";
      return true;
    }
    if (key === "delete" || key === "backspace") {
      const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
      const entities = this._entities ?? [];
      const own = entities[Number(target.dataset?.entity ?? -1)];
      const span = this._selection;
      this.#remove(own ? [own] : entities.filter((entity) => span && entityOverlaps(entity, span)));
      return true;
    }
    const labels = this.#labels;
    const position = choiceKeys(labels.length, "").indexOf(key);
    if (position < 0 || event.repeat) return false;
    this.#choose(labels[position].label);
    return true;
  }

  /** The keys that select. @param {KeyboardEvent} event */
  #move(event) {
    if (event.target !== this.#textArea.value || event.altKey || event.metaKey) return;
    const { words } = this.#read();
    const forward = event.key === "ArrowRight" || event.key === "ArrowDown" || event.key === "End";
    if (!/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key) || !words.length) return;
    event.preventDefault();
    if (event.ctrlKey && event.shiftKey) this.#resize(forward ? 1 : -1);
    else {
      let head = this.#head;
      if (event.key === "Home") head = 0;
      else if (event.key === "End") head = words.length - 1;
      else if (!this._selection) head = Math.min(head, words.length - 1);
      else if (/Up|Down/.test(event.key)) head = this.#onOtherLine(forward);
      else head = Math.min(words.length - 1, Math.max(0, head + (forward ? 1 : -1)));
      this.#head = head;
      if (!event.shiftKey || !this._selection) this.#anchor = head;
      const ends = [words[this.#anchor], words[head]];
      this._selection = { start: Math.min(...ends.map(({ start }) => start)), end: Math.max(...ends.map(({ end }) => end)) };
    }
    this.#saySelection();
  }

  /** Move the loose end of the selection by a character. @param {1 | -1} step */
  #resize(step) {
    if (!this._selection) return;
    const { stops } = this.#read();
    const { start, end } = this._selection;
    const next = (/** @type {number} */ at) => stops[Math.max(0, Math.min(stops.length - 1, stops.indexOf(at) + step))] ?? at;
    const moved = this.#head < this.#anchor ? { start: next(start), end } : { start, end: next(end) };
    if (moved.start < moved.end) this._selection = moved;
  }

  /** The word above or below the present one. @param {boolean} down */
  #onOtherLine(down) {
    const { words } = this.#read();
    const here = this.#boxOf(words[this.#head]);
    const step = down ? 1 : -1;
    let best = -1;
    let line = 0;
    for (let position = this.#head + step; words[position]; position += step) {
      const box = this.#boxOf(words[position]);
      const away = down ? box.top - here.top : here.top - box.top;
      if (away < here.height / 2) continue;
      if (best < 0) line = box.top;
      else if (Math.abs(box.top - line) > here.height / 2) break;
      const distance = Math.abs(box.left - here.left);
      if (best < 0 || distance < Math.abs(this.#boxOf(words[best]).left - here.left)) best = position;
    }
    return best < 0 ? this.#head : best;
  }

  /** Where the beginning of a word is on the screen. @param {EntitySpan} word */
  #boxOf({ start }) {
    const pieces = Array.from(/** @type {NodeListOf<HTMLElement>} */ (this.renderRoot.querySelectorAll(".piece")));
    const piece = /** @type {HTMLElement} */ (pieces.findLast((entry) => Number(entry.dataset.start) <= start));
    const node = /** @type {Text} */ (piece.firstChild);
    const units = this.#words({ start: Number(piece.dataset.start), end: start }).length;
    const range = document.createRange();
    range.setStart(node, units);
    range.setEnd(node, Math.min(node.length, units + 1));
    return range.getBoundingClientRect();
  }

  #saySelection() {
    const span = this._selection;
    if (!span) return;
    const over = (this._entities ?? []).filter((entity) => entityOverlaps(entity, span));
    const names = over.map((entity) => this.#fullName(entity.label)).join(", ");
    const strings = ELEMENT_STRINGS.entities;
    const words = this.#words(span);
    this._status = names ? strings.labelled(names, words) : strings.selected(words);
    this.updateComplete.then(() => this.renderRoot.querySelector(".selected")?.scrollIntoView({ block: "nearest" }));
  }

  #grabbed = false;

  /** @param {PointerEvent} event */
  #grab(event) {
    const onTag = /** @type {Element} */ (event.target).closest(".tag");
    this.#grabbed = event.button === 0 && !onTag && !this.isDisabled;
  }

  /** What the mouse has selected; a click on an entity selects it whole. */
  #released = (/** @type {PointerEvent} */ event) => {
    if (!this.#grabbed) return;
    this.#grabbed = false;
    const found = this.#mouseSelection();
    document.getSelection()?.empty();
    const clicked = /** @type {Element} */ (event.composedPath()[0]).closest?.("mark");
    const entity = this._entities?.[Number(clicked?.getAttribute("data-entity") ?? -1)];
    if (found.start === found.end) this._selection = entity && entitySpan(entity);
    else this._selection = this.#trim(found);
    this.#head = this.#anchor = this.#wordAt(this._selection?.start ?? found.start);
    if (this._active && this._selection && found.start !== found.end) {
      this.#label(this._active, this._selection);
      this._selection = undefined;
    }
    this.#saySelection();
  };

  /** @param {number} at */
  #wordAt(at) {
    const { words } = this.#read();
    const found = words.findIndex((word) => word.end > at);
    return found < 0 ? Math.max(0, words.length - 1) : found;
  }

  /** Without the white space at its ends. @param {EntitySpan} span @returns {EntitySpan | undefined} */
  #trim({ start, end }) {
    const { points } = this.#read();
    let [from, to] = [start, end];
    while (from < to && !points[from].trim()) from += 1;
    while (to > from && !points[to - 1].trim()) to -= 1;
    return from < to ? { start: from, end: to } : undefined;
  }

  /** @returns {EntitySpan} what the browser has selected, in code points of the text */
  #mouseSelection() {
    const area = /** @type {HTMLElement} */ (this.#textArea.value);
    const range = rangeInShadow(/** @type {ShadowRoot} */ (this.renderRoot));
    if (!range) return { start: 0, end: 0 };
    const offset = (/** @type {Node} */ node, /** @type {number} */ at, /** @type {number} */ outside) => {
      if (!area.contains(node)) return outside;
      const before = document.createRange();
      before.setStart(area, 0);
      before.setEnd(node, at);
      const content = before.cloneContents();
      for (const tag of content.querySelectorAll(".tag")) tag.remove();
      return Array.from(content.textContent ?? "").length;
    };
    return {
      start: offset(range.startContainer, range.startOffset, 0),
      end: offset(range.endContainer, range.endOffset, this.#read().points.length),
    };
  }

  /** @param {Event} event */
  #placeRegions(event) {
    for (const child of /** @type {HTMLSlotElement} */ (event.target).assignedElements()) {
      if (CHOICE_REGIONS.includes(child.localName)) child.slot = child.localName;
    }
  }
}

/**
 * @typedef {{start: number, end: number}} EntitySpan in code points, the end exclusive
 * @typedef {{startOffset: number, endOffset: number, label: string}} Entity
 * @typedef {{label: string, short: string, full: string}} EntityLabel
 */

/** @param {Entity} entity @returns {EntitySpan} */
function entitySpan({ startOffset, endOffset }) {
  return { start: startOffset, end: endOffset };
}

/** @param {Entity} entity @param {EntitySpan} span */
function entityOverlaps(entity, span) {
  return entity.startOffset < span.end && entity.endOffset > span.start;
}

/**
 * A text as code points, with its words (punctuation and white space are none) and the ends of its characters.
 * @param {string} text
 */
function readWords(text) {
  /** @type {EntitySpan[]} */
  const words = [];
  let at = 0;
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
    const end = at + Array.from(segment).length;
    if (/[^\s\p{P}]/u.test(segment)) words.push({ start: at, end });
    at = end;
  }
  const stops = [0];
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    stops.push(/** @type {number} */ (stops.at(-1)) + Array.from(segment).length);
  }
  return { text, points: Array.from(text), words, stops };
}

/** The selection of the browser inside a shadow root. @param {ShadowRoot} root @returns {StaticRange | Range | undefined} */
function rangeInShadow(root) {
  const selection = /** @type {any} */ (document.getSelection());
  if (selection?.getComposedRanges) return selection.getComposedRanges({ shadowRoots: [root] })[0];
  const own = /** @type {any} */ (root).getSelection?.() ?? selection;
  return own?.rangeCount ? own.getRangeAt(0) : undefined;
}

defineElement("crowd-entity-annotation", CrowdEntityAnnotation);
