// @ts-check

/** Which sides a handle moves: left, top, right, bottom. Clockwise from the upper left corner. */
const BOUNDING_BOX_HANDLES = [
  { left: true, top: true }, { top: true }, { right: true, top: true }, { right: true },
  { right: true, bottom: true }, { bottom: true }, { left: true, bottom: true }, { left: true },
];
/** A side shorter than this has no handle in its middle, in CSS pixels. */
const BOUNDING_BOX_SIDE_FOR_HANDLE = 60;

/**
 * Boxes around objects.
 *
 * Attributes: see `AnnotationField`. Answer: `{boundingBoxes: [{height, label, left, top, width}],
 * inputImageProperties: {height, width}}`, in whole pixels of the natural image; a box has at least one.
 */
class CrowdBoundingBox extends AnnotationShapes {
  /** Where a drag began. @type {AnnotationPoint} */
  _boxFrom = { x: 0, y: 0 };

  get _plural() {
    return "boundingBoxes";
  }

  get _closed() {
    return true;
  }

  get _keys() {
    return [...ELEMENT_STRINGS.annotation.boxKeys, ...ELEMENT_STRINGS.annotation.shapeKeys];
  }

  /** @param {AnnotationShape} shape */
  _write(shape) {
    const [from, to] = /** @type {[AnnotationPoint, AnnotationPoint]} */ (shape.points);
    return { height: to.y - from.y, label: shape.label, left: from.x, top: from.y, width: to.x - from.x };
  }

  /** @param {any} entry */
  _read(entry) {
    const [left, top] = [Math.round(entry.left), Math.round(entry.top)];
    return [{ x: left, y: top }, { x: left + Math.round(entry.width), y: top + Math.round(entry.height) }];
  }

  /** @param {AnnotationShape} shape */
  _detail(shape) {
    const [from, to] = /** @type {[AnnotationPoint, AnnotationPoint]} */ (shape.points);
    return ELEMENT_STRINGS.annotation.box(to.x - from.x, to.y - from.y, from.x, from.y);
  }

  /** @param {AnnotationPoint[]} points */
  _outline(points) {
    return annotationCorners(points);
  }

  /** @param {AnnotationShape} shape */
  _handles(shape) {
    return this.#sides(shape).map((sides) => this.#place(shape, sides));
  }

  /** @param {AnnotationShape} shape */
  #sides(shape) {
    const [from, to] = /** @type {[AnnotationPoint, AnnotationPoint]} */ (shape.points);
    const wide = (to.x - from.x) * this._zoom >= BOUNDING_BOX_SIDE_FOR_HANDLE;
    const high = (to.y - from.y) * this._zoom >= BOUNDING_BOX_SIDE_FOR_HANDLE;
    return BOUNDING_BOX_HANDLES.filter((sides) => (sides.left || sides.right || wide) && (sides.top || sides.bottom || high));
  }

  /** @param {AnnotationShape} shape @param {typeof BOUNDING_BOX_HANDLES[number]} sides */
  #place({ points }, sides) {
    const [from, to] = /** @type {[AnnotationPoint, AnnotationPoint]} */ (points);
    const x = sides.left ? from.x : sides.right ? to.x : (from.x + to.x) / 2;
    const y = sides.top ? from.y : sides.bottom ? to.y : (from.y + to.y) / 2;
    return { x, y };
  }

  /** @param {AnnotationShape} shape @param {number} handle @param {AnnotationPoint} to */
  _pull(shape, handle, to) {
    const sides = /** @type {typeof BOUNDING_BOX_HANDLES[number]} */ (this.#sides(shape)[handle]);
    const [a, b] = /** @type {[AnnotationPoint, AnnotationPoint]} */ (shape.points);
    return [
      { x: sides.left ? Math.min(to.x, b.x - 1) : a.x, y: sides.top ? Math.min(to.y, b.y - 1) : a.y },
      { x: sides.right ? Math.max(to.x, a.x + 1) : b.x, y: sides.bottom ? Math.max(to.y, a.y + 1) : b.y },
    ];
  }

  /** @param {AnnotationPoint} at */
  #drawn(at) {
    const from = this._whole(this._boxFrom);
    const to = this._whole(at);
    return [
      { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y) },
      { x: Math.max(from.x, to.x), y: Math.max(from.y, to.y) },
    ];
  }

  /** @param {AnnotationPoint} at */
  _begin(at) {
    this._boxFrom = at;
  }

  /** @param {AnnotationPoint} at */
  _extend(at) {
    this._selected = undefined;
    this._live = [...this._shapes, { id: 0, label: this._labels[this._label] ?? "", points: this.#drawn(at) }];
  }

  /** @param {AnnotationPoint} at @param {boolean} moved */
  _end(at, moved) {
    if (!moved) {
      this._select(this._shapes.findLast((shape) => annotationInside(this._outline(shape.points), at))?.id);
      return;
    }
    const [from, to] = /** @type {[AnnotationPoint, AnnotationPoint]} */ (this.#drawn(at));
    if (to.x > from.x && to.y > from.y) this._add([from, to]);
  }

  _createInMiddle() {
    const { left, top, right, bottom, middle } = this._seen();
    const width = Math.max(2, Math.round((right - left) / 4));
    const height = Math.max(2, Math.round((bottom - top) / 4));
    const from = { x: middle.x - Math.floor(width / 2), y: middle.y - Math.floor(height / 2) };
    this._add([this._whole(from), this._whole({ x: from.x + width, y: from.y + height })]);
  }

  /** Move the lower right corner. @param {AnnotationShape} shape @param {[number, number]} step */
  _resize(shape, [x, y]) {
    const [from, to] = /** @type {[AnnotationPoint, AnnotationPoint]} */ (shape.points);
    const corner = this._whole({ x: Math.max(from.x + 1, to.x + x), y: Math.max(from.y + 1, to.y + y) });
    this._change(shape, [from, corner], `resize ${shape.id}`);
    return true;
  }
}

defineElement("crowd-bounding-box", CrowdBoundingBox);
