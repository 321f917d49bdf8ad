// @ts-check

const ANNOTATION_MIN_ZOOM = 0.25;
const ANNOTATION_MAX_ZOOM = 8;
const ANNOTATION_ZOOM_STEP = 1.25;
/** Room kept around the image, in CSS pixels, so that handles at its edge can be grasped. */
const ANNOTATION_MARGIN = 14;
/** How far an arrow key moves the view, in CSS pixels. */
const ANNOTATION_PAN_STEP = 48;
/** How far a pointer may wander during a click, in CSS pixels. */
const ANNOTATION_SLACK = 4;
/** From where a point can be grasped, in CSS pixels: WCAG 2.2 wants targets of 24. */
const ANNOTATION_REACH = 12;

const ANNOTATION_ARROWS = new Map(
  Object.entries({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] })
);

/**
 * An image on which people mark something: zoom, pan, the palette of labels, undo, and the list of what is there.
 *
 * Attributes: `src`, `header`, `labels` (a list of strings; A2I allows ten), `initial-value`, `name`.
 * Every answer has `inputImageProperties`, and `initialValueModified` if there was an `initial-value`.
 * Zoom is in CSS pixels per pixel of the natural image.
 *
 * For a subclass: `_answer()`, `_load(answer)` (puts an answer or, with `undefined`, the initial value in place),
 * `_modified`, `_items()` (the list), `_renderPlane()`, `_renderTools()`, `_keys`, `_pointer…()`, `_toolKey(event)`.
 */
class AnnotationField extends CrowdField {
  static properties = {
    src: {},
    header: {},
    _size: { state: true },
    _failed: { state: true },
    _zoom: { state: true },
    _pan: { state: true },
    _label: { state: true },
    _selected: { state: true },
    _cursor: { state: true },
    _panning: { state: true },
    _said: { state: true },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: block; margin: 0 0 16px; }
      h2 { margin: 0 0 8px; font-size: 1.15em; }
      .bar { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; margin: 0 0 8px; }
      .bar .gap { flex: 1; }
      button, select, summary { min-height: 32px; min-width: 32px; }
      button {
        display: inline-flex; gap: 6px; align-items: center; justify-content: center; padding: 2px 10px;
        border: 1px solid var(--crowd-line); border-radius: 6px; background: var(--crowd-surface); cursor: pointer;
      }
      select { padding: 2px 6px; border: 1px solid var(--crowd-line); border-radius: 6px; background: var(--crowd-surface); }
      button:disabled, button[aria-disabled="true"] { opacity: 0.55; cursor: default; }
      button[aria-pressed="true"] { border-color: var(--crowd-accent); box-shadow: 0 0 0 1px var(--crowd-accent); background: var(--crowd-chosen); }
      .number {
        display: inline-block; min-width: 22px; padding: 1px 4px; border-radius: 4px; text-align: center; font-weight: 700;
        font-variant-numeric: tabular-nums;
      }
      .percent { min-width: 4.5em; text-align: center; font-variant-numeric: tabular-nums; }
      .view {
        position: relative; overflow: hidden; height: clamp(240px, 68vh, 760px); border-radius: 6px;
        background: var(--crowd-stage); touch-action: none; cursor: crosshair; user-select: none;
      }
      .view.panning { cursor: grab; }
      .plane { position: absolute; inset: 0 auto auto 0; transform-origin: 0 0; }
      .plane > * { position: absolute; inset: 0; width: 100%; height: 100%; }
      .plane svg { overflow: visible; pointer-events: none; }
      .plane canvas { opacity: 0.6; image-rendering: pixelated; pointer-events: none; }
      .plane img { -webkit-user-drag: none; }
      .magnified img { image-rendering: pixelated; }
      .message { position: absolute; inset: 0; display: grid; gap: 10px; place-content: center; justify-items: center; }
      .message p { margin: 0; padding: 4px 10px; border-radius: 6px; background: var(--crowd-surface); }
      .halo { fill: none; stroke: #ffffff; stroke-width: calc(5 * var(--unit)); stroke-opacity: 0.85; }
      .line { fill: none; stroke-width: calc(2.5 * var(--unit)); }
      .fill { stroke: none; fill-opacity: 0.12; }
      .selected .fill { fill-opacity: 0.3; }
      .halo, .line { stroke-linejoin: round; stroke-linecap: round; }
      .selected .halo { stroke-width: calc(7 * var(--unit)); }
      .handle { fill: #ffffff; stroke: #101820; stroke-width: calc(1.5 * var(--unit)); }
      .handle.active { fill: #101820; stroke: #ffffff; }
      .tag { font: 700 12px/1 system-ui, sans-serif; text-anchor: middle; dominant-baseline: central; }
      .cross { fill: none; stroke-width: 1.5; }
      ul { display: grid; gap: 4px; margin: 8px 0 0; padding: 0; list-style: none; max-height: 240px; overflow: auto; }
      li { display: flex; gap: 6px; align-items: center; }
      li > .what { flex: 1; justify-content: start; text-align: start; font-variant-numeric: tabular-nums; }
      .what .name { font-weight: 600; }
      .size { display: flex; gap: 8px; align-items: center; }
      .size input { width: 110px; min-height: 32px; accent-color: var(--crowd-accent); }
      .size span { min-width: 2em; font-variant-numeric: tabular-nums; }
      h3 { margin: 12px 0 0; font-size: 1em; }
      .none { margin: 4px 0 0; color: var(--crowd-muted); }
      details { margin-top: 8px; }
      summary { display: flex; align-items: center; width: fit-content; cursor: pointer; color: var(--crowd-accent); }
      summary::before { content: "▸"; margin-inline-end: 6px; }
      details[open] summary::before { content: "▾"; }
      dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 4px 0 0; }
      dt { font-weight: 600; }
      dd { margin: 0; }
      .said { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    `,
  ];

  constructor() {
    super();
    /** @type {{width: number, height: number} | undefined} of the natural image */
    this._size = undefined;
    this._failed = false;
    this._zoom = 1;
    /** Where the image's upper left corner is in the view, in CSS pixels. */
    this._pan = { x: 0, y: 0 };
    this._label = 0;
    /** @type {number | undefined} the id of what is selected */
    this._selected = undefined;
    /** @type {AnnotationPoint | undefined} the cross that the keyboard moves */
    this._cursor = undefined;
    this._panning = false;
    this._said = "";
    /** @type {unknown} what was put back, until the image is there */
    this._restored = undefined;
    this._fitted = true;
    /** @type {{x: number, y: number} | undefined} where a pan began, in CSS pixels */
    this._panFrom = undefined;
    this._space = false;
    /** Settled when the image is there, and what was annotated earlier. @type {Promise<void>} */
    this.imageReady = new Promise((resolve) => (this._imageIsReady = resolve));
    this._resized = new ResizeObserver(() => this._place());
  }

  /** What the keys do, besides those of all elements. @returns {string[][]} */
  get _keys() {
    return [];
  }

  /** @returns {string[]} */
  get _labels() {
    const labels = this._literal("labels", []);
    return Array.isArray(labels) ? labels.map(String) : [];
  }

  get _hasInitialValue() {
    return Boolean(this.getAttribute("initial-value")?.trim());
  }

  get value() {
    return this._submittableValue;
  }

  get _submittableValue() {
    if (!this._size) return this._restored;
    const { width, height } = this._size;
    const answer = { ...this._answer(), inputImageProperties: { height, width } };
    return this._hasInitialValue ? { ...answer, initialValueModified: this._modified } : answer;
  }

  _restore(/** @type {unknown} */ value) {
    this._restored = value;
    this._selected = undefined;
    this._cursor = undefined;
    if (this._size) this._load(value);
    this.requestUpdate();
  }

  _problem() {
    return this._size ? "" : ELEMENT_STRINGS.annotation.notReady;
  }

  firstUpdated() {
    super.firstUpdated();
    this._resized.observe(this._view);
    // Not by a template's @wheel: the browser would take that listener for passive and scroll the page.
    this._view.addEventListener("wheel", (/** @type {WheelEvent} */ event) => this.#wheel(event), { passive: false });
    if (!this._labels.length) complain(`<${this.localName}>: ${ELEMENT_STRINGS.annotation.noLabels}`);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._resized.disconnect();
  }

  connectedCallback() {
    super.connectedCallback();
    if (this.hasUpdated) this._resized.observe(this._view);
  }

  /** To the image: from there every key works. @param {FocusOptions} [options] */
  focus(options) {
    if (this.hasUpdated) this._view.focus(options);
  }

  get _view() {
    return /** @type {HTMLElement} */ (this.renderRoot.querySelector(".view"));
  }

  // ---- the image -------------------------------------------------------------------------------------------------

  /** @param {Event} event */
  #imageLoaded(event) {
    const image = /** @type {HTMLImageElement} */ (event.target);
    const first = !this._size;
    this._size = { width: image.naturalWidth, height: image.naturalHeight };
    this._failed = false;
    this._fitted = true;
    this._place();
    if (first) Promise.resolve(this._load(this._restored)).then(() => this._imageIsReady());
  }

  #tryAgain() {
    this._failed = false;
    const image = /** @type {HTMLImageElement} */ (this.renderRoot.querySelector("img"));
    image.removeAttribute("src");
    image.src = this.src;
    this._view.focus();
  }

  // ---- zoom and pan ----------------------------------------------------------------------------------------------

  get _fitZoom() {
    const size = this._size ?? { width: 1, height: 1 };
    const room = (/** @type {number} */ side) => Math.max(1, side - 2 * ANNOTATION_MARGIN);
    const fit = Math.min(room(this._view.clientWidth) / size.width, room(this._view.clientHeight) / size.height);
    return Math.min(fit, ANNOTATION_MAX_ZOOM);
  }

  /** Show the whole image again if it was shown whole, or keep it in view. */
  _place() {
    if (!this._size || !this._view.clientWidth) return;
    if (this._fitted) this._zoom = this._fitZoom;
    this._moveTo(this._pan);
  }

  /** @param {{x: number, y: number}} pan */
  _moveTo(pan) {
    if (!this._size) return;
    const { clientWidth, clientHeight } = this._view;
    const clamp = (/** @type {number} */ at, /** @type {number} */ length, /** @type {number} */ room) =>
      length + 2 * ANNOTATION_MARGIN <= room
        ? (room - length) / 2
        : annotationClamp(at, room - length - ANNOTATION_MARGIN, ANNOTATION_MARGIN);
    this._pan = {
      x: clamp(pan.x, this._size.width * this._zoom, clientWidth),
      y: clamp(pan.y, this._size.height * this._zoom, clientHeight),
    };
  }

  /**
   * @param {number} zoom CSS pixels per pixel of the image, 0.25 to 8; less if the whole image needs it
   * @param {{x: number, y: number}} [about] the place in the view that stays where it is
   */
  _zoomTo(zoom, about) {
    const middle = about ?? { x: this._view.clientWidth / 2, y: this._view.clientHeight / 2 };
    const next = annotationClamp(zoom, Math.min(ANNOTATION_MIN_ZOOM, this._fitZoom), ANNOTATION_MAX_ZOOM);
    const factor = next / this._zoom;
    this._zoom = next;
    this._fitted = false;
    this._moveTo({ x: middle.x - (middle.x - this._pan.x) * factor, y: middle.y - (middle.y - this._pan.y) * factor });
  }

  #fit() {
    this._fitted = true;
    this._place();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 16;
    this._zoomTo(this._zoom * Math.exp(-event.deltaY * lines * 0.002), this.#inView(event));
  }

  /** @param {MouseEvent} event */
  #inView(event) {
    const box = this._view.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** Where an event happened, in pixels of the image, not rounded. @param {MouseEvent} event */
  _at(event) {
    const { x, y } = this.#inView(event);
    return { x: (x - this._pan.x) / this._zoom, y: (y - this._pan.y) / this._zoom };
  }

  /** What is seen of the image, in its pixels. */
  _seen() {
    const size = this._size ?? { width: 0, height: 0 };
    const left = Math.max(0, -this._pan.x / this._zoom);
    const top = Math.max(0, -this._pan.y / this._zoom);
    const right = Math.min(size.width, (this._view.clientWidth - this._pan.x) / this._zoom);
    const bottom = Math.min(size.height, (this._view.clientHeight - this._pan.y) / this._zoom);
    return { left, top, right, bottom, middle: { x: Math.round((left + right) / 2), y: Math.round((top + bottom) / 2) } };
  }

  // ---- pointer ---------------------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  #pointerDown(event) {
    if (!this._size || /** @type {Element} */ (event.target).closest("button")) return;
    this._view.focus({ preventScroll: true });
    if (event.button === 1 || (event.button === 0 && this._space)) {
      event.preventDefault();
      this._panFrom = { x: event.clientX - this._pan.x, y: event.clientY - this._pan.y };
      this._panning = true;
      this._view.setPointerCapture(event.pointerId);
    } else if (event.button === 0 && !this.isDisabled && this._labels.length) {
      this._cursor = undefined;
      this._view.setPointerCapture(event.pointerId);
      this._pointerDown(event);
    }
  }

  /** @param {PointerEvent} event */
  #pointerMove(event) {
    if (this._panFrom) this._moveTo({ x: event.clientX - this._panFrom.x, y: event.clientY - this._panFrom.y });
    else if (this._size && !this.isDisabled) this._pointerMove(event);
  }

  /** @param {PointerEvent} event */
  #pointerUp(event) {
    if (this._panFrom) {
      this._panFrom = undefined;
      this._panning = this._space;
    } else if (this._size && !this.isDisabled) this._pointerUp(event);
  }

  #pointerLost() {
    this._panFrom = undefined;
    this._panning = this._space;
    this._pointerCancelled();
  }

  /** @param {PointerEvent} _event */
  _pointerDown(_event) {}
  /** @param {PointerEvent} _event */
  _pointerMove(_event) {}
  /** @param {PointerEvent} _event */
  _pointerUp(_event) {}
  _pointerCancelled() {}
  _pointerLeave() {}

  // ---- keys ------------------------------------------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    const target = /** @type {Element} */ (event.composedPath()[0]);
    if (!this._size || event.defaultPrevented || target.matches("select")) return;
    const native = target.matches("button, summary") ? /^(?:Enter| )$/ : target.matches("input") ? /^(?:Arrow|Page|Home|End)/ : /$^/;
    if (!native.test(event.key) && this.#key(event)) event.preventDefault();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the key meant something */
  #key(event) {
    if (event.ctrlKey || event.metaKey) return !this.isDisabled && this.#historyKey(event);
    if (!this.isDisabled && this._toolKey(event)) return true;
    const arrow = ANNOTATION_ARROWS.get(event.key);
    if (arrow && !event.altKey) {
      const [x, y] = /** @type {[number, number]} */ (arrow);
      this._moveTo({ x: this._pan.x - x * ANNOTATION_PAN_STEP, y: this._pan.y - y * ANNOTATION_PAN_STEP });
      return true;
    }
    if (event.altKey) return false;
    if (event.key === "+" || event.key === "=") this._zoomTo(this._zoom * ANNOTATION_ZOOM_STEP);
    else if (event.key === "-") this._zoomTo(this._zoom / ANNOTATION_ZOOM_STEP);
    else if (event.key === "0") this.#fit();
    else if (event.key === " ") this._space = this._panning = true;
    else if (this.isDisabled) return false;
    else if (event.key === "Delete") this._removeSelected();
    else if (event.key === "Escape" && this._selected !== undefined) this._select(undefined);
    else return this.#labelKey(event);
    return true;
  }

  /** By the place of the key: on some keyboards the figures need Shift. @param {KeyboardEvent} event */
  #labelKey(event) {
    const number = Number(/^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1] ?? 0);
    if (!number || number > this._labels.length || event.shiftKey) return false;
    this._choose(number - 1);
    return true;
  }

  /** @param {KeyboardEvent} event */
  #historyKey(event) {
    const key = event.key.toLowerCase();
    if (key === "y" || (key === "z" && event.shiftKey)) this._redo();
    else if (key === "z") this._undo();
    else return false;
    return true;
  }

  /** @param {KeyboardEvent} event */
  #keyUp(event) {
    if (event.key === " ") this.#releaseSpace();
  }

  #releaseSpace() {
    this._space = false;
    this._panning = Boolean(this._panFrom);
  }

  /** A key of the subclass's tools. @param {KeyboardEvent} _event @returns {boolean} whether it meant something */
  _toolKey(_event) {
    return false;
  }

  // ---- for subclasses --------------------------------------------------------------------------------------------

  /** @returns {Record<string, unknown>} the answer without what every answer has */
  _answer() {
    throw new Error("a subclass gives the answer");
  }

  /** Whether the initial value is no longer what it was. */
  get _modified() {
    return false;
  }

  /** @param {unknown} _answer @returns {void | Promise<void>} */
  _load(_answer) {}
  _undo() {}
  _redo() {}
  _removeSelected() {}

  get _canUndo() {
    return false;
  }

  get _canRedo() {
    return false;
  }

  /** @param {number} index of a label */
  _choose(index) {
    this._label = index;
    this._say(ELEMENT_STRINGS.annotation.chosen(this._labels[index] ?? ""));
  }

  /** @param {number | undefined} id */
  _select(id) {
    this._selected = id;
    const item = this._items().find((candidate) => candidate.id === id);
    if (item) this._say(ELEMENT_STRINGS.annotation.selected(this._describe(item)));
  }

  /**
   * What is in the list.
   * @returns {{id: number, label: string, mark: {text: string, color: string}, detail: string, fixed?: boolean}[]} `fixed`:
   *   its label cannot be changed
   */
  _items() {
    return [];
  }

  /** @param {number} _id @param {string} _label */
  _relabel(_id, _label) {}
  /** @param {number} _id */
  _remove(_id) {}

  /** Tell people who do not see it. @param {string} text */
  _say(text) {
    this._said = text;
  }

  /** @param {{label: string, detail: string}} item */
  _describe(item) {
    return `${item.label}, ${item.detail}`;
  }

  /** Number and colour of a label. A label that is not in the list has neither. @param {string} label */
  _mark(label) {
    const index = this._labels.indexOf(label);
    return index < 0 ? { text: "?", color: "#607d8b" } : { text: String(index + 1), color: annotationColor(index) };
  }

  /** Move the keyboard's cross. @param {number} x @param {number} y in pixels of the image */
  _moveCursor(x, y) {
    const size = this._size ?? { width: 0, height: 0 };
    this._cursor = { x: annotationClamp(x, 0, size.width), y: annotationClamp(y, 0, size.height) };
    const shown = { x: this._cursor.x * this._zoom + this._pan.x, y: this._cursor.y * this._zoom + this._pan.y };
    const inside = (/** @type {number} */ at, /** @type {number} */ room) => annotationClamp(at, 24, room - 24) - at;
    this._moveTo({
      x: this._pan.x + inside(shown.x, this._view.clientWidth),
      y: this._pan.y + inside(shown.y, this._view.clientHeight),
    });
    this._say(ELEMENT_STRINGS.annotation.cursor(this._cursor.x, this._cursor.y));
  }

  /** How far an arrow key moves something. @param {KeyboardEvent} event @returns {[number, number] | undefined} pixels */
  _step(event) {
    const arrow = ANNOTATION_ARROWS.get(event.key);
    if (!arrow) return undefined;
    const length = event.shiftKey ? 10 : 1;
    return [/** @type {number} */ (arrow[0]) * length, /** @type {number} */ (arrow[1]) * length];
  }

  // ---- what is seen ----------------------------------------------------------------------------------------------

  render() {
    const words = ELEMENT_STRINGS.annotation;
    return html`${this.header ? html`<h2>${this.header}</h2>` : nothing}<slot></slot>
      <div role="group" aria-label=${this.header || this.name || words.view} @keydown=${this.#keyDown} @keyup=${this.#keyUp}
        @focusout=${this.#releaseSpace}>
        <div class="bar" role="group" aria-label=${words.labels}>${this._labels.map((label, index) => this.#renderLabel(label, index))}</div>
        <div class="bar" role="group" aria-label=${words.tools}>
          ${this._renderTools()}
          ${this.#renderAction("undo", words.undo, this._canUndo, () => this._undo())}
          ${this.#renderAction("redo", words.redo, this._canRedo, () => this._redo())}
          ${this.#renderAction("delete", words.remove, this._selected !== undefined, () => this._removeSelected())}
          <span class="gap"></span>
          <button type="button" aria-label=${words.zoomOut} @click=${() => this._zoomTo(this._zoom / ANNOTATION_ZOOM_STEP)}>−</button>
          <span class="percent">${words.zoom(Math.round(this._zoom * 100))}</span>
          <button type="button" aria-label=${words.zoomIn} @click=${() => this._zoomTo(this._zoom * ANNOTATION_ZOOM_STEP)}>+</button>
          <button type="button" class="fit" @click=${this.#fit}>${words.fit}</button>
        </div>
        <div class=${classMap({ view: true, panning: this._panning, magnified: this._zoom >= 3 })} tabindex="0" role="application"
          aria-label=${words.view}
          @pointerdown=${this.#pointerDown} @pointermove=${this.#pointerMove} @pointerup=${this.#pointerUp}
          @pointercancel=${this.#pointerLost} @pointerleave=${() => this._pointerLeave()} @auxclick=${(/** @type {Event} */ event) => event.preventDefault()}>
          ${this.#renderPlane()} ${this.#renderMessage()}
        </div>
        ${this.#renderList()} ${this.#renderKeys()}
        <div class="said" role="status">${this._said}</div>
      </div>`;
  }

  /**
   * A button that keeps the focus when it has nothing to do.
   * @param {string} name @param {string} text @param {boolean} possible @param {() => void} act
   */
  #renderAction(name, text, possible, act) {
    const can = possible && !this.isDisabled;
    return html`<button type="button" class=${name} aria-disabled=${String(!can)} @click=${() => can && act()}>${text}</button>`;
  }

  /** @param {string} label @param {number} index */
  #renderLabel(label, index) {
    return html`<button type="button" class="label" aria-pressed=${String(index === this._label)} ?disabled=${this.isDisabled}
      @click=${() => this._choose(index)}>${this.#renderMark(this._mark(label))}<span>${label}</span></button>`;
  }

  /** @param {{text: string, color: string}} mark */
  #renderMark(mark) {
    return html`<span class="number" style=${styleMap({ background: mark.color, color: annotationInk(mark.color) })}>${mark.text}</span>`;
  }

  #renderPlane() {
    const size = this._size;
    // One CSS pixel of the screen, in pixels of the image: lines are as thick at every zoom.
    const unit = `${1 / this._zoom}px`;
    const place = size
      ? { "--unit": unit, width: `${size.width}px`, height: `${size.height}px`, transform: `translate(${this._pan.x}px, ${this._pan.y}px) scale(${this._zoom})` }
      : { visibility: "hidden" };
    return html`<div class="plane" style=${styleMap(place)}>
      <img src=${ifDefined(this.src || undefined)} alt="" draggable="false" @load=${this.#imageLoaded}
        @error=${() => (this._failed = true)} />
      ${size ? this._renderPlane(size) : nothing}
    </div>`;
  }

  /** What lies over the image. @param {{width: number, height: number}} _size @returns {unknown} */
  _renderPlane(_size) {
    return nothing;
  }

  /** @returns {unknown} */
  _renderTools() {
    return nothing;
  }

  #renderMessage() {
    const words = ELEMENT_STRINGS.annotation;
    if (this._failed || !this.src)
      return html`<div class="message" role="alert"><p>${words.failed}</p>
        <button type="button" class="again" @click=${this.#tryAgain}>${words.again}</button></div>`;
    return this._size ? this._renderNotice() : html`<div class="message" role="status"><p>${words.loading}</p></div>`;
  }

  /** Something to say over the image. @returns {unknown} */
  _renderNotice() {
    return nothing;
  }

  #renderList() {
    const words = ELEMENT_STRINGS.annotation;
    const items = this._items();
    return html`<h3 id="list">${words.list} (${items.length})</h3>
      ${items.length ? nothing : html`<p class="none">${words.none}</p>`}
      <ul aria-labelledby="list">
        ${repeat(items, (item) => item.id, (item) => this.#renderItem(item))}
      </ul>`;
  }

  /** @param {ReturnType<AnnotationField["_items"]>[number]} item */
  #renderItem(item) {
    const words = ELEMENT_STRINGS.annotation;
    const what = this._describe(item);
    const known = this._labels.includes(item.label);
    return html`<li>
      <button type="button" class="what" aria-pressed=${String(item.id === this._selected)} @click=${() => this._select(item.id)}>
        ${this.#renderMark(item.mark)}<span class="name">${item.label}</span><span>${item.detail}</span>
      </button>
      ${item.fixed
        ? nothing
        : html`<select aria-label=${words.labelOf(what)} ?disabled=${this.isDisabled} .value=${live(item.label)}
            @change=${(/** @type {Event} */ event) => this._relabel(item.id, /** @type {HTMLSelectElement} */ (event.target).value)}>
            ${known ? nothing : html`<option selected>${item.label}</option>`}
            ${this._labels.map((label) => html`<option ?selected=${label === item.label}>${label}</option>`)}
          </select>`}
      <button type="button" class="remove" aria-label=${words.removeThis(what)} ?disabled=${this.isDisabled}
        @click=${() => this.#removeFromList(item.id)}>✕</button>
    </li>`;
  }

  /** @param {number} id */
  #removeFromList(id) {
    this._remove(id);
    this._view.focus({ preventScroll: true });
  }

  #renderKeys() {
    const words = ELEMENT_STRINGS.annotation;
    return html`<details>
      <summary>${words.keys}</summary>
      <dl>${[...this._keys, ...words.commonKeys].map(([key, meaning]) => html`<dt>${key}</dt><dd>${meaning}</dd>`)}</dl>
    </details>`;
  }

  /** A number in its colour, of the same size at every zoom. @param {AnnotationPoint} at @param {{text: string, color: string}} mark */
  _renderTag(at, mark) {
    const width = 10 + 8 * mark.text.length;
    return svg`<g transform=${`translate(${at.x} ${at.y}) scale(${1 / this._zoom})`}>
      <rect x=${-width / 2} y="-9" width=${width} height="18" rx="4" fill=${mark.color} stroke="#ffffff"></rect>
      <text class="tag" fill=${annotationInk(mark.color)}>${mark.text}</text>
    </g>`;
  }

  /** The keyboard's cross. */
  _renderCursor() {
    if (!this._cursor) return nothing;
    const path = "M-14 0H-4M4 0H14M0 -14V-4M0 4V14";
    return svg`<g class="cursor" transform=${`translate(${this._cursor.x} ${this._cursor.y}) scale(${1 / this._zoom})`}>
      <path class="cross" d=${path} stroke="#ffffff" style="stroke-width: 4"></path><path class="cross" d=${path} stroke="#101820"></path>
    </g>`;
  }
}
