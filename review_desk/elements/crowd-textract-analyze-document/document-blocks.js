// @ts-check

/**
 * Textract's blocks as fields that a reviewer reads, and back again.
 *
 * Blocks are those of AnalyzeDocument with names in camelCase, as A2I gives them: KEY_VALUE_SET blocks of entity type
 * KEY and VALUE, and their WORD or SELECTION_ELEMENT children. A block may lack its geometry and its confidence, and a
 * geometry may have the polygon alone: `selectedAiServiceResponse` has such blocks.
 *
 * @typedef {{left: number, top: number, width: number, height: number}} PageBox shares of the page, 0 to 1
 * @typedef {{id: string, text: string, confidence?: number, page: number, box: PageBox | null}} PageWord
 * @typedef {"" | "blank" | "missing" | "unreadable" | "notPair"} FieldMark what a reviewer says instead of a value
 * @typedef {{kind: "pair" | "word" | "missing" | "sampled", limit?: number}} RoutingReason limit in percent
 */

const DOCUMENT_ANSWER = "AWS/Textract/AnalyzeDocument/Forms/V1";
/** Under which confidence, in percent, something is called low as long as the task names no threshold. */
const DOCUMENT_USUAL_LIMIT = 80;

/** @param {any} block @returns {PageBox | null} */
function documentBlockBox(block) {
  const box = block?.geometry?.boundingBox;
  if (box?.width > 0 && box?.height > 0) return { left: box.left, top: box.top, width: box.width, height: box.height };
  const polygon = block?.geometry?.polygon;
  if (!Array.isArray(polygon) || polygon.length < 3) return null;
  const across = polygon.map((point) => point.x);
  const down = polygon.map((point) => point.y);
  const left = Math.min(...across);
  const top = Math.min(...down);
  return { left, top, width: Math.max(...across) - left, height: Math.max(...down) - top };
}

/** @param {any} block @returns {PageWord} */
function documentWord(block) {
  return { id: block.id, text: String(block.text ?? ""), confidence: block.confidence, page: block.page ?? 1, box: documentBlockBox(block) };
}

/** Blocks by id, and what they are related to. */
class DocumentBlockIndex {
  /** @param {any[]} blocks */
  constructor(blocks) {
    this.blocks = Array.isArray(blocks) ? blocks.filter((block) => block && typeof block === "object") : [];
    this.byId = new Map(this.blocks.map((block) => [block.id, block]));
  }

  /** @param {any} block @param {"VALUE" | "CHILD"} type @returns {any[]} */
  related(block, type) {
    const relationships = (block?.relationships ?? []).filter((/** @type {any} */ one) => one.type === type);
    return relationships.flatMap((/** @type {any} */ one) => (one.ids ?? []).map((/** @type {string} */ id) => this.byId.get(id)).filter(Boolean));
  }

  /** @param {any} block @returns {any[]} its WORD blocks */
  words(block) {
    return this.related(block, "CHILD").filter((child) => child.blockType === "WORD");
  }

  get keys() {
    return this.blocks.filter((block) => block.blockType === "KEY_VALUE_SET" && block.entityTypes?.includes("KEY"));
  }
}

/** @param {{text?: string}[]} words */
function documentWordsText(words) {
  return words.map((word) => word.text ?? "").join(" ");
}

/** Keys are the same whatever their case, spaces and colon: Textract keeps the colon. @param {string} key */
function documentComparableKey(key) {
  return key.trim().replace(/\s*:$/, "").replace(/\s+/g, " ").toLowerCase();
}

/** A random UUID. `crypto.randomUUID` is not there without HTTPS. */
function documentRandomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * A key and its value: found by Textract, or an important key that Textract missed.
 *
 * What comes of it in the answer: a pair that stands, its blocks; a corrected one, the same with the WORD blocks of
 * the new text (a word that is on the page keeps its id); value blank, a VALUE block without children; unreadable, the
 * KEY block alone; not a pair and key not in the document, nothing.
 */
class DocumentField {
  /** @type {FieldMark} */
  mark = "";
  /** @type {"unseen" | "seen" | "accepted"} */
  state = "unseen";
  /** @type {PageWord[]} words of the page that the reviewer has put into this field */
  picked = [];
  /** @type {RoutingReason[]} why it is here */
  reasons = [];
  /** Whether a reviewer must see it. */
  check = false;
  /** @type {number | undefined} the threshold of its key, in percent */
  limit;
  /** @type {number} under which confidence, in percent, a word is underlined */
  wordLimit = DOCUMENT_USUAL_LIMIT;
  /** @type {Map<string, string>} ids of words that a reviewer has typed, by position and text */
  #typedIds = new Map();

  /**
   * @param {number} position in the order of the blocks
   * @param {{label: string, important: boolean, key?: any, keyWords?: any[], values?: any[], children?: any[]}} content
   */
  constructor(position, { label, important, key, keyWords = [], values = [], children = [] }) {
    this.position = position;
    this.label = label;
    this.important = important;
    this.fromModel = Boolean(key);
    this.keyBlock = key;
    this.valueBlock = values[0];
    this.keyId = key?.id ?? documentRandomId();
    this.valueId = values[0]?.id ?? documentRandomId();
    this.keyWords = key
      ? keyWords.map((word) => ({ id: word.id, text: word.text }))
      : label.split(/\s+/).filter(Boolean).map((text) => ({ id: documentRandomId(), text }));
    /** @type {PageWord[]} */
    this.words = children.filter((child) => child.blockType === "WORD").map(documentWord);
    this.selection = this.words.length ? undefined : children.find((child) => child.blockType === "SELECTION_ELEMENT");
    this.read = this.selection ? (this.selection.selectionStatus ?? "NOT_SELECTED") : documentWordsText(this.words);
    this.text = this.read;
    this.page = values[0]?.page ?? key?.page ?? 1;
    this.keyBox = documentBlockBox(key);
    this.box = documentBlockBox(values[0]) ?? this.keyBox;
    const confidences = [key, ...values, ...children].map((block) => block?.confidence).filter((one) => typeof one === "number");
    /** @type {number | undefined} the lowest of pair and words, in percent */
    this.confidence = confidences.length ? Math.min(...confidences) : undefined;
    /** @type {number | undefined} of the pair alone, in percent */
    this.pairConfidence = key?.confidence;
  }

  /** What it is called in a draft: the same each time the task is opened. */
  get name() {
    return this.fromModel ? this.keyId : this.label;
  }

  get isCorrected() {
    return !this.mark && this.text !== this.read;
  }

  get isHandled() {
    return this.state === "accepted" || this.mark !== "" || this.isCorrected;
  }

  get isOpen() {
    return this.check && this.state === "unseen" && !this.isHandled;
  }

  get isLow() {
    return this.confidence === undefined ? this.check : this.confidence < (this.limit ?? DOCUMENT_USUAL_LIMIT);
  }

  /** Accept what stands there. An important key without a value is thereby not in the document. */
  accept() {
    this.state = "accepted";
    if (!this.fromModel && !this.mark && this.text.trim() === "") this.mark = "missing";
  }

  /** @param {string} text */
  type(text) {
    this.mark = "";
    this.text = text;
    this.see();
  }

  /** Set a mark, or take it back. @param {FieldMark} mark */
  toggle(mark) {
    this.mark = this.mark === mark ? "" : mark;
    this.see();
  }

  see() {
    if (this.state === "unseen") this.state = "seen";
  }

  reset() {
    this.mark = "";
    this.state = "unseen";
    this.text = this.read;
    this.picked = [];
  }

  /** The blocks of this field in the answer: words of the key, words of the value, KEY, VALUE. */
  get blocks() {
    const empty = this.text.trim() === "" && !this.mark;
    if (this.mark === "missing" || this.mark === "notPair" || (!this.fromModel && empty)) return [];
    const children = this.mark ? [] : this.#valueChildren();
    const hasValue = this.mark !== "unreadable" && (this.valueBlock || this.mark === "blank" || !empty);
    const relationships = [];
    if (hasValue) relationships.push({ type: "VALUE", ids: [this.valueId] });
    if (this.keyWords.length) relationships.push({ type: "CHILD", ids: this.keyWords.map((word) => word.id) });
    const blocks = [...this.keyWords.map((word) => ({ blockType: "WORD", ...word })), ...children, documentPairBlock("KEY", this.keyId, this.keyBlock, relationships)];
    if (hasValue) {
      const ids = children.map((child) => child.id);
      blocks.push(documentPairBlock("VALUE", this.valueId, this.valueBlock, ids.length ? [{ type: "CHILD", ids }] : []));
    }
    return blocks;
  }

  /** @returns {any[]} */
  #valueChildren() {
    if (this.selection) return [{ blockType: "SELECTION_ELEMENT", id: this.selection.id, selectionStatus: this.text }];
    if (this.text === this.read) return this.words.map(({ id, text }) => ({ blockType: "WORD", id, text }));
    const known = [...this.words, ...this.picked];
    return this.text.split(/\s+/).filter(Boolean).map((text, position) => {
      const at = known.findIndex((word) => word.text === text);
      const id = at >= 0 ? known.splice(at, 1)[0].id : this.#typedId(position, text);
      return { blockType: "WORD", id, text };
    });
  }

  /** The same word has the same id each time the answer is read. @param {number} position @param {string} text */
  #typedId(position, text) {
    const name = `${position} ${text}`;
    const id = this.#typedIds.get(name) ?? documentRandomId();
    this.#typedIds.set(name, id);
    return id;
  }

  /** Put back what an answer says about this field. @param {DocumentBlockIndex} answer */
  restore(answer) {
    this.reset();
    const key = this.fromModel
      ? answer.byId.get(this.keyId)
      : answer.keys.find((block) => documentComparableKey(documentWordsText(answer.words(block))) === documentComparableKey(this.label));
    if (!key) {
      if (this.fromModel) this.mark = this.important ? "missing" : "notPair";
    } else {
      this.#restoreValue(answer, key);
    }
    if (this.mark || this.isCorrected) this.state = "seen";
  }

  /** @param {DocumentBlockIndex} answer @param {any} key */
  #restoreValue(answer, key) {
    const value = answer.related(key, "VALUE")[0];
    if (!this.fromModel) {
      this.keyId = key.id;
      this.keyWords = answer.words(key).map(({ id, text }) => ({ id, text }));
      this.valueId = value?.id ?? this.valueId;
    }
    if (!value) {
      if (!this.fromModel || this.valueBlock) this.mark = "unreadable";
      return;
    }
    const children = answer.related(value, "CHILD");
    if (!children.length) {
      if (!this.fromModel || this.read !== "" || !this.valueBlock) this.mark = "blank";
      return;
    }
    this.valueId = value.id;
    this.text = this.selection ? children[0].selectionStatus : documentWordsText(children);
    if (this.text === this.read) return;
    children.forEach((child, position) => this.#typedIds.set(`${position} ${child.text}`, child.id));
    const own = new Set(this.words.map((word) => word.id));
    this.picked = children.filter((child) => !own.has(child.id)).map(documentWord);
  }
}

/** @param {"KEY" | "VALUE"} entityType @param {string} id @param {any} source @param {any[]} relationships */
function documentPairBlock(entityType, id, source, relationships) {
  return {
    blockType: "KEY_VALUE_SET",
    ...(typeof source?.confidence === "number" ? { confidence: source.confidence } : {}),
    entityTypes: [entityType],
    id,
    ...(relationships.length ? { relationships } : {}),
  };
}

/**
 * @param {DocumentBlockIndex} index
 * @param {{importantFormKey: string, importantFormKeyAliases?: string[]}[]} keys
 * @returns {DocumentField[]}
 */
function documentFields(index, keys) {
  const named = keys.filter((key) => key?.importantFormKey && key.importantFormKey !== "*");
  const important = named.map((key) => new Set([key.importantFormKey, ...(key.importantFormKeyAliases ?? [])].map(documentComparableKey)));
  const fields = index.keys.map((key, position) => {
    const keyWords = index.words(key);
    const label = documentWordsText(keyWords);
    const values = index.related(key, "VALUE");
    const children = values.flatMap((value) => index.related(value, "CHILD"));
    const isImportant = important.some((names) => names.has(documentComparableKey(label)));
    return new DocumentField(position, { label, important: isImportant, key, keyWords, values, children });
  });
  const found = new Set(fields.map((field) => documentComparableKey(field.label)));
  named.forEach((key, position) => {
    if (Array.from(important[position]).some((name) => found.has(name))) return;
    fields.push(new DocumentField(fields.length, { label: key.importantFormKey, important: true }));
  });
  return fields;
}

/**
 * The activation conditions that were true, without And and Or.
 * @param {any} results what A2I calls humanTaskActivationConditionResults
 * @returns {{type: string, parameters: any}[]}
 */
function documentTrueConditions(results) {
  /** @type {{type: string, parameters: any}[]} */
  const found = [];
  /** @param {any} node */
  const visit = (node) => {
    if (!node || node.EvaluationResult === false) return;
    for (const child of [...(node.Conditions ?? []), ...(node.And ?? []), ...(node.Or ?? [])]) visit(child);
    if (node.ConditionType) found.push({ type: node.ConditionType, parameters: node.ConditionParameters ?? {} });
  };
  visit(results);
  return found;
}

/**
 * Say of each field why it is here, and whether it must be seen.
 * Without conditions and threshold A2I has chosen the pairs already, so each is to be checked.
 * @param {DocumentField[]} fields
 * @param {any} results
 * @param {number | undefined} threshold in percent, for keys without a condition of their own
 */
function documentRouteFields(fields, results, threshold) {
  const conditions = documentTrueConditions(results);
  const sampled = conditions.some((condition) => condition.type === "Sampling");
  for (const field of fields) {
    const own = conditions.filter((condition) => condition.type === "ImportantFormKeyConfidenceCheck" && documentConditionIsAbout(condition, field)).map((condition) => condition.parameters);
    const limits = own.map((parameters) => documentUpperLimit(parameters, "KeyValueBlockConfidence")).filter((limit) => limit !== undefined);
    const wordLimits = own.map((parameters) => documentUpperLimit(parameters, "WordBlockConfidence")).filter((limit) => limit !== undefined);
    field.limit = limits.length ? Math.max(...limits) : threshold;
    field.wordLimit = wordLimits.length ? Math.max(...wordLimits) : (threshold ?? DOCUMENT_USUAL_LIMIT);
    field.reasons = [];
    if (!field.fromModel) field.reasons.push({ kind: "missing" });
    else if (field.limit !== undefined && (field.pairConfidence ?? 100) < field.limit) field.reasons.push({ kind: "pair", limit: field.limit });
    const knowsWords = wordLimits.length > 0 || threshold !== undefined;
    if (knowsWords && field.words.some((word) => (word.confidence ?? 100) < field.wordLimit)) field.reasons.push({ kind: "word", limit: field.wordLimit });
    field.check = field.reasons.length > 0;
  }
  const known = conditions.length > 0 || threshold !== undefined;
  if (!known) for (const field of fields) field.check = true;
  else if (sampled || !fields.some((field) => field.check)) {
    for (const field of fields.filter((one) => !one.check)) {
      field.check = true;
      field.reasons.push({ kind: "sampled" });
    }
  }
}

/** @param {{parameters: any}} condition @param {DocumentField} field */
function documentConditionIsAbout({ parameters }, field) {
  const names = [parameters.ImportantFormKey, ...(parameters.ImportantFormKeyAliases ?? [])].filter((name) => typeof name === "string");
  return names.some((name) => name === "*" || documentComparableKey(name) === documentComparableKey(field.label));
}

/** @param {any} parameters @param {string} kind @returns {number | undefined} */
function documentUpperLimit(parameters, kind) {
  return parameters[`${kind}LessThan`] ?? parameters[`${kind}LessThanEquals`];
}

/** @param {DocumentField} one @param {DocumentField} other */
function documentLeastCertainFirst(one, other) {
  return Number(other.check) - Number(one.check) || (one.confidence ?? -1) - (other.confidence ?? -1) || one.position - other.position;
}

/** @param {DocumentField} one @param {DocumentField} other */
function documentReadingOrder(one, other) {
  const a = one.keyBox ?? one.box;
  const b = other.keyBox ?? other.box;
  if (!a || !b) return Number(!a) - Number(!b) || one.position - other.position;
  // Boxes that overlap by half of their height stand in one line.
  const sameLine = Math.abs(a.top + a.height / 2 - b.top - b.height / 2) < Math.min(a.height, b.height) / 2;
  return one.page - other.page || (sameLine ? a.left - b.left : a.top - b.top);
}
