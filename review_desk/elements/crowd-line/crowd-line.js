// @ts-check

/**
 * Straight lines, dragged, or clicked at both ends.
 *
 * Attributes: see `AnnotationField`. Answer: `{lines: [{label, vertices: [{x, y}, {x, y}]}], inputImageProperties:
 * {height, width}}`.
 */
class CrowdLine extends AnnotationPaths {
  get _plural() {
    return "lines";
  }

  get _keys() {
    return [...ELEMENT_STRINGS.annotation.lineKeys, ...ELEMENT_STRINGS.annotation.shapeKeys];
  }

  /** @param {AnnotationPoint} at */
  _extend(at) {
    this._hover = this._whole(at);
  }

  /** @param {AnnotationPoint} at @param {boolean} moved */
  _end(at, moved) {
    if (moved && this._path?.length === 1) this._path = [...this._path, this._whole(at)];
    if ((this._path?.length ?? 0) >= 2) this._finish();
  }

  _createInMiddle() {
    const { left, right, middle } = this._seen();
    const half = Math.max(1, Math.round((right - left) / 8));
    this._add([this._whole({ x: middle.x - half, y: middle.y }), this._whole({ x: middle.x + half, y: middle.y })]);
  }
}

defineElement("crowd-line", CrowdLine);
