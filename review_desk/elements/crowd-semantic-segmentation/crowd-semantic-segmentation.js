// @ts-check

/**
 * Which pixels show what: one region a label.
 *
 * Attributes: see `AnnotationField`. Answer: `{labeledImage: {pngImageData}, labelMappings: {label: {color}},
 * inputImageProperties: {height, width}}`; the mappings name every label, the PNG is base64.
 */
class CrowdSemanticSegmentation extends AnnotationRegions {
  _firstRegions() {
    return this._labels.map((label, index) => ({ id: index + 1, label }));
  }

  _target() {
    return this._label + 1;
  }

  /** What is selected is painted on with. @param {number | undefined} id */
  _select(id) {
    super._select(id);
    if (id !== undefined) this._label = id - 1;
  }

  _answer() {
    const mappings = this._regions.map(({ id, label }) => [label, { color: annotationColor(id - 1) }]);
    return { labeledImage: { pngImageData: this._png() }, labelMappings: Object.fromEntries(mappings) };
  }

  /** @param {any} answer */
  _colorsOf(answer) {
    /** @type {{region: AnnotationRegion, color: string}[]} */
    const colors = [];
    for (const [label, mapping] of Object.entries(answer?.labelMappings ?? {})) {
      const region = this._regions.find((candidate) => candidate.label === label);
      if (region) colors.push({ region, color: String(mapping?.color) });
      else complain(`<${this.localName}>: ${ELEMENT_STRINGS.annotation.unknownLabel(label)}`);
    }
    return colors;
  }

  _items() {
    return this._regions
      .filter(({ id }) => this._measures.has(id))
      .map((region) => ({
        id: region.id,
        label: region.label,
        mark: this._regionMark(region),
        detail: this._detailOf(region.id),
        fixed: true,
      }));
  }
}

defineElement("crowd-semantic-segmentation", CrowdSemanticSegmentation);
