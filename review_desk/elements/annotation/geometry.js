// @ts-check

/** @typedef {{x: number, y: number}} AnnotationPoint in pixels of the natural image */

/** @param {number} value @param {number} least @param {number} most */
function annotationClamp(value, least, most) {
  return Math.max(least, Math.min(most, value));
}

/** @param {AnnotationPoint} a @param {AnnotationPoint} b */
function annotationDistance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/**
 * How far a point is from a segment.
 * @param {AnnotationPoint} point @param {AnnotationPoint} a @param {AnnotationPoint} b
 */
function annotationSegmentDistance(point, a, b) {
  const square = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
  const share = square ? ((point.x - a.x) * (b.x - a.x) + (point.y - a.y) * (b.y - a.y)) / square : 0;
  const along = annotationClamp(share, 0, 1);
  return annotationDistance(point, { x: a.x + along * (b.x - a.x), y: a.y + along * (b.y - a.y) });
}

/**
 * How far a point is from a line through points.
 * @param {AnnotationPoint} point @param {AnnotationPoint[]} points @param {boolean} closed
 */
function annotationPathDistance(point, points, closed) {
  const first = points[0];
  if (!first) return Infinity;
  let nearest = points.length === 1 ? annotationDistance(point, first) : Infinity;
  for (let at = closed ? 0 : 1; at < points.length; at += 1) {
    const from = /** @type {AnnotationPoint} */ (points[(at || points.length) - 1]);
    nearest = Math.min(nearest, annotationSegmentDistance(point, from, /** @type {AnnotationPoint} */ (points[at])));
  }
  return nearest;
}

/**
 * Where a polygon crosses a horizontal line, from left to right.
 * @param {AnnotationPoint[]} points @param {number} y
 */
function annotationCrossings(points, y) {
  const found = [];
  for (let at = 0; at < points.length; at += 1) {
    const a = /** @type {AnnotationPoint} */ (points[at]);
    const b = /** @type {AnnotationPoint} */ (points[(at + 1) % points.length]);
    if (a.y <= y !== b.y <= y) found.push(a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x));
  }
  return found.sort((left, right) => left - right);
}

/** Whether a point is inside a polygon (even-odd rule). @param {AnnotationPoint[]} points @param {AnnotationPoint} point */
function annotationInside(points, point) {
  return annotationCrossings(points, point.y).filter((x) => x <= point.x).length % 2 === 1;
}

/** The four corners of the box between two points. @param {AnnotationPoint[]} points two of them */
function annotationCorners(points) {
  const [a, b] = /** @type {[AnnotationPoint, AnnotationPoint]} */ (points);
  return [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }];
}
