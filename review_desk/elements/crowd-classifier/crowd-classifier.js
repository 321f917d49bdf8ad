// @ts-check

/**
 * Choose one category for what stands in `<classification-target>`: text, sound, a video, a document.
 *
 * Attributes and keys: see CrowdChoiceField. Answer: `{label: "…"}`.
 */
class CrowdClassifier extends CrowdChoiceField {}

defineElement("crowd-classifier", CrowdClassifier);
