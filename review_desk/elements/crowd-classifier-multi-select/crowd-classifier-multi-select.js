// @ts-check

/**
 * Choose one category or more for what stands in `<classification-target>`.
 *
 * Attributes and keys: see CrowdChoiceField. Answer: `{labels: ["…"]}`.
 */
class CrowdClassifierMultiSelect extends CrowdChoiceField {
  _several = true;
}

defineElement("crowd-classifier-multi-select", CrowdClassifierMultiSelect);
