// @ts-check

/**
 * Which pixels show which object: a region for every single one.
 *
 * The brush goes on with the selected instance; without one it begins a new instance of the chosen label.
 * Attributes: see `AnnotationField`. Answer: `{labeledImage: {pngImageData}, instances: [{color, label}],
 * inputImageProperties: {height, width}}`; an instance without pixels is left out. At most 255 instances.
 */
class CrowdInstanceSegmentation extends AnnotationRegions {
  _target() {
    if (this._selected !== undefined) return this._selected;
    const taken = new Set(this._regions.map(({ id }) => id));
    let id = 1;
    while (taken.has(id)) id += 1;
    if (id > ANNOTATION_MOST_REGIONS) {
      this._say(ELEMENT_STRINGS.annotation.tooMany);
      return 0;
    }
    this._regions = [...this._regions, { id, label: this._labels[this._label] ?? "" }];
    this._selected = id;
    return id;
  }

  get _keys() {
    return [...super._keys, ...ELEMENT_STRINGS.annotation.instanceKeys];
  }

  _answer() {
    // While a stroke is being painted it is in the picture, but not measured yet.
    const measures = this._painting ? this._mask.measure() : this._measures;
    const instances = this._regions
      .filter(({ id }) => measures.has(id))
      .map(({ id, label }) => ({ color: annotationColor(id - 1), label }));
    return { labeledImage: { pngImageData: this._png() }, instances };
  }

  /** @param {any} answer */
  _colorsOf(answer) {
    const instances = Array.isArray(answer?.instances) ? answer.instances.slice(0, ANNOTATION_MOST_REGIONS) : [];
    return instances.map((/** @type {any} */ instance, /** @type {number} */ index) => ({
      region: { id: index + 1, label: String(instance?.label ?? "") },
      color: String(instance?.color),
    }));
  }

  /** Another label is another object. @param {number} index */
  _choose(index) {
    super._choose(index);
    this._selected = undefined;
  }

  /** A label has no colour here, its instances have. @param {string} label */
  _mark(label) {
    return { ...super._mark(label), color: "#d5dae1" };
  }

  /** @param {AnnotationRegion} region */
  _regionMark(region) {
    return { ...super._regionMark(region), text: `${region.id} ${region.label.slice(0, 12)}` };
  }

  /** @param {number} id */
  _forget(id) {
    this._regions = this._regions.filter((region) => region.id !== id);
  }

  /** @param {number} id @param {string} label */
  _relabel(id, label) {
    const regions = this._regions;
    this._regions = regions.map((region) => (region.id === id ? { id, label } : region));
    this._keep({ left: 0, top: 0, right: 0, bottom: 0 }, this._mask.pixels, regions);
  }

  _items() {
    return this._regions
      .filter(({ id }) => this._measures.has(id))
      .map((region) => ({
        id: region.id,
        label: region.label,
        mark: { text: String(region.id), color: annotationColor(region.id - 1) },
        detail: `${ELEMENT_STRINGS.annotation.instance(region.id)}, ${this._detailOf(region.id)}`,
      }));
  }

  /** @param {KeyboardEvent} event */
  _toolKey(event) {
    if (event.key.toLowerCase() !== "i" || event.altKey) return super._toolKey(event);
    this.#newInstance();
    return true;
  }

  #newInstance() {
    this._choose(this._label);
    this._say(ELEMENT_STRINGS.annotation.newInstance);
  }

  _renderTools() {
    return html`${super._renderTools()}
      <button type="button" class="new" ?disabled=${this.isDisabled} @click=${this.#newInstance}>${ELEMENT_STRINGS.annotation.newInstance}</button>`;
  }
}

defineElement("crowd-instance-segmentation", CrowdInstanceSegmentation);
