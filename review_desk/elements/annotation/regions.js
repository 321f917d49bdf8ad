// @ts-check

/** @typedef {{id: number, label: string}} AnnotationRegion `id`: 1 to 255, the number of its pixels in the mask */
/** @typedef {{area: AnnotationArea, before: Uint8Array, after: Uint8Array, regionsBefore: AnnotationRegion[], regionsAfter: AnnotationRegion[]}} AnnotationStep */

/** How much may be kept for undo, in bytes; each step keeps two copies of the area that it changed. */
const ANNOTATION_HISTORY_BYTES = 128 * 1024 * 1024;
const ANNOTATION_MOST_REGIONS = 255;
/** In pixels of the image. */
const ANNOTATION_BRUSHES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];
/** How far a colour of an earlier mask may be from the one that its answer names, of 441: lossy formats and soft edges. */
const ANNOTATION_COLOR_DISTANCE = 60;

/**
 * Regions of an image, painted: brush, eraser, and areas.
 *
 * `initial-value` is an earlier answer: the colours of its regions, and their picture as `labeledImage.pngImageData` or
 * as the address `src`. The answer's PNG has one colour a region, and is transparent where nothing is. The image
 * itself never gets into that canvas: it is of another origin, and would make it unreadable.
 */
class AnnotationRegions extends AnnotationField {
  static properties = {
    _tool: { state: true },
    _brush: { state: true },
    _regions: { state: true },
    _corners: { state: true },
    _hover: { state: true },
    _penDown: { state: true },
    _loadingMask: { state: true },
    _maskFailed: { state: true },
    _revision: { state: true },
  };

  constructor() {
    super();
    /** @type {"brush" | "eraser" | "fill"} */
    this._tool = "brush";
    /** Position in ANNOTATION_BRUSHES. */
    this._brush = 8;
    /** @type {AnnotationRegion[]} */
    this._regions = [];
    /** @type {AnnotationPoint[] | undefined} of the area that is being drawn */
    this._corners = undefined;
    /** @type {AnnotationPoint | undefined} where the mouse is */
    this._hover = undefined;
    this._penDown = false;
    this._loadingMask = false;
    this._maskFailed = false;
    this._mask = new AnnotationMask(1, 1);
    this._canvas = document.createElement("canvas");
    /** @type {Map<number, {count: number, at: AnnotationPoint}>} */
    this._measures = new Map();
    /** @type {{past: AnnotationStep[], future: AnnotationStep[]}} */
    this._history = { past: [], future: [] };
    this._revision = 0;
    /** Whether what was loaded, or what can no longer be undone, differs from the initial value. */
    this._loadedModified = false;
    /** @type {{before: Uint8Array, regions: AnnotationRegion[], region: number, area: AnnotationArea | undefined, last: AnnotationPoint} | undefined} */
    this._painting = undefined;
    /** @type {{revision: number, png: string} | undefined} */
    this._encoded = undefined;
    this._loads = 0;
  }

  // ---- for subclasses --------------------------------------------------------------------------------------------

  /** The regions of a new image. @returns {AnnotationRegion[]} */
  _firstRegions() {
    return [];
  }

  /** The region that is painted next, made if need be; 0 if there cannot be one. @returns {number} */
  _target() {
    return 0;
  }

  /**
   * What an answer says of its picture: its regions and their colours.
   * @param {any} _answer @returns {{region: AnnotationRegion, color: string}[]}
   */
  _colorsOf(_answer) {
    return [];
  }

  // ---- answer ----------------------------------------------------------------------------------------------------

  get _submittableValue() {
    // What was put back and is not decoded yet is the answer as it stands.
    return this._size && (this._loadingMask || this._maskFailed) ? this._restored : super._submittableValue;
  }

  get _modified() {
    return this._loadedModified || this._history.past.length > 0;
  }

  /** The picture as base64, without `data:` before it. */
  _png() {
    if (this._encoded?.revision !== this._revision) {
      this._encoded = { revision: this._revision, png: this._canvas.toDataURL("image/png").replace(/^[^,]*,/, "") };
    }
    return this._encoded.png;
  }

  _problem() {
    const words = ELEMENT_STRINGS.annotation;
    if (this._maskFailed) return words.maskFailed;
    return super._problem() || (this._loadingMask ? words.maskLoading : "") || (this._corners ? words.unfinished : "");
  }

  /** @param {any} answer */
  async _load(answer) {
    const { width, height } = /** @type {{width: number, height: number}} */ (this._size);
    const source = answer === undefined ? this._literal("initial-value", undefined) : answer;
    this._loads += 1;
    const load = this._loads;
    this._cancel();
    this._mask = new AnnotationMask(width, height);
    Object.assign(this._canvas, { width, height });
    this._regions = this._firstRegions();
    this._history = { past: [], future: [] };
    this._loadedModified = answer === undefined ? false : Boolean(answer?.initialValueModified);
    this._selected = undefined;
    this._maskFailed = false;
    const address = annotationPicture(source);
    this._loadingMask = address !== "";
    this._painted({ left: 0, top: 0, right: width, bottom: height });
    if (!address) return;
    try {
      const picture = await annotationPixels(address, width, height);
      if (load !== this._loads) return;
      this.#take(picture, this._colorsOf(source));
    } catch (error) {
      if (load !== this._loads) return;
      console.warn(`<${this.localName}>: ${/** @type {Error} */ (error).message}`);
      this._maskFailed = true;
    }
    this._loadingMask = false;
    this._painted({ left: 0, top: 0, right: width, bottom: height });
  }

  /** Find the regions of a picture. @param {Uint8ClampedArray} picture RGBA @param {{region: AnnotationRegion, color: string}[]} colors */
  #take(picture, colors) {
    const known = colors.map(({ region, color }) => ({ id: region.id, channels: annotationChannels(color) }));
    for (const { region } of colors) if (!this._regions.some(({ id }) => id === region.id)) this._regions.push(region);
    /** @type {Map<number, number>} */
    const regions = new Map();
    new Uint32Array(picture.buffer).forEach((pixel, at) => {
      // Red is the lowest byte, alpha the highest.
      if (pixel >>> 24 < 128) return;
      let region = regions.get(pixel);
      if (region === undefined) {
        region = annotationNearestColor([pixel & 255, (pixel >>> 8) & 255, (pixel >>> 16) & 255], known);
        regions.set(pixel, region);
      }
      this._mask.pixels[at] = region;
    });
  }

  #loadAgain() {
    this._load(this._restored);
    this._view.focus();
  }

  // ---- painting --------------------------------------------------------------------------------------------------

  get _ready() {
    return !this._loadingMask && !this._maskFailed;
  }

  get _diameter() {
    return /** @type {number} */ (ANNOTATION_BRUSHES[this._brush]);
  }

  /** Show what has changed. @param {AnnotationArea} area */
  #show(area) {
    if (area.right <= area.left || area.bottom <= area.top) return;
    const context = this._canvas.getContext("2d", { willReadFrequently: true });
    context?.putImageData(this._mask.image(area, (region) => annotationColor(region - 1)), area.left, area.top);
    this._revision += 1;
  }

  /** Show and measure. @param {AnnotationArea} area */
  _painted(area) {
    this.#show(area);
    this._measures = this._mask.measure();
    this.requestUpdate();
  }

  /** @param {AnnotationPoint} at */
  #beginStroke(at) {
    const regions = this._regions;
    const region = this._tool === "eraser" ? 0 : this._target();
    if (this._tool !== "eraser" && !region) return;
    this._painting = { before: this._mask.pixels.slice(), regions, region, area: undefined, last: at };
    this.#stroke(at);
  }

  /** @param {AnnotationPoint} at */
  #stroke(at) {
    const painting = this._painting;
    if (!painting) return;
    const area = this._mask.stroke(painting.last, at, this._diameter, painting.region);
    painting.last = at;
    painting.area = painting.area ? annotationUnion(painting.area, area) : area;
    this.#show(area);
  }

  #endStroke() {
    const painting = this._painting;
    this._painting = undefined;
    if (painting?.area) this._keep(painting.area, painting.before, painting.regions);
  }

  /** Fill the area that was drawn. */
  #fill() {
    const corners = this._corners ?? [];
    if (corners.length < 3) {
      this._say(ELEMENT_STRINGS.annotation.tooFew(3));
      return;
    }
    const regions = this._regions;
    const region = this._target();
    this._cancel();
    if (!region) return;
    const before = this._mask.pixels.slice();
    this._keep(this._mask.fill(corners, region), before, regions);
  }

  /**
   * Keep a change so that it can be undone, unless it changed nothing.
   * @param {AnnotationArea} area @param {Uint8Array} before all pixels @param {AnnotationRegion[]} regionsBefore
   */
  _keep(area, before, regionsBefore) {
    const step = { area, before: this._mask.cut(area, before), after: this._mask.cut(area), regionsBefore, regionsAfter: this._regions };
    const same = step.before.length > 0 && step.before.every((region, at) => region === step.after[at]);
    if (same) {
      this.#putRegions(regionsBefore);
      return;
    }
    this._history.past.push(step);
    this._history.future = [];
    this.#forgetOldSteps();
    this._painted(area);
    this._changed();
  }

  /** The last step stays, however large it is. */
  #forgetOldSteps() {
    const past = this._history.past;
    let bytes = past.reduce((sum, step) => sum + 2 * step.before.length, 0);
    while (bytes > ANNOTATION_HISTORY_BYTES && past.length > 1) {
      bytes -= 2 * /** @type {AnnotationStep} */ (past.shift()).before.length;
      this._loadedModified = true;
    }
  }

  _cancel() {
    const painting = this._painting;
    if (painting) {
      this._painting = undefined;
      this._mask.pixels.set(painting.before);
      this.#putRegions(painting.regions);
      if (painting.area) this.#show(painting.area);
    }
    this._corners = undefined;
    this._cursor = undefined;
    this._penDown = false;
  }

  get _canUndo() {
    return Boolean(this._corners) || this._history.past.length > 0;
  }

  get _canRedo() {
    return this._history.future.length > 0;
  }

  _undo() {
    if (this._corners) {
      this.#takeBack();
      return;
    }
    this.#endStroke();
    this._penDown = false;
    const step = this._history.past.pop();
    if (!step) return;
    this._history.future.push(step);
    this.#travel(step.area, step.before, step.regionsBefore, ELEMENT_STRINGS.annotation.undone);
  }

  _redo() {
    const step = this._corners || this._painting ? undefined : this._history.future.pop();
    if (!step) return;
    this._history.past.push(step);
    this.#travel(step.area, step.after, step.regionsAfter, ELEMENT_STRINGS.annotation.redone);
  }

  /** @param {AnnotationArea} area @param {Uint8Array} piece @param {AnnotationRegion[]} regions @param {string} text */
  #travel(area, piece, regions, text) {
    this._mask.paste(area, piece);
    this.#putRegions(regions);
    this._painted(area);
    this._say(text);
    this._changed();
  }

  /** @param {AnnotationRegion[]} regions */
  #putRegions(regions) {
    this._regions = regions;
    if (!regions.some(({ id }) => id === this._selected)) this._selected = undefined;
  }

  #takeBack() {
    const corners = (this._corners ?? []).slice(0, -1);
    if (corners.length) this._corners = corners;
    else this._cancel();
  }

  /** Take a region's pixels away. @param {number} id */
  _remove(id) {
    const item = this._items().find((candidate) => candidate.id === id);
    if (!item || !this._ready) return;
    this.#leaveCross();
    const before = this._mask.pixels.slice();
    const regions = this._regions;
    this._forget(id);
    if (this._selected === id) this._selected = undefined;
    this._keep(this._mask.clear(id), before, regions);
    this._say(ELEMENT_STRINGS.annotation.removed(this._describe(item)));
  }

  /** A region whose pixels are taken away. @param {number} _id */
  _forget(_id) {}

  _removeSelected() {
    if (this._selected !== undefined) this._remove(this._selected);
    this._view.focus({ preventScroll: true });
  }

  /** @param {"brush" | "eraser" | "fill"} tool */
  #use(tool) {
    this.#leaveCross();
    this._tool = tool;
    this._say(ELEMENT_STRINGS.annotation[tool]);
  }

  /** @param {number} by */
  #resizeBrush(by) {
    this._brush = annotationClamp(this._brush + by, 0, ANNOTATION_BRUSHES.length - 1);
    this._say(`${ELEMENT_STRINGS.annotation.brushSize}: ${this._diameter}`);
  }

  // ---- pointer ---------------------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  _pointerDown(event) {
    if (!this._ready) return;
    const at = this._at(event);
    if (this._tool === "fill") this.#addCorner(at);
    else this.#beginStroke(at);
  }

  /** @param {AnnotationPoint} at */
  #addCorner(at) {
    const size = this._mask;
    const corners = this._corners ?? [];
    const first = corners[0];
    const corner = { x: annotationClamp(Math.round(at.x), 0, size.width), y: annotationClamp(Math.round(at.y), 0, size.height) };
    if (first && corners.length >= 3 && annotationDistance(at, first) * this._zoom <= ANNOTATION_REACH) this.#fill();
    else if (annotationDistance(corner, corners.at(-1) ?? { x: -1, y: -1 }) > 0) this._corners = [...corners, corner];
  }

  /** @param {PointerEvent} event */
  _pointerMove(event) {
    // A fast hand moves further than a frame shows.
    for (const part of event.getCoalescedEvents?.() ?? []) this.#stroke(this._at(part));
    this._hover = this._at(event);
    this.#stroke(this._hover);
  }

  _pointerLeave() {
    this._hover = undefined;
  }

  _pointerUp() {
    this.#endStroke();
  }

  _pointerCancelled() {
    this.#endStroke();
  }

  // ---- keys ------------------------------------------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  _toolKey(event) {
    if (event.altKey || !this._ready) return false;
    const key = event.key.toLowerCase();
    const step = this._cursor && this._step(event);
    if (step) this.#moveCross(step);
    else if (key === "b") this.#use("brush");
    else if (key === "e") this.#use("eraser");
    else if (key === "p") this.#use("fill");
    else if (key === "[") this.#resizeBrush(-1);
    else if (key === "]") this.#resizeBrush(1);
    else if (key === "n" && this._labels.length) this.#cross();
    else if (key === "enter" && this._corners) this.#fill();
    else if (key === "backspace" && this._corners) this.#takeBack();
    else if (key === "escape" && this._painting && !this._penDown) this._cancel();
    else if (key === "escape" && (this._cursor || this._corners)) this.#leaveCross();
    else return false;
    return true;
  }

  /** What the key N does: bring the cross, then draw with it. */
  #cross() {
    const words = ELEMENT_STRINGS.annotation;
    if (!this._cursor) {
      const { middle } = this._seen();
      this._moveCursor(middle.x, middle.y);
    } else if (this._tool === "fill") this.#addCorner(this._cursor);
    else if (this._penDown) {
      this.#endStroke();
      this._penDown = false;
      this._say(words.penUp);
    } else {
      this.#beginStroke(this._cursor);
      this._penDown = Boolean(this._painting);
      if (this._penDown) this._say(words.penDown);
    }
  }

  /** @param {[number, number]} step */
  #moveCross([x, y]) {
    const from = /** @type {AnnotationPoint} */ (this._cursor);
    this._moveCursor(from.x + x, from.y + y);
    if (this._penDown && this._cursor) this.#stroke(this._cursor);
  }

  /** What was painted stays; an area that is not finished goes. */
  #leaveCross() {
    this.#endStroke();
    this._cancel();
  }

  /** @param {number} index */
  _choose(index) {
    this.#endStroke();
    this._penDown = false;
    super._choose(index);
  }

  // ---- what is seen ----------------------------------------------------------------------------------------------

  get _keys() {
    return ELEMENT_STRINGS.annotation.maskKeys;
  }

  /** @param {number} id */
  _detailOf(id) {
    return ELEMENT_STRINGS.annotation.area(this._measures.get(id)?.count ?? 0);
  }

  /** Number and colour of a region. @param {AnnotationRegion} region */
  _regionMark(region) {
    return { text: String(region.id), color: annotationColor(region.id - 1) };
  }

  _renderTools() {
    const words = ELEMENT_STRINGS.annotation;
    const tools = /** @type {const} */ (["brush", "eraser", "fill"]);
    return html`${tools.map(
        (tool) => html`<button type="button" class=${tool} aria-pressed=${String(this._tool === tool)} ?disabled=${this.isDisabled}
          @click=${() => this.#use(tool)}>${words[tool]}</button>`
      )}
      <label class="size">${words.brushSize}
        <input type="range" min="0" max=${ANNOTATION_BRUSHES.length - 1} step="1" .value=${live(String(this._brush))} aria-valuetext=${this._diameter}
          ?disabled=${this.isDisabled} @input=${this.#sizeChosen} @change=${(/** @type {Event} */ event) => event.stopPropagation()} />
        <span>${this._diameter}</span></label>`;
  }

  /** @param {Event} event */
  #sizeChosen(event) {
    // Not an answer: the form need not hear of it.
    event.stopPropagation();
    this._brush = Number(/** @type {HTMLInputElement} */ (event.target).value);
  }

  /** @param {{width: number, height: number}} size */
  _renderPlane(size) {
    const tags = this._regions.filter((region) => this._measures.has(region.id));
    return html`${this._canvas}<svg viewBox=${`0 0 ${size.width} ${size.height}`} aria-hidden="true">
      ${tags.map((region) => this._renderTag(/** @type {{at: AnnotationPoint}} */ (this._measures.get(region.id)).at, this._regionMark(region)))}
      ${this.#renderCorners()} ${this.#renderBrush()} ${this._renderCursor()}
    </svg>`;
  }

  #renderCorners() {
    if (!this._corners) return nothing;
    const next = this._cursor ?? this._hover;
    const points = next ? [...this._corners, next] : this._corners;
    const path = points.map(({ x, y }, index) => `${index ? "L" : "M"}${x} ${y}`).join("");
    return svg`<path class="halo" d=${path}></path><path class="line" d=${path} stroke="#101820"></path>
      ${this._corners.map((at) => svg`<circle class="handle" cx=${at.x} cy=${at.y} r=${5 / this._zoom}></circle>`)}`;
  }

  /** How large the brush is, around the cross or the mouse. */
  #renderBrush() {
    const middle = this._cursor ?? this._hover;
    if (!middle || this._tool === "fill") return nothing;
    const radius = this._diameter / 2;
    return svg`<circle class="halo" cx=${middle.x} cy=${middle.y} r=${radius}></circle>
      <circle class="line brush" cx=${middle.x} cy=${middle.y} r=${radius} stroke="#101820"
        stroke-dasharray=${this._painting ? "none" : 5 / this._zoom}></circle>`;
  }

  _renderNotice() {
    const words = ELEMENT_STRINGS.annotation;
    if (this._maskFailed)
      return html`<div class="message" role="alert"><p>${words.maskFailed}</p>
        <button type="button" class="again" @click=${this.#loadAgain}>${words.again}</button></div>`;
    return this._loadingMask ? html`<div class="message" role="status"><p>${words.maskLoading}</p></div>` : nothing;
  }
}

/** Where the picture of an answer is; "" if it has none. @param {any} answer @returns {string} */
function annotationPicture(answer) {
  const png = answer?.labeledImage?.pngImageData;
  if (typeof png === "string" && png) return `data:image/png;base64,${png}`;
  const address = answer?.src ?? answer?.labeledImage?.src;
  return typeof address === "string" ? address : "";
}

/**
 * The pixels of a picture, in the size of the image. One of another origin must allow it (CORS).
 * @param {string} address @param {number} width @param {number} height @returns {Promise<Uint8ClampedArray>} RGBA
 */
async function annotationPixels(address, width, height) {
  const image = new Image();
  image.crossOrigin = "anonymous";
  image.src = address;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

/**
 * The region whose colour is nearest, or 0 if none is near.
 * @param {[number, number, number]} channels @param {{id: number, channels: [number, number, number]}[]} known
 */
function annotationNearestColor(channels, known) {
  let nearest = { id: 0, distance: ANNOTATION_COLOR_DISTANCE };
  for (const { id, channels: own } of known) {
    const distance = Math.hypot(channels[0] - own[0], channels[1] - own[1], channels[2] - own[2]);
    if (distance < nearest.distance) nearest = { id, distance };
  }
  return nearest.id;
}
