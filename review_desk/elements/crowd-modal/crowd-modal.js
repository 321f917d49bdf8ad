// @ts-check

/** A dialog over the page. Attributes and methods: those of every dialog. */
class CrowdModal extends CrowdDialog {}

defineElement("crowd-modal", CrowdModal);
