// @ts-check

/**
 * Single points, such as joints or corners of an eye.
 *
 * Attributes: see `AnnotationField`. Answer: `{keypoints: [{label, x, y}], inputImageProperties: {height, width}}`;
 * a point is a pixel, counted from 0.
 */
class CrowdKeypoint extends AnnotationShapes {
  get _plural() {
    return "keypoints";
  }

  get _keys() {
    return [...ELEMENT_STRINGS.annotation.keypointKeys, ...ELEMENT_STRINGS.annotation.shapeKeys];
  }

  get _limits() {
    const { x, y } = super._limits;
    return { x: Math.max(0, x - 1), y: Math.max(0, y - 1) };
  }

  /** @param {AnnotationShape} shape */
  _write(shape) {
    const { x, y } = /** @type {AnnotationPoint} */ (shape.points[0]);
    return { label: shape.label, x, y };
  }

  /** @param {any} entry */
  _read(entry) {
    return [{ x: entry.x, y: entry.y }];
  }

  /** @param {AnnotationShape} shape */
  _detail(shape) {
    const { x, y } = /** @type {AnnotationPoint} */ (shape.points[0]);
    return ELEMENT_STRINGS.annotation.at(x, y);
  }

  /** The pixel under the pointer, not the nearest corner between pixels. @param {AnnotationPoint} at */
  _whole(at) {
    return super._whole({ x: Math.floor(at.x), y: Math.floor(at.y) });
  }

  /** @param {AnnotationShape} shape */
  _handles(shape) {
    return shape.points.map(({ x, y }) => ({ x: x + 0.5, y: y + 0.5 }));
  }

  /** @param {AnnotationPoint} at */
  _extend(at) {
    this._selected = undefined;
    this._live = [...this._shapes, { id: 0, label: this._labels[this._label] ?? "", points: [this._whole(at)] }];
  }

  /** @param {AnnotationPoint} at */
  _end(at) {
    this._add([this._whole(at)]);
  }

  _createInMiddle() {
    this._add([this._whole(this._seen().middle)]);
  }

  /** @param {AnnotationPoint[]} points @param {string} color */
  _renderOutline([point], color) {
    const { x, y } = /** @type {AnnotationPoint} */ (point);
    const radius = 6 / this._zoom;
    const ring = `M${x + 0.5 - radius} ${y + 0.5}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0Z`;
    return svg`<path class="halo" d=${ring}></path><path class="line" d=${ring} stroke=${color}></path>
      <circle cx=${x + 0.5} cy=${y + 0.5} r=${1.5 / this._zoom} fill=${color}></circle>`;
  }
}

defineElement("crowd-keypoint", CrowdKeypoint);
