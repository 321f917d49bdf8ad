// @ts-check

/**
 * Polygons around objects.
 *
 * Attributes: see `AnnotationField`. Answer: `{polygons: [{label, vertices: [{x, y}]}], inputImageProperties: {height,
 * width}}`; a polygon has three vertices or more, and its first is not repeated at its end.
 */
class CrowdPolygon extends AnnotationPaths {
  get _plural() {
    return "polygons";
  }

  get _closed() {
    return true;
  }

  get _least() {
    return 3;
  }
}

defineElement("crowd-polygon", CrowdPolygon);
