// @ts-check
import { TemplatePreferences } from "./template-preferences.js";

/**
 * What a worker prefers: kept by the service for this worker, handed to the page of each task.
 *
 * A task's page is other people's script. So only names that are known here are taken from it, each with a value of
 * its kind; nothing of it is ever shown by the portal. What a template keeps for itself is in template-preferences.js.
 */

/** @typedef {string | number | boolean} Value */

/**
 * @typedef {{
 *   readonly task: Record<string, Value>,
 *   whenLoaded: (action: () => void) => void,
 *   change: (changed: unknown) => void,
 * }} TaskPreferences
 */

const DOCUMENT_ACTIONS = [
  "accept", "previous", "nextField", "previousField", "blank", "missing", "unreadable", "notPair", "submit",
  "wholePage", "nextPage", "previousPage", "leave", "help", "rotate", "rotateBack", "zoomIn", "zoomOut", "fitPage",
  "helpCharacter",
];

/** @param {unknown} value */
const isTruth = (value) => typeof value === "boolean";
/** A combination of keys, as "Ctrl+Shift+ArrowDown", or one character. @param {unknown} value */
const isKey = (value) => typeof value === "string" && /^(?:[^\s\p{C}]|[A-Za-z][^\s\p{C}<>&"']{0,39})$/u.test(value);
/** A blur in px. @param {unknown} value */
const isBlur = (value) => typeof value === "number" && value >= 0 && value <= 200;

/** @type {Map<string, (value: unknown) => boolean>} */
const KNOWN = new Map([
  ...DOCUMENT_ACTIONS.map((action) => /** @type {[string, (value: unknown) => boolean]} */ ([`document.keys.${action}`, isKey])),
  ["document.singles", isTruth],
  ["moderation.blur", isBlur],
  ["moderation.grey", isTruth],
]);

const SAVED_AFTER_MS = 400;
const TRIED_AGAIN_AFTER_MS = 15_000;

export class Preferences {
  /** @type {Map<string, Value>} */
  #task = new Map();
  #loaded = false;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {Record<string, Value | null>} changes that the service does not have yet */
  #changes = {};
  /** @type {number | undefined} */
  #timer;
  #closed = false;

  /** Whether this worker is told of new work, and by what that could be. */
  notices = true;
  /** @type {string[]} */
  notifiedBy = [];

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.api = api;
    this.templates = new TemplatePreferences(api);
  }

  /**
   * What the pages of one flow definition's tasks have to do with: theirs, and what is good for all.
   * @param {string} flow
   * @returns {TaskPreferences}
   */
  of(flow) {
    const all = this;
    return {
      get task() {
        return { ...all.task, ...all.templates.of(flow) };
      },
      whenLoaded: (action) => all.whenLoaded(action),
      change: (changed) => {
        all.change(changed);
        all.templates.change(flow, changed);
      },
    };
  }

  /** The part for the pages of tasks, without what is not known (any more). @returns {Record<string, Value>} */
  get task() {
    return Object.fromEntries([...this.#task].filter(([name, value]) => KNOWN.get(name)?.(value)));
  }

  /** Ask the service, and again until it answers: tasks can be done without. */
  async load() {
    try {
      const [kept] = await Promise.all([this.#loadOwn(), this.templates.load()]);
      this.#take(kept);
    } catch {
      this.#again(() => this.load());
    }
  }

  /** What is about notices is known as soon as it is there. */
  async #loadOwn() {
    const kept = await this.api.preferences();
    this.notices = kept.notices;
    this.notifiedBy = kept.notified_by;
    return kept;
  }

  /** Do something once the preferences are there; at once if they are. @param {() => void} action */
  whenLoaded(action) {
    if (this.#loaded) action();
    else this.#waiting.push(action);
  }

  /**
   * Keep what the page of a task says. What is not known, or of another kind, is passed over.
   * @param {unknown} changed an object; `null` as a value forgets one
   */
  change(changed) {
    if (typeof changed !== "object" || changed === null) return;
    for (const [name, isRight] of KNOWN) {
      if (!Object.hasOwn(changed, name)) continue;
      const value = /** @type {any} */ (changed)[name];
      if (value !== null && !isRight(value)) continue;
      this.#changes[name] = value;
      this.#apply(name, value);
    }
    if (this.#loaded) this.#saveSoon();
  }

  /** @param {boolean} notices */
  async setNotices(notices) {
    this.#take(await this.api.savePreferences({ notices }));
  }

  /** Go back to the keys and views that tasks begin with. */
  async forgetTask() {
    this.#changes = {};
    this.#take(await this.api.savePreferences({ task: {} }));
    await this.templates.forget();
  }

  /** Stop; somebody else has signed in. */
  close() {
    this.#closed = true;
    this.templates.close();
    window.clearTimeout(this.#timer);
    this.#waiting = [];
    this.#changes = {};
  }

  /** @param {{notices: boolean, notified_by: string[], task: Record<string, Value>}} kept */
  #take({ notices, notified_by, task }) {
    this.notices = notices;
    this.notifiedBy = notified_by;
    this.#task = new Map(Object.entries(task));
    for (const [name, value] of Object.entries(this.#changes)) this.#apply(name, value);
    this.#loaded = true;
    for (const action of this.#waiting.splice(0)) action();
    if (Object.keys(this.#changes).length) this.#saveSoon();
  }

  /** @param {string} name @param {Value | null} value */
  #apply(name, value) {
    if (value === null) this.#task.delete(name);
    else this.#task.set(name, value);
  }

  #saveSoon() {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#save(), SAVED_AFTER_MS);
  }

  async #save() {
    const changes = this.#changes;
    this.#changes = {};
    try {
      // Of now, not of the start: another window may have kept something since.
      const { task } = await this.api.preferences();
      if (this.#closed) return;
      const kept = new Map(Object.entries({ ...task, ...changes }).filter(([, value]) => value !== null));
      this.#take(await this.api.savePreferences({ task: Object.fromEntries(kept) }));
    } catch {
      this.#changes = { ...changes, ...this.#changes };
      this.#again(() => this.#save());
    }
  }

  /** @param {() => void} action */
  #again(action) {
    if (!this.#closed) this.#timer = window.setTimeout(action, TRIED_AGAIN_AFTER_MS);
  }
}
