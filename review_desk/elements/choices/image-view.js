// @ts-check

const IMAGE_ZOOM_STEP = 1.25;
const IMAGE_ZOOM_MOST = 12;
const IMAGE_PAN_STEP = 60;

/**
 * An image that can be zoomed and moved, with boxes or a mask over it. For other elements, not for templates.
 *
 * @typedef {object} ImageBox
 * @property {string} label
 * @property {number} left in pixels of the image, or in shares of its width with `relative`
 * @property {number} top
 * @property {number} width
 * @property {number} height
 * @property {boolean} [relative]
 * @property {boolean} [faint] drawn dashed
 *
 * Properties: `src`; `boxes`: ImageBox[]; `mask`: `{src, regions: {label, color}[]}`, an image of the same shape drawn
 * over it; `filter`: a CSS filter for the image alone.
 * Methods: `zoomBy(factor)`, `fit()`. Keys while it has the focus: the arrow keys move the image.
 */
class ImageView extends CrowdElement {
  static properties = {
    src: {},
    boxes: { attribute: false },
    mask: { attribute: false },
    filter: { attribute: false },
    _status: { state: true },
    _attempt: { state: true },
    _zoom: { state: true },
    _at: { state: true },
    _size: { state: true },
    _dragged: { state: true },
  };

  static styles = [
    CrowdElement.base,
    css`
      :host { display: block; font-size: 1rem; line-height: 1.4; }
      .frame { position: relative; }
      .stage {
        position: relative; overflow: hidden; min-height: var(--image-view-least, 200px);
        max-height: var(--image-view-most, clamp(260px, 66vh, 1000px));
        border: 1px solid var(--crowd-line); border-radius: 8px; background: var(--crowd-stage);
      }
      .stage.zoomed { cursor: grab; touch-action: none; }
      .stage.dragged { cursor: grabbing; }
      .sheet { position: absolute; top: 0; left: 0; }
      img { display: block; width: 100%; height: 100%; user-select: none; }
      img.mask { position: absolute; inset: 0; filter: url(#without-white); opacity: 0.6; }
      svg { position: absolute; width: 0; height: 0; }
      .box { position: absolute; border: 2px solid #fff; outline: 2px solid #b3261e; outline-offset: 0; pointer-events: none; }
      .box.faint { border-style: dashed; outline-style: dashed; }
      .box span {
        position: absolute; top: 0; left: 0; padding: 0 5px; font-size: 0.8rem; white-space: nowrap; color: #fff;
        background: #b3261e;
      }
      .notice {
        position: absolute; inset: 0; display: flex; flex-direction: column; gap: 12px; align-items: center;
        justify-content: center; padding: 16px; text-align: center;
      }
      .tools { position: absolute; inset-inline-start: 8px; bottom: 8px; display: var(--image-view-tools, flex); gap: 4px; }
      button {
        min-width: 36px; min-height: 36px; padding: 2px 10px; border: 1px solid var(--crowd-line); border-radius: 6px;
        color: var(--crowd-ink); background: var(--crowd-surface); cursor: pointer;
      }
      button:hover { border-color: var(--crowd-accent); }
      ul { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 8px 0 0; padding: 0; list-style: none; }
      li { display: flex; gap: 6px; align-items: center; }
      i { width: 14px; height: 14px; border: 1px solid var(--crowd-line); border-radius: 3px; }
    `,
  ];

  #stage = createRef();

  constructor() {
    super();
    this.src = "";
    /** @type {ImageBox[]} */
    this.boxes = [];
    /** @type {{src: string, regions: {label: string, color: string}[]} | undefined} */
    this.mask = undefined;
    this.filter = "";
    /** @type {"loading" | "shown" | "broken"} */
    this._status = "loading";
    this._attempt = 0;
    this._zoom = 1;
    this._at = { x: 0, y: 0 };
    this._size = { width: 0, height: 0 };
    // Until the image is there; most photographs are like this.
    this._natural = { width: 4, height: 3 };
    this._dragged = false;
  }

  /** @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.has("src") && changed.get("src") !== undefined) this.#load();
  }

  firstUpdated() {
    const stage = /** @type {HTMLElement} */ (this.#stage.value);
    const observer = new ResizeObserver(() => {
      this._size = { width: stage.clientWidth, height: stage.clientHeight };
      this.#place(this._at.x, this._at.y);
    });
    observer.observe(stage);
  }

  render() {
    return html`<div class="frame">
        <div
          class=${classMap({ stage: true, zoomed: this._zoom > 1, dragged: this._dragged })}
          ${ref(this.#stage)}
          tabindex="0"
          role="group"
          aria-label=${ELEMENT_STRINGS.image.stage}
          style=${styleMap({ "aspect-ratio": `${this._natural.width} / ${this._natural.height}` })}
          @keydown=${this.#pan}
          @wheel=${this.#wheel}
          @pointerdown=${this.#grab}
          @pointermove=${this.#drag}
          @pointerup=${this.#drop}
          @pointercancel=${this.#drop}
          @dblclick=${this.fit}
        >
          ${this.#renderSheet()} ${this.#renderNotice()}
        </div>
        ${this._status === "shown" ? this.#renderTools() : nothing}
      </div>
      ${this.#renderRegions()}`;
  }

  #renderSheet() {
    if (!this.src || this._status === "broken") return nothing;
    const { width, height } = this.#shown();
    const style = {
      width: `${width}px`,
      height: `${height}px`,
      transform: `translate(${this._at.x}px, ${this._at.y}px)`,
      visibility: this._status === "shown" ? "visible" : "hidden",
    };
    return html`<div class="sheet" style=${styleMap(style)}>
      ${repeat(
        [this._attempt],
        (attempt) => attempt,
        () => html`<img
          class="image"
          src=${this.src}
          alt=${ELEMENT_STRINGS.image.alternative}
          draggable="false"
          style=${styleMap({ filter: this.filter || "none" })}
          @load=${this.#loaded}
          @error=${() => (this._status = "broken")}
        />`
      )}
      ${this.mask ? this.#renderMask(this.mask.src) : nothing}
      ${this.boxes.map((box) => this.#renderBox(box))}
    </div>`;
  }

  /** White is the background of a mask: the filter makes it transparent, whatever the origin. @param {string} src */
  #renderMask(src) {
    return html`<svg aria-hidden="true">
        <filter id="without-white" color-interpolation-filters="sRGB">
          <feColorMatrix values="1 0 0 0 0  0 1 0 0 0  0 0 1 0 0  -1 -1 -1 3 0" />
        </filter>
      </svg>
      <img class="mask" src=${src} alt="" draggable="false" />`;
  }

  /** @param {ImageBox} box */
  #renderBox(box) {
    const { width, height } = box.relative ? { width: 1, height: 1 } : this._natural;
    const style = {
      left: `${(100 * box.left) / width}%`,
      top: `${(100 * box.top) / height}%`,
      width: `${(100 * box.width) / width}%`,
      height: `${(100 * box.height) / height}%`,
    };
    return html`<div class=${classMap({ box: true, faint: Boolean(box.faint) })} style=${styleMap(style)}>
      <span>${box.label}</span>
    </div>`;
  }

  #renderNotice() {
    const strings = ELEMENT_STRINGS.image;
    if (!this.src) return html`<div class="notice" role="status">${strings.missing}</div>`;
    if (this._status === "loading") return html`<div class="notice" role="status">${strings.loading}</div>`;
    if (this._status === "shown") return nothing;
    return html`<div class="notice">
      <span role="alert">${strings.broken}</span>
      <button type="button" @click=${this.#load}>${strings.retry}</button>
    </div>`;
  }

  #renderTools() {
    const strings = ELEMENT_STRINGS.image;
    const tools = /** @type {[string, string, () => void][]} */ ([
      ["−", strings.zoomOut, () => this.zoomBy(1 / IMAGE_ZOOM_STEP)],
      ["+", strings.zoomIn, () => this.zoomBy(IMAGE_ZOOM_STEP)],
      ["⤢", strings.fit, () => this.fit()],
    ]);
    return html`<div class="tools">
      ${tools.map(
        ([icon, name, act]) =>
          html`<button type="button" aria-label=${name} title=${name} @click=${act}><span aria-hidden="true">${icon}</span></button>`
      )}
    </div>`;
  }

  #renderRegions() {
    if (!this.mask?.regions.length) return nothing;
    return html`<ul aria-label=${ELEMENT_STRINGS.image.mask}>
      ${this.mask.regions.map(
        ({ label, color }) => html`<li><i style=${styleMap({ background: color })}></i>${label}</li>`
      )}
    </ul>`;
  }

  /**
   * Zoom, keeping a point of the stage where it is.
   * @param {number} factor
   * @param {{x: number, y: number}} [around] in pixels of the stage; its middle by default
   */
  zoomBy(factor, around = { x: this._size.width / 2, y: this._size.height / 2 }) {
    const before = this._zoom;
    this._zoom = Math.min(IMAGE_ZOOM_MOST, Math.max(1, before * factor));
    const change = this._zoom / before;
    this.#place(around.x - (around.x - this._at.x) * change, around.y - (around.y - this._at.y) * change);
  }

  fit() {
    this._zoom = 1;
    this.#place(0, 0);
  }

  /** The size of the image as it is shown, in pixels. */
  #shown() {
    const share = Math.min(this._size.width / this._natural.width, this._size.height / this._natural.height);
    return { width: this._natural.width * share * this._zoom, height: this._natural.height * share * this._zoom };
  }

  /** Move the image, but leave no gap beside it that it could fill. @param {number} x @param {number} y */
  #place(x, y) {
    const shown = this.#shown();
    const within = (/** @type {number} */ at, /** @type {number} */ room) =>
      room >= 0 ? room / 2 : Math.min(0, Math.max(room, at));
    this._at = { x: within(x, this._size.width - shown.width), y: within(y, this._size.height - shown.height) };
  }

  /** Load the image, again if it was tried before. */
  #load() {
    this._status = "loading";
    this._attempt += 1;
  }

  /** @param {Event} event */
  #loaded(event) {
    const image = /** @type {HTMLImageElement} */ (event.target);
    this._natural = { width: image.naturalWidth || 1, height: image.naturalHeight || 1 };
    this._status = "shown";
    this.fit();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    if (this._status !== "shown") return;
    event.preventDefault();
    const corner = /** @type {HTMLElement} */ (this.#stage.value).getBoundingClientRect();
    const around = { x: event.clientX - corner.left, y: event.clientY - corner.top };
    this.zoomBy(event.deltaY < 0 ? IMAGE_ZOOM_STEP : 1 / IMAGE_ZOOM_STEP, around);
  }

  /** @param {KeyboardEvent} event */
  #pan(event) {
    const [x, y] = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if ((!x && !y) || event.ctrlKey || event.altKey || event.metaKey || this._zoom === 1) return;
    event.preventDefault();
    this.#place(this._at.x + x * IMAGE_PAN_STEP, this._at.y + y * IMAGE_PAN_STEP);
  }

  /** @param {PointerEvent} event */
  #grab(event) {
    if (event.button !== 0 || this._zoom === 1) return;
    /** @type {HTMLElement} */ (this.#stage.value).setPointerCapture(event.pointerId);
    this._dragged = true;
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (this._dragged) this.#place(this._at.x + event.movementX, this._at.y + event.movementY);
  }

  #drop() {
    this._dragged = false;
  }
}

defineElement("image-view", ImageView);
