// @ts-check

/** Zoom is pixels of the screen per pixel of the image. A larger page may also be shown whole. */
const DOCUMENT_LEAST_ZOOM = 0.25;
const DOCUMENT_MOST_ZOOM = 8;
const DOCUMENT_PAGE_MARGIN = 12;
/** How far the pointer moves, in pixels, before a press is a drag. */
const DOCUMENT_DRAG_START = 4;

/** @param {PageBox} box @param {number} turns quarter turns clockwise, 0 to 3 @returns {PageBox} */
function documentTurnedBox({ left, top, width, height }, turns) {
  if (turns === 1) return { left: 1 - top - height, top: left, width: height, height: width };
  if (turns === 2) return { left: 1 - left - width, top: 1 - top - height, width, height };
  if (turns === 3) return { left: top, top: 1 - left - width, width: height, height: width };
  return { left, top, width, height };
}

/** The smallest box around two. @param {PageBox} one @param {PageBox} other @returns {PageBox} */
function documentJoinedBox(one, other) {
  const left = Math.min(one.left, other.left);
  const top = Math.min(one.top, other.top);
  const right = Math.max(one.left + one.width, other.left + other.width);
  const bottom = Math.max(one.top + one.height, other.top + other.height);
  return { left, top, width: right - left, height: bottom - top };
}

/**
 * The transform that turns an image about its corner and back into view, for CSS and SVG alike.
 * @param {number} turns @param {number} width @param {number} height of the image
 */
function documentTurnedTransform(turns, width, height) {
  return ["matrix(1,0,0,1,0,0)", `matrix(0,1,-1,0,${height},0)`, `matrix(-1,0,0,-1,${width},${height})`, `matrix(0,-1,1,0,0,${width})`][turns];
}

/**
 * A page with its boxes, to zoom, move and turn.
 *
 * Properties: `src`; `alt`; `fields`, whose boxes are drawn; `words`, which can be picked; `active`, a field; `strings`.
 * Events: `page-field` {detail: field} when its box is clicked; `page-words` {detail: words} when words are clicked or
 * dragged over; `page-size` when the image is there or turned.
 */
class DocumentPageView extends CrowdElement {
  static shadowRootOptions = { ...LitElement.shadowRootOptions };
  static properties = {
    src: {},
    alt: {},
    fields: { attribute: false },
    words: { attribute: false },
    active: { attribute: false },
    turns: { state: true },
    _zoomShown: { state: true },
    _failed: { state: true },
    _hover: { state: true },
    _picked: { state: true },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: grid; grid-template-rows: auto minmax(0, 1fr); min-width: 0; min-height: 0; background: var(--crowd-backdrop); }
      button.tool {
        min-width: 32px; min-height: 32px; padding: 3px 10px; font-size: 14px; color: var(--crowd-ink);
        background: var(--crowd-surface); border: 1px solid var(--crowd-line); border-radius: 6px; cursor: pointer;
      }
      button.tool:hover { background: var(--crowd-raised); }
      .toolbar {
        display: flex; flex-wrap: wrap; align-items: center; gap: 6px; padding: 8px 12px; background: var(--crowd-surface);
        border-bottom: 1px solid var(--crowd-rule); white-space: nowrap;
      }
      output { min-width: 56px; text-align: center; font-variant-numeric: tabular-nums; color: var(--crowd-muted); font-size: 14px; }
      .canvas { position: relative; overflow: hidden; cursor: grab; touch-action: none; outline-offset: -3px; min-height: 0; }
      .canvas.word { cursor: text; }
      .canvas.moving { cursor: grabbing; }
      .page { position: absolute; left: 0; top: 0; transform-origin: 0 0; background: #fff; box-shadow: 0 1px 8px rgb(0 0 0 / 30%); --zoom: 1; }
      .page.gliding { transition: transform 140ms ease-out; }
      .sheet { position: absolute; left: 0; top: 0; transform-origin: 0 0; }
      img { display: block; user-select: none; -webkit-user-drag: none; }
      /* The page is white in dark mode, too, so what is drawn on it keeps its colours. */
      .box { position: absolute; margin: 0; padding: 0; cursor: pointer; background: none; border-radius: calc(3px / var(--zoom)); border: calc(1px / var(--zoom)) solid #5d6b7d; opacity: 0.55; }
      .box.low { border: calc(1.5px / var(--zoom)) dashed #b25e00; opacity: 0.9; }
      .box:hover { opacity: 1; background: rgb(29 91 191 / 10%); }
      .box.active { opacity: 1; border: calc(2.5px / var(--zoom)) solid #1d5bbf; background: rgb(29 91 191 / 7%); box-shadow: 0 0 0 calc(3px / var(--zoom)) rgb(29 91 191 / 25%); }
      .key, .pick, .hover { position: absolute; pointer-events: none; border-radius: calc(3px / var(--zoom)); }
      .key { border: calc(1.5px / var(--zoom)) solid #1d5bbf; opacity: 0.7; }
      .pick { background: rgb(255 176 32 / 40%); }
      .hover { background: rgb(29 91 191 / 16%); }
      .failed { position: absolute; inset: 0; display: grid; place-content: center; justify-items: center; gap: 12px; padding: 24px; text-align: center; }
      @media (prefers-reduced-motion: reduce) { .page.gliding { transition: none; } }
    `,
  ];

  /** @type {"field" | "page" | "width" | "free"} */
  mode = "field";
  #view = { x: 0, y: 0, zoom: 1 };
  #size = { width: 0, height: 0 };
  /** @type {{x: number, y: number, startX: number, startY: number, word: PageWord | null, box: boolean, moved: boolean} | null} */
  #drag = null;
  #dragged = false;
  #observer = new ResizeObserver(() => this.#resized());

  constructor() {
    super();
    this.src = "";
    this.alt = "";
    /** @type {DocumentField[]} */
    this.fields = [];
    /** @type {PageWord[]} */
    this.words = [];
    /** @type {DocumentField | null} */
    this.active = null;
    this.turns = 0;
    this._zoomShown = 100;
    this._failed = false;
    /** @type {PageWord | null} */
    this._hover = null;
    /** @type {PageWord[]} */
    this._picked = [];
  }

  connectedCallback() {
    super.connectedCallback();
    // The form moves its children once, when the page is parsed.
    if (this.hasUpdated) this.#observer.observe(this.#canvas);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#observer.disconnect();
  }

  /** Size of the image in pixels, as it lies in the file. */
  get imageSize() {
    return this.#size;
  }

  get zoom() {
    return this.#view.zoom;
  }

  render() {
    const words = ELEMENT_STRINGS.document;
    const tool = (/** @type {string} */ name, /** @type {string} */ text, /** @type {() => void} */ act, /** @type {string} */ title) =>
      html`<button type="button" class="tool" id=${name} aria-label=${title} title=${title} @mousedown=${documentKeepFocus} @click=${act}>${text}</button>`;
    return html`<div class="toolbar" role="toolbar" aria-label=${words.view.toolbar}>
        ${tool("zoom-out", "−", () => this.zoomBy(0.8), words.view.zoomOut)}
        <output id="zoom" aria-label=${words.view.zoom}>${this._zoomShown} %</output>
        ${tool("zoom-in", "+", () => this.zoomBy(1.25), words.view.zoomIn)}
        ${tool("fit-width", words.view.width, () => this.fitWidth(), words.view.fitWidth)}
        ${tool("fit-page", words.view.page, () => this.wholePage(), words.view.fitPage)}
        ${tool("fit-field", words.view.field, () => this.showField(), words.view.fitField)}
        ${tool("rotate-back", "↺", () => this.rotate(-1), words.view.rotateBack)}
        ${tool("rotate", "↻", () => this.rotate(1), words.view.rotate)}
        <slot></slot>
      </div>
      <div
        class=${classMap({ canvas: true, word: this._hover !== null })} id="canvas" tabindex="0" role="group" aria-label=${words.view.canvas}
        @mousedown=${documentKeepFocus} @pointerdown=${this.#press} @pointermove=${this.#move} @pointerup=${this.#release}
        @pointercancel=${this.#cancel} @pointerleave=${() => (this._hover = null)} @wheel=${this.#wheel} @keydown=${this.#key}
      >
        <div class="page" ?hidden=${this._failed || !this.src}>
          <div class="sheet"><img src=${this.src || nothing} alt=${this.alt} draggable="false" @load=${this.#loaded} @error=${() => (this._failed = true)} /></div>
          ${this.#renderMarks()}
        </div>
        ${this._failed
          ? html`<div class="failed" role="alert"><span>${words.view.failed}</span><button type="button" class="tool" @click=${this.#retry}>${words.view.retry}</button></div>`
          : this.src ? nothing : html`<div class="failed"><span>${words.view.noImage}</span></div>`}
      </div>`;
  }

  #renderMarks() {
    if (!this.#size.width) return nothing;
    const mark = (/** @type {string} */ kind, /** @type {PageBox | null} */ box) => (box ? html`<div class=${kind} style=${this.#place(box)}></div>` : nothing);
    return html`${mark("key", this.active && this.fields.includes(this.active) && this.active.keyBox !== this.active.box ? this.active.keyBox : null)}
      ${repeat(
        this.fields.filter((field) => field.box),
        (field) => field,
        (field) => html`<button
          type="button" tabindex="-1" class=${`box${field.isLow ? " low" : ""}${field === this.active ? " active" : ""}`}
          style=${this.#place(/** @type {PageBox} */ (field.box), 4)} aria-label=${ELEMENT_STRINGS.document.view.goTo(field.label)} title=${field.label}
          @click=${(/** @type {MouseEvent} */ event) => this.#clickBox(field, event)}
        ></button>`
      )}
      ${mark("hover", this._hover?.box ?? null)} ${this._picked.map((word) => mark("pick", word.box))}`;
  }

  /** Where a box lies on the page as it is turned. @param {PageBox} box @param {number} [margin] in pixels of the image */
  #place(box, margin = 0) {
    const { left, top, width, height } = documentTurnedBox(box, this.turns);
    const size = this.#turnedSize();
    const across = (margin / size.width) * 100;
    const down = (margin / size.height) * 75;
    return `left:${left * 100 - across}%;top:${top * 100 - down}%;width:${width * 100 + 2 * across}%;height:${height * 100 + 2 * down}%`;
  }

  firstUpdated() {
    this.#observer.observe(this.#canvas);
  }

  /** @param {Map<string, unknown>} changed */
  updated(changed) {
    if (changed.has("src")) this._failed = false;
    if (changed.has("active") && this.active && this.mode !== "page") this.showField();
  }

  get #canvas() {
    return /** @type {HTMLElement} */ (this.renderRoot.querySelector("#canvas"));
  }

  #turnedSize() {
    const { width, height } = this.#size;
    return this.turns % 2 ? { width: height, height: width } : { width, height };
  }

  #fitZoom() {
    const { width, height } = this.#turnedSize();
    if (!width) return 1;
    const canvas = this.#canvas;
    return Math.max(0.01, Math.min((canvas.clientWidth - 2 * DOCUMENT_PAGE_MARGIN) / width, (canvas.clientHeight - 2 * DOCUMENT_PAGE_MARGIN) / height));
  }

  #apply(glide = false) {
    const { width, height } = this.#turnedSize();
    const canvas = this.#canvas;
    const view = this.#view;
    // A part of the page stays in sight.
    view.x = Math.min(canvas.clientWidth - 60, Math.max(60 - width * view.zoom, view.x));
    view.y = Math.min(canvas.clientHeight - 60, Math.max(60 - height * view.zoom, view.y));
    const page = /** @type {HTMLElement} */ (this.renderRoot.querySelector(".page"));
    page.classList.toggle("gliding", glide);
    page.style.transform = `translate(${view.x}px,${view.y}px) scale(${view.zoom})`;
    page.style.setProperty("--zoom", String(view.zoom));
    this._zoomShown = Math.round(view.zoom * 100);
  }

  #resized() {
    if (!this.#size.width) return;
    if (this.mode === "page") this.wholePage(false);
    else if (this.mode === "width") this.fitWidth(false);
    else if (this.mode === "field") this.showField(false);
    else this.#apply();
  }

  #loaded() {
    const image = /** @type {HTMLImageElement} */ (this.renderRoot.querySelector("img"));
    this.#size = { width: image.naturalWidth, height: image.naturalHeight };
    this._failed = false;
    this.#lay();
    if (this.mode === "field") this.#view.zoom = this.#fitZoom();
    this.#resized();
  }

  /** Lay the image as it is turned. */
  #lay() {
    const { width, height } = this.#size;
    const page = /** @type {HTMLElement} */ (this.renderRoot.querySelector(".page"));
    const sheet = /** @type {HTMLElement} */ (this.renderRoot.querySelector(".sheet"));
    const turned = this.#turnedSize();
    page.style.width = `${turned.width}px`;
    page.style.height = `${turned.height}px`;
    sheet.style.transform = documentTurnedTransform(this.turns, width, height);
    this.requestUpdate();
    this.dispatchEvent(new Event("page-size"));
  }

  #retry() {
    const src = this.src;
    this.src = "";
    void this.updateComplete.then(() => (this.src = src));
  }

  /** @param {number} factor @param {number} [x] in pixels from the left of the pane @param {number} [y] */
  zoomBy(factor, x = this.#canvas.clientWidth / 2, y = this.#canvas.clientHeight / 2, glide = true) {
    if (!this.#size.width) return;
    this.mode = "free";
    const view = this.#view;
    const zoom = Math.min(DOCUMENT_MOST_ZOOM, Math.max(Math.min(DOCUMENT_LEAST_ZOOM, this.#fitZoom()), view.zoom * factor));
    view.x = x - ((x - view.x) * zoom) / view.zoom;
    view.y = y - ((y - view.y) * zoom) / view.zoom;
    view.zoom = zoom;
    this.#apply(glide);
  }

  /** @param {number} zoom @param {boolean} glide */
  #fit(zoom, glide) {
    const { width, height } = this.#turnedSize();
    const canvas = this.#canvas;
    const free = canvas.clientHeight - height * zoom;
    this.#view = { zoom, x: (canvas.clientWidth - width * zoom) / 2, y: free > 0 ? free / 2 : DOCUMENT_PAGE_MARGIN };
    this.#apply(glide);
  }

  wholePage(glide = true) {
    this.mode = "page";
    if (this.#size.width) this.#fit(this.#fitZoom(), glide);
  }

  fitWidth(glide = true) {
    this.mode = "width";
    const { width } = this.#turnedSize();
    if (width) this.#fit(Math.min(DOCUMENT_MOST_ZOOM, (this.#canvas.clientWidth - 2 * DOCUMENT_PAGE_MARGIN) / width), glide);
  }

  /** Turn the page by quarters, clockwise. @param {1 | -1} quarters */
  rotate(quarters) {
    if (!this.#size.width) return;
    this.turns = (this.turns + quarters + 4) % 4;
    this.#lay();
    this.wholePage(false);
  }

  /** Show the active field; the whole page if it has no place on it. */
  showField(glide = true) {
    this.mode = "field";
    if (!this.#size.width) return;
    const field = this.active;
    if (!field?.box || !this.fields.includes(field)) {
      this.#fit(this.#fitZoom(), glide);
      return;
    }
    const box = documentTurnedBox(field.box, this.turns);
    const { width, height } = this.#turnedSize();
    const { clientWidth: across, clientHeight: down } = this.#canvas;
    const view = this.#view;
    const share = (box.width * width * view.zoom) / across;
    const readable = box.height * height * view.zoom;
    // The zoom stays as it is while the field is easy to read at it: less movement for the eye.
    if (share > 0.75 || readable < 34 || readable > 90) {
      const wanted = Math.min((0.6 * across) / (box.width * width), 48 / (box.height * height), 3);
      view.zoom = Math.max(this.#fitZoom(), wanted);
    }
    const wide = width * view.zoom;
    const tall = height * view.zoom;
    const whole = field.keyBox ? documentJoinedBox(box, documentTurnedBox(field.keyBox, this.turns)) : box;
    // The key stays in sight beside its value where there is room for both.
    const shown = whole.width * wide < across - 4 * DOCUMENT_PAGE_MARGIN && whole.height * tall < down / 2 ? whole : box;
    const middle = { x: (shown.left + shown.width / 2) * wide, y: (shown.top + shown.height / 2) * tall };
    view.x = wide < across ? (across - wide) / 2 : Math.max(Math.min(across / 2 - middle.x, DOCUMENT_PAGE_MARGIN), across - wide - DOCUMENT_PAGE_MARGIN);
    view.y = tall < down ? (down - tall) / 2 : Math.max(Math.min(down * 0.42 - middle.y, DOCUMENT_PAGE_MARGIN), down - tall - DOCUMENT_PAGE_MARGIN);
    this.#apply(glide);
  }

  /** Field and whole page in turn. */
  toggleWholePage() {
    if (this.mode === "page") this.showField();
    else this.wholePage();
  }

  focus() {
    this.#canvas.focus();
  }

  // ---- Pointer ----------------------------------------------------------------------------------------------------

  /** The point of the page under the pointer, in shares of the page as it lies in the file. @param {{clientX: number, clientY: number}} event */
  #pagePoint(event) {
    const at = this.#canvas.getBoundingClientRect();
    const size = this.#turnedSize();
    const across = (event.clientX - at.left - this.#view.x) / this.#view.zoom / size.width;
    const down = (event.clientY - at.top - this.#view.y) / this.#view.zoom / size.height;
    return [
      { x: across, y: down },
      { x: down, y: 1 - across },
      { x: 1 - across, y: 1 - down },
      { x: 1 - down, y: across },
    ][this.turns];
  }

  /** @param {{clientX: number, clientY: number}} event @returns {PageWord | null} */
  #wordAt(event) {
    if (!this.#size.width) return null;
    const { x, y } = this.#pagePoint(event);
    const inside = (/** @type {PageWord} */ { box }) => box && x >= box.left && x <= box.left + box.width && y >= box.top && y <= box.top + box.height;
    return this.words.find(inside) ?? null;
  }

  /** @param {PointerEvent} event */
  #press(event) {
    this.#dragged = false;
    if (event.button !== 0 || !this.#size.width || this._failed) return;
    const target = /** @type {Element} */ (event.composedPath()[0]);
    const other = target.classList.contains("box") && !target.classList.contains("active") && !event.shiftKey;
    const { clientX: startX, clientY: startY } = event;
    this.#drag = { x: startX - this.#view.x, y: startY - this.#view.y, startX, startY, word: this.#wordAt(event), box: other, moved: false };
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const drag = this.#drag;
    if (!drag) {
      this._hover = this.#wordAt(event);
      return;
    }
    if (!drag.moved && Math.hypot(event.clientX - drag.startX, event.clientY - drag.startY) < DOCUMENT_DRAG_START) return;
    if (!drag.moved) this.#canvas.setPointerCapture(event.pointerId);
    drag.moved = true;
    this.#dragged = true;
    if (drag.word) {
      this._hover = null;
      this._picked = this.#wordsBetween({ clientX: drag.startX, clientY: drag.startY }, event);
      return;
    }
    this.mode = "free";
    this.#canvas.classList.add("moving");
    this.#view.x = event.clientX - drag.x;
    this.#view.y = event.clientY - drag.y;
    this.#apply();
  }

  #release() {
    const drag = this.#drag;
    if (!drag) return;
    const words = drag.moved ? this._picked : drag.word && !drag.box ? [drag.word] : [];
    this.#cancel();
    if (words.length) this.dispatchEvent(new CustomEvent("page-words", { detail: words }));
  }

  #cancel() {
    this.#drag = null;
    this._picked = [];
    this.#canvas.classList.remove("moving");
  }

  /** Words that a rectangle touches, in reading order. @param {{clientX: number, clientY: number}} from @param {{clientX: number, clientY: number}} to */
  #wordsBetween(from, to) {
    const a = this.#pagePoint(from);
    const b = this.#pagePoint(to);
    const [left, right, top, bottom] = [Math.min(a.x, b.x), Math.max(a.x, b.x), Math.min(a.y, b.y), Math.max(a.y, b.y)];
    const touches = (/** @type {PageWord} */ { box }) => box && box.left < right && box.left + box.width > left && box.top < bottom && box.top + box.height > top;
    return this.words.filter(touches).sort((one, other) => {
      const [p, q] = [/** @type {PageBox} */ (one.box), /** @type {PageBox} */ (other.box)];
      const sameLine = Math.abs(p.top + p.height / 2 - q.top - q.height / 2) < Math.min(p.height, q.height) / 2;
      return sameLine ? p.left - q.left : p.top - q.top;
    });
  }

  /** @param {DocumentField} field @param {MouseEvent} event */
  #clickBox(field, event) {
    if (this.#dragged || event.shiftKey) return;
    this.dispatchEvent(new CustomEvent("page-field", { detail: field }));
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    const at = this.#canvas.getBoundingClientRect();
    this.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.clientX - at.left, event.clientY - at.top, false);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const step = 60;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const move = moves[/** @type {keyof typeof moves} */ (event.key)];
    if (!move || !this.#size.width) return;
    event.preventDefault();
    this.mode = "free";
    this.#view.x += move[0];
    this.#view.y += move[1];
    this.#apply();
  }
}

/** The focus stays in the field while the page is handled. @param {MouseEvent} event */
function documentKeepFocus(event) {
  const root = /** @type {Element} */ (event.currentTarget).getRootNode();
  const outer = root instanceof ShadowRoot ? root.host.getRootNode() : root;
  const focused = outer instanceof ShadowRoot ? outer.activeElement : document.activeElement;
  if (focused?.matches("input")) event.preventDefault();
}

defineElement("document-page-view", DocumentPageView);
