// @ts-check

/** A check box. Attributes, properties and answer: those of every choice. */
class CrowdCheckbox extends CrowdChoice {}

defineElement("crowd-checkbox", CrowdCheckbox);
