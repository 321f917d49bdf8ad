// @ts-check
import { RefusedError } from "./api.js";

/**
 * What the templates of flow definitions keep for this worker: keys, views.
 *
 * A task's page is other people's script. It hands over names with `template.` before them, and gets back only what was
 * kept for its own flow definition. The service has the last word on how much that may be; what it refuses is not kept.
 */

/** @typedef {import("./preferences.js").Value} Value */

const PREFIX = "template.";
const MOST_NAMES = 50;
const NAME = /^[A-Za-z][A-Za-z0-9._-]{0,53}$/;
const SAVED_AFTER_MS = 400;
const TRIED_AGAIN_AFTER_MS = 15_000;

export class TemplatePreferences {
  /** @type {Map<string, Map<string, Value>>} by flow definition */
  #kept = new Map();
  /** @type {Map<string, Map<string, Value | null>>} changes that the service does not have yet, by flow definition */
  #changes = new Map();
  /** @type {number | undefined} */
  #timer;

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.api = api;
  }

  /** Ask the service. */
  async load() {
    const kept = await this.api.templatePreferences();
    this.#kept = new Map(Object.entries(kept).map(([flow, values]) => [flow, new Map(Object.entries(values))]));
    for (const [flow, changes] of this.#changes) for (const [name, value] of changes) this.#apply(flow, name, value);
  }

  /** What the pages of a flow definition's tasks are handed. @param {string} flow @returns {Record<string, Value>} */
  of(flow) {
    return Object.fromEntries(Array.from(this.#kept.get(flow) ?? [], ([name, value]) => [PREFIX + name, value]));
  }

  /** Keep what the page of a task says. @param {string} flow @param {unknown} changed an object; `null` as a value forgets one */
  change(flow, changed) {
    if (typeof changed !== "object" || changed === null) return;
    const changes = this.#changes.get(flow) ?? new Map();
    for (const [prefixed, value] of Object.entries(changed)) {
      const name = prefixed.slice(PREFIX.length);
      if (!prefixed.startsWith(PREFIX) || !NAME.test(name) || !isValue(value)) continue;
      if (!changes.has(name) && changes.size === MOST_NAMES) break;
      changes.set(name, value);
      this.#apply(flow, name, value);
    }
    if (!changes.size) return;
    this.#changes.set(flow, changes);
    this.#saveAfter(SAVED_AFTER_MS);
  }

  async forget() {
    this.#changes.clear();
    await this.api.forgetTemplatePreferences();
    this.#kept.clear();
  }

  close() {
    window.clearTimeout(this.#timer);
    this.#changes.clear();
  }

  /** @param {string} flow @param {string} name @param {Value | null} value */
  #apply(flow, name, value) {
    const kept = this.#kept.get(flow) ?? new Map();
    if (value === null) kept.delete(name);
    else kept.set(name, value);
    this.#kept.set(flow, kept);
  }

  /** @param {number} ms */
  #saveAfter(ms) {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#save(), ms);
  }

  async #save() {
    const waiting = this.#changes;
    this.#changes = new Map();
    for (const [flow, changes] of waiting) {
      try {
        const kept = await this.api.changeTemplatePreferences(flow, Object.fromEntries(changes));
        this.#kept.set(flow, new Map(Object.entries(kept)));
        for (const [name, value] of this.#changes.get(flow) ?? []) this.#apply(flow, name, value);
      } catch (error) {
        if (error instanceof RefusedError) {
          // For whoever writes the template; the page goes on with what it has.
          console.warn(`The template's preferences are not kept: ${error.message}`);
          continue;
        }
        this.#changes.set(flow, new Map([...changes, ...(this.#changes.get(flow) ?? [])]));
        this.#saveAfter(TRIED_AGAIN_AFTER_MS);
      }
    }
  }
}

/** @param {unknown} value @returns {value is Value | null} */
function isValue(value) {
  if (typeof value === "string") return value.length <= 200;
  return value === null || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}
