// @ts-check

/** What a classifier asks about: any content. */
class ClassificationTarget extends HTMLElement {}

defineElement("classification-target", ClassificationTarget);
