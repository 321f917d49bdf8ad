// @ts-check

/**
 * A choice about an image. Attributes of its own: `src`; `overlay`, what was drawn on the image before:
 * `{boundingBox: {value: [{label, left, top, width, height}]}}` in pixels,
 * `{semanticSegmentation: {src, labelMappings: {label: {color}}}}` or `{instanceSegmentation: {src, instances}}`.
 * Keys of its own: + and − zoom, 0 shows the whole image.
 */
class CrowdImageChoice extends CrowdChoiceField {
  static properties = { src: {}, overlay: {} };

  /** The key that shows the whole image. */
  _fitKey = "0";

  get _view() {
    return /** @type {ImageView | null} */ (this.renderRoot.querySelector("image-view"));
  }

  /** Whether the image can be seen. */
  get _isSeen() {
    return this._view?._status === "shown";
  }

  /** @returns {ImageBox[]} */
  get _boxes() {
    return this._literal("overlay")?.boundingBox?.value ?? [];
  }

  /** How the image is shown, as a CSS filter. */
  get _filter() {
    return "";
  }

  _renderTarget() {
    return html`<image-view
      .src=${this.src ?? ""}
      .boxes=${this._boxes}
      .mask=${imageMask(this._literal("overlay"))}
      .filter=${this._filter}
    ></image-view>`;
  }

  /**
   * @param {string} key
   * @param {KeyboardEvent} event
   */
  _press(key, event) {
    if (key === "+" || key === "=") this._view?.zoomBy(IMAGE_ZOOM_STEP);
    else if (key === "-") this._view?.zoomBy(1 / IMAGE_ZOOM_STEP);
    else if (key === this._fitKey) this._view?.fit();
    else return super._press(key, event);
    return true;
  }
}

/** The mask of an overlay, and what its colours mean. @param {any} overlay */
function imageMask(overlay) {
  const mask = overlay?.semanticSegmentation ?? overlay?.instanceSegmentation;
  if (!mask?.src) return undefined;
  const mapped = Object.entries(mask.labelMappings ?? {}).map(([label, entry]) => ({
    label,
    color: String(/** @type {any} */ (entry)?.color ?? ""),
  }));
  return { src: String(mask.src), regions: mask.instances ?? mapped };
}
