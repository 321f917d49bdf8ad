// @ts-check

/**
 * Choose one category or more for an image.
 *
 * Attributes and keys: see CrowdImageChoice. Answer: `{labels: ["…"]}`.
 */
class CrowdImageClassifierMultiSelect extends CrowdImageChoice {
  _several = true;
}

defineElement("crowd-image-classifier-multi-select", CrowdImageClassifierMultiSelect);
