// @ts-check

/**
 * Lines of several pieces, such as roads.
 *
 * Attributes: see `AnnotationField`. Answer: `{polylines: [{label, vertices: [{x, y}]}], inputImageProperties: {height,
 * width}}`; a polyline has two vertices or more.
 */
class CrowdPolyline extends AnnotationPaths {
  get _plural() {
    return "polylines";
  }
}

defineElement("crowd-polyline", CrowdPolyline);
