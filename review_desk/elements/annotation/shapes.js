// @ts-check

/** @typedef {{id: number, label: string, points: AnnotationPoint[]}} AnnotationShape a box has two points: its upper left and its lower right corner */

/**
 * Shapes over an image: drawn, selected, moved, relabelled, deleted, undone.
 *
 * `initial-value` is a list of what the answer has. A click on a border selects, as A2I's widgets do, so that a shape
 * can be begun inside another one; the inside of what is selected moves it, unless Shift is held.
 */
class AnnotationShapes extends AnnotationField {
  static properties = {
    _shapes: { state: true },
    _live: { state: true },
    _path: { state: true },
    _hover: { state: true },
    _vertex: { state: true },
  };

  constructor() {
    super();
    /** @type {AnnotationShape[]} */
    this._shapes = [];
    /** @type {AnnotationShape[] | undefined} what is seen while something is dragged */
    this._live = undefined;
    /** @type {AnnotationPoint[] | undefined} points of what is being drawn */
    this._path = undefined;
    /** @type {AnnotationPoint | undefined} where the next point would be */
    this._hover = undefined;
    /** @type {number | undefined} the one point that the arrow keys move */
    this._vertex = undefined;
    /** @type {{from: AnnotationPoint, shape?: AnnotationShape, handle?: number, moved: boolean} | undefined} */
    this._drag = undefined;
    /** @type {{past: AnnotationShape[][], future: AnnotationShape[][], tag: string}} `tag` joins steps of one kind */
    this._history = { past: [], future: [], tag: "" };
    this._lastId = 0;
  }

  // ---- for subclasses --------------------------------------------------------------------------------------------

  /** The answer's name for the list. */
  get _plural() {
    return "";
  }

  /** @param {AnnotationShape} _shape @returns {Record<string, unknown>} as in the answer */
  _write(_shape) {
    throw new Error("a subclass writes the answer");
  }

  /** @param {any} _entry of an answer @returns {AnnotationPoint[]} NaN where it says nothing */
  _read(_entry) {
    throw new Error("a subclass reads the answer");
  }

  /** @param {AnnotationShape} shape @returns {AnnotationPoint[]} from where it can be changed */
  _handles(shape) {
    return shape.points;
  }

  /** @param {AnnotationShape} shape @param {number} handle @param {AnnotationPoint} to @returns {AnnotationPoint[]} */
  _pull(shape, handle, to) {
    return shape.points.map((point, index) => (index === handle ? to : point));
  }

  /** The line of a shape. @param {AnnotationPoint[]} points */
  _outline(points) {
    return points;
  }

  get _closed() {
    return false;
  }

  /** How far right and down a point may be; an area ends behind its last pixel. */
  get _limits() {
    const size = this._size ?? { width: 0, height: 0 };
    return { x: size.width, y: size.height };
  }

  /** @param {AnnotationShape} _shape @returns {string} for the list */
  _detail(_shape) {
    return "";
  }

  /** Begin a shape. @param {AnnotationPoint} _at */
  _begin(_at) {}
  /** The pointer moves while a shape is begun. @param {AnnotationPoint} _at */
  _extend(_at) {}
  /** The pointer is let go of. @param {AnnotationPoint} _at @param {boolean} _moved */
  _end(_at, _moved) {}
  /** Make a shape by the keyboard. */
  _createInMiddle() {}
  /** @param {KeyboardEvent} _event */
  _pathKey(_event) {
    return false;
  }

  // ---- answer ----------------------------------------------------------------------------------------------------

  _answer() {
    return { [this._plural]: this._shapes.map((shape) => this._write(shape)) };
  }

  /** @param {unknown} answer */
  _load(answer) {
    this._shapes = this.#shapesOf(answer === undefined ? this._literal("initial-value", []) : answer);
    this._initial ??= JSON.stringify(this.#shapesOf(this._literal("initial-value", [])).map((shape) => this._write(shape)));
    this._history = { past: [], future: [], tag: "" };
    this._cancel();
  }

  /** @param {any} value a list, or an answer with that list */
  #shapesOf(value) {
    const entries = Array.isArray(value) ? value : value?.[this._plural];
    /** @type {AnnotationShape[]} */
    const shapes = [];
    for (const entry of Array.isArray(entries) ? entries : []) {
      const points = this._read(entry ?? {}).map(({ x, y }) => ({ x: Math.round(Number(x)), y: Math.round(Number(y)) }));
      if (!points.length || points.some(({ x, y }) => !Number.isFinite(x) || !Number.isFinite(y))) {
        complain(`<${this.localName}>: ${ELEMENT_STRINGS.annotation.unreadable(JSON.stringify(entry))}`);
        continue;
      }
      shapes.push({ id: this.#nextId(), label: String(entry.label ?? ""), points });
    }
    return shapes;
  }

  get _modified() {
    return JSON.stringify(this._shapes.map((shape) => this._write(shape))) !== this._initial;
  }

  _problem() {
    return super._problem() || (this._path ? ELEMENT_STRINGS.annotation.unfinished : "");
  }

  // ---- changes ---------------------------------------------------------------------------------------------------

  #nextId() {
    this._lastId += 1;
    return this._lastId;
  }

  /** @param {AnnotationShape[]} shapes @param {string} [tag] equal tags in a row are undone together */
  _commit(shapes, tag = "") {
    if (!tag || tag !== this._history.tag) this._history.past = [...this._history.past, this._shapes];
    this._history.future = [];
    this._history.tag = tag;
    this._shapes = shapes;
    this._changed();
  }

  get _canUndo() {
    return Boolean(this._path) || this._history.past.length > 0;
  }

  get _canRedo() {
    return this._history.future.length > 0;
  }

  _undo() {
    if (this._path) {
      this._takeBack();
      return;
    }
    const before = this._history.past.pop();
    if (!before) return;
    this._history.future.push(this._shapes);
    this.#travel(before, ELEMENT_STRINGS.annotation.undone);
  }

  _redo() {
    const after = this._path ? undefined : this._history.future.pop();
    if (!after) return;
    this._history.past.push(this._shapes);
    this.#travel(after, ELEMENT_STRINGS.annotation.redone);
  }

  /** @param {AnnotationShape[]} shapes @param {string} text */
  #travel(shapes, text) {
    this._history.tag = "";
    this._shapes = shapes;
    this._vertex = undefined;
    if (!shapes.some((shape) => shape.id === this._selected)) this._selected = undefined;
    this._say(text);
    this._changed();
  }

  get _chosen() {
    return this._shapes.find((shape) => shape.id === this._selected);
  }

  /** @param {number | undefined} id */
  _select(id) {
    this._vertex = undefined;
    super._select(id);
  }

  /** @param {AnnotationPoint[]} points whole pixels */
  _add(points) {
    const shape = { id: this.#nextId(), label: this._labels[this._label] ?? "", points };
    this._commit([...this._shapes, shape]);
    this._select(shape.id);
    this._say(ELEMENT_STRINGS.annotation.added(this._describe({ label: shape.label, detail: this._detail(shape) })));
  }

  /** @param {AnnotationShape} shape @param {AnnotationPoint[]} points @param {string} [tag] */
  _change(shape, points, tag) {
    const changed = { ...shape, points };
    if (JSON.stringify(points) === JSON.stringify(shape.points)) return;
    this._commit(this._shapes.map((other) => (other.id === shape.id ? changed : other)), tag);
    this._say(this._detail(changed));
  }

  /** @param {number} id @param {string} label */
  _relabel(id, label) {
    const shape = this._shapes.find((candidate) => candidate.id === id);
    if (!shape || shape.label === label) return;
    this._commit(this._shapes.map((other) => (other === shape ? { ...shape, label } : other)));
    this._say(ELEMENT_STRINGS.annotation.changed(this._describe({ label, detail: this._detail(shape) })));
  }

  /** @param {number} id */
  _remove(id) {
    const shape = this._shapes.find((candidate) => candidate.id === id);
    if (!shape) return;
    this._commit(this._shapes.filter((other) => other !== shape));
    if (this._selected === id) this._select(undefined);
    this._say(ELEMENT_STRINGS.annotation.removed(this._describe({ label: shape.label, detail: this._detail(shape) })));
  }

  _removeSelected() {
    if (this._selected !== undefined) this._remove(this._selected);
    this._view.focus({ preventScroll: true });
  }

  _cancel() {
    this._path = undefined;
    this._hover = undefined;
    this._cursor = undefined;
    this._live = undefined;
    this._drag = undefined;
    this._vertex = undefined;
  }

  /** Take the last point of what is being drawn back. */
  _takeBack() {
    const path = (this._path ?? []).slice(0, -1);
    if (path.length) this._path = path;
    else this._cancel();
  }

  /** Whole pixels inside the image. @param {AnnotationPoint} at */
  _whole(at) {
    const { x, y } = this._limits;
    return { x: annotationClamp(Math.round(at.x), 0, x), y: annotationClamp(Math.round(at.y), 0, y) };
  }

  /** @param {AnnotationPoint[]} points @param {number} x @param {number} y how far, in pixels; less at the image's edge */
  _shift(points, x, y) {
    const { x: right, y: bottom } = this._limits;
    const xs = points.map((point) => point.x);
    const ys = points.map((point) => point.y);
    const byX = annotationClamp(Math.round(x), -Math.min(...xs), right - Math.max(...xs));
    const byY = annotationClamp(Math.round(y), -Math.min(...ys), bottom - Math.max(...ys));
    return points.map((point) => ({ x: point.x + byX, y: point.y + byY }));
  }

  // ---- pointer ---------------------------------------------------------------------------------------------------

  /** @param {PointerEvent} event */
  _pointerDown(event) {
    const at = this._at(event);
    const grasped = this._path || event.shiftKey ? undefined : this.#grasp(at);
    this._drag = { from: at, moved: false, ...grasped };
    if (!grasped) this._begin(at);
    else if (grasped.shape.id !== this._selected) this._select(grasped.shape.id);
  }

  /** What is under a point: a handle or the inside of what is selected, or a border. @param {AnnotationPoint} at */
  #grasp(at) {
    const reach = ANNOTATION_REACH / this._zoom;
    const chosen = this._chosen;
    if (chosen) {
      const distances = this._handles(chosen).map((handle) => annotationDistance(handle, at));
      const nearest = Math.min(...distances);
      // Something small keeps a middle by which it can be moved.
      const limit = this._closed ? Math.min(reach, Math.max(4 / this._zoom, this.#extent(chosen) / 4)) : reach;
      if (nearest <= limit) return { shape: chosen, handle: distances.indexOf(nearest) };
      if (this._closed && annotationInside(this._outline(chosen.points), at)) return { shape: chosen };
    }
    const near = this._shapes
      .map((shape) => ({ shape, distance: annotationPathDistance(at, this._outline(shape.points), this._closed) }))
      .filter(({ distance }) => distance <= (this._closed ? reach / 2 : reach))
      .sort((a, b) => a.distance - b.distance)[0];
    return near && { shape: near.shape };
  }

  /** The shorter side of what is around a shape, in pixels. @param {AnnotationShape} shape */
  #extent(shape) {
    const xs = shape.points.map((point) => point.x);
    const ys = shape.points.map((point) => point.y);
    return Math.min(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  }

  /** @param {PointerEvent} event */
  _pointerMove(event) {
    const at = this._at(event);
    const drag = this._drag;
    if (!drag) {
      this._hover = this._path ? this._whole(at) : undefined;
      return;
    }
    drag.moved ||= annotationDistance(at, drag.from) * this._zoom > ANNOTATION_SLACK;
    if (!drag.moved) return;
    const { shape, handle, from } = drag;
    if (!shape) {
      this._extend(at);
      return;
    }
    const points =
      handle === undefined
        ? this._shift(shape.points, at.x - from.x, at.y - from.y)
        : this._pull(shape, handle, this._whole(at));
    this._live = this._shapes.map((other) => (other.id === shape.id ? { ...shape, points } : other));
  }

  /** @param {PointerEvent} event */
  _pointerUp(event) {
    const drag = this._drag;
    if (!drag) return;
    const live = this._live;
    this._drag = undefined;
    this._live = undefined;
    if (!drag.shape) this._end(this._at(event), drag.moved);
    else if (drag.moved) {
      const changed = live?.find((shape) => shape.id === drag.shape?.id);
      if (changed) this._change(drag.shape, changed.points);
    } else if (drag.handle !== undefined && this._handles(drag.shape).length > 1 && this._handles(drag.shape) === drag.shape.points)
      this._vertex = drag.handle;
  }

  _pointerCancelled() {
    this._drag = undefined;
    this._live = undefined;
  }

  // ---- keys ------------------------------------------------------------------------------------------------------

  /** @param {KeyboardEvent} event */
  _toolKey(event) {
    if (event.key === "Escape" && (this._drag || this._path)) this._cancel();
    else if (this._path) return this._pathKey(event);
    else if (event.key.toLowerCase() === "n" && !event.altKey && this._labels.length) this._createInMiddle();
    else if (this._chosen) return this.#shapeKey(event, this._chosen);
    else return false;
    return true;
  }

  /** @param {KeyboardEvent} event @param {AnnotationShape} shape */
  #shapeKey(event, shape) {
    const step = this._step(event);
    if (step && event.altKey) return this._resize(shape, step);
    if (step) this.#nudge(shape, step);
    else if (event.key === "Backspace") this._removeSelected();
    else if (event.key === "Delete" && this._vertex !== undefined) this.#removeVertex(shape, this._vertex);
    else if (event.key.toLowerCase() === "v" && this._handles(shape) === shape.points && shape.points.length > 1) this.#nextVertex(shape);
    else if (event.shiftKey && /^Digit[1-9]$/.test(event.code)) {
      const label = this._labels[Number(event.code.slice(-1)) - 1];
      if (label !== undefined) this._relabel(shape.id, label);
    } else return false;
    return true;
  }

  /** @param {AnnotationShape} shape @param {[number, number]} step */
  #nudge(shape, [x, y]) {
    const vertex = this._vertex;
    const own = vertex === undefined ? undefined : shape.points[vertex];
    const points =
      own === undefined || vertex === undefined
        ? this._shift(shape.points, x, y)
        : this._pull(shape, vertex, this._whole({ x: own.x + x, y: own.y + y }));
    this._change(shape, points, `move ${shape.id} ${vertex ?? ""}`);
  }

  /** @param {AnnotationShape} _shape @param {[number, number]} _step @returns {boolean} whether it can be resized */
  _resize(_shape, _step) {
    return false;
  }

  /** @param {AnnotationShape} shape */
  #nextVertex(shape) {
    const next = this._vertex === undefined ? 0 : this._vertex + 1;
    this._vertex = next < shape.points.length ? next : undefined;
    const words = ELEMENT_STRINGS.annotation;
    this._say(this._vertex === undefined ? words.selected(shape.label) : words.vertex(next + 1, shape.points.length));
  }

  /** The fewest points of a shape. */
  get _least() {
    return 1;
  }

  /** @param {AnnotationShape} shape @param {number} vertex */
  #removeVertex(shape, vertex) {
    if (shape.points.length <= this._least) {
      this._say(ELEMENT_STRINGS.annotation.tooFew(this._least));
      return;
    }
    this._vertex = undefined;
    this._change(shape, shape.points.filter((_point, index) => index !== vertex));
  }

  // ---- what is seen ----------------------------------------------------------------------------------------------

  _items() {
    return this._shapes.map((shape) => ({
      id: shape.id,
      label: shape.label,
      mark: this._mark(shape.label),
      detail: this._detail(shape),
    }));
  }

  /** @param {{width: number, height: number}} size */
  _renderPlane(size) {
    return html`<svg viewBox=${`0 0 ${size.width} ${size.height}`} aria-hidden="true">
      ${(this._live ?? this._shapes).map((shape) => this.#renderShape(shape))} ${this.#renderPath()} ${this._renderCursor()}
    </svg>`;
  }

  /** @param {AnnotationShape} shape */
  #renderShape(shape) {
    const selected = shape.id === this._selected;
    const mark = this._mark(shape.label);
    return svg`<g class=${selected ? "shape selected" : "shape"}>
      ${this._renderOutline(shape.points, mark.color)} ${this._renderTag(this.#tagPlace(shape), mark)}
      ${selected ? this._handles(shape).map((handle, index) => this.#renderHandle(handle, index === this._vertex)) : nothing}
    </g>`;
  }

  /** Above the shape's beginning, or below it at the image's upper edge. @param {AnnotationShape} shape */
  #tagPlace(shape) {
    const first = /** @type {AnnotationPoint} */ (shape.points[0]);
    const above = first.y * this._zoom > 8;
    return { x: first.x + 15 / this._zoom, y: first.y + (above ? -15 : 17) / this._zoom };
  }

  /** @param {AnnotationPoint[]} points @param {string} color */
  _renderOutline(points, color) {
    const outline = this._outline(points);
    const path = outline.map(({ x, y }, index) => `${index ? "L" : "M"}${x} ${y}`).join("") + (this._closed ? "Z" : "");
    return svg`${this._closed ? svg`<path class="fill" d=${path} fill=${color}></path>` : nothing}
      <path class="halo" d=${path}></path><path class="line" d=${path} stroke=${color}></path>`;
  }

  /** @param {AnnotationPoint} at @param {boolean} active */
  #renderHandle(at, active) {
    return svg`<circle class=${active ? "handle active" : "handle"} cx=${at.x} cy=${at.y} r=${5 / this._zoom}></circle>`;
  }

  #renderPath() {
    if (!this._path) return nothing;
    const next = this._cursor ?? this._hover;
    const points = next ? [...this._path, next] : this._path;
    const path = points.map(({ x, y }, index) => `${index ? "L" : "M"}${x} ${y}`).join("");
    const { color } = this._mark(this._labels[this._label] ?? "");
    return svg`<g class="path"><path class="halo" d=${path}></path><path class="line" d=${path} stroke=${color}></path>
      ${this._path.map((point) => this.#renderHandle(point, false))}</g>`;
  }
}

/**
 * Shapes of several points, which are clicked one after another.
 * Answer: `[{label, vertices: [{x, y}]}]`.
 */
class AnnotationPaths extends AnnotationShapes {
  /** @param {AnnotationShape} shape */
  _write(shape) {
    return { label: shape.label, vertices: shape.points.map(({ x, y }) => ({ x, y })) };
  }

  /** @param {any} entry */
  _read(entry) {
    return Array.isArray(entry.vertices) ? entry.vertices : [];
  }

  /** @param {AnnotationShape} shape */
  _detail(shape) {
    const { x, y } = /** @type {AnnotationPoint} */ (shape.points[0]);
    return ELEMENT_STRINGS.annotation.points(shape.points.length, x, y);
  }

  get _keys() {
    return [...ELEMENT_STRINGS.annotation.pathKeys, ...ELEMENT_STRINGS.annotation.shapeKeys];
  }

  get _least() {
    return 2;
  }

  /** @param {AnnotationPoint} at */
  _begin(at) {
    const path = this._path;
    if (!path) {
      this._select(undefined);
      this._path = [this._whole(at)];
    } else if (this.#ends(at, path)) this._finish();
    else this._path = this.#with(path, this._whole(at));
    this._hover = undefined;
  }

  /** Add a point, unless it is where the last one is. @param {AnnotationPoint[]} path @param {AnnotationPoint} point */
  #with(path, point) {
    const last = path.at(-1);
    return last?.x === point.x && last.y === point.y ? path : [...path, { ...point }];
  }

  /** A click on the last point ends a shape, one on the first closes it. @param {AnnotationPoint} at @param {AnnotationPoint[]} path */
  #ends(at, path) {
    const near = (/** @type {AnnotationPoint | undefined} */ point, /** @type {number} */ reach) =>
      point !== undefined && annotationDistance(at, point) * this._zoom <= reach;
    if (path.length < this._least) return false;
    return near(path.at(-1), ANNOTATION_SLACK) || (this._closed && near(path[0], ANNOTATION_REACH));
  }

  _finish() {
    const path = this._path ?? [];
    if (path.length < this._least) {
      this._say(ELEMENT_STRINGS.annotation.tooFew(this._least));
      return;
    }
    this._cancel();
    this._add(path);
  }

  _createInMiddle() {
    const { middle } = this._seen();
    this._select(undefined);
    this._path = [middle];
    this._moveCursor(middle.x, middle.y);
  }

  /** @param {KeyboardEvent} event */
  _pathKey(event) {
    const path = /** @type {AnnotationPoint[]} */ (this._path);
    const last = /** @type {AnnotationPoint} */ (path.at(-1));
    const step = this._step(event);
    const cursor = this._cursor ?? last;
    if (step && !event.altKey) this._moveCursor(cursor.x + step[0], cursor.y + step[1]);
    else if (event.key === "Enter") this._finish();
    else if (event.key === "Backspace" || event.key === "Delete") this._takeBack();
    else if (event.key.toLowerCase() === "n" && !event.altKey) {
      const longer = this.#with(path, cursor);
      this._path = longer;
      this._say(ELEMENT_STRINGS.annotation.vertex(longer.length, longer.length));
    } else return false;
    return true;
  }
}
