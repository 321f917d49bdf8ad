// @ts-check

/**
 * What a reviewer prefers beyond one task: keys, views. The portal keeps it, since the frame of a task has an opaque
 * origin and can keep nothing. It hands it over when the page is ready, and accepts only names that it knows
 * (static/preferences.js), with texts, numbers and truth values.
 *
 * @typedef {string | number | boolean} PreferenceValue
 */
class TaskPreferences extends EventTarget {
  /** @type {Map<string, PreferenceValue>} */
  #values = new Map();

  constructor() {
    super();
    onPortalMessage((message) => {
      if (message.type !== "review-desk:preferences") return;
      this.#values = new Map(Object.entries(message.preferences ?? {}));
      this.dispatchEvent(new Event("change"));
    });
  }

  /** @param {string} name @returns {PreferenceValue | undefined} */
  get(name) {
    return this.#values.get(name);
  }

  /** Keep values; `null` forgets one. @param {Record<string, PreferenceValue | null>} changed */
  keep(changed) {
    for (const [name, value] of Object.entries(changed)) {
      if (value === null) this.#values.delete(name);
      else this.#values.set(name, value);
    }
    tellPortal({ type: "review-desk:preferences", preferences: changed });
  }

  /**
   * Do something as often as the portal hands preferences over, until an element is taken away.
   * @param {AbortSignal} signal
   * @param {() => void} action
   */
  whenGiven(signal, action) {
    if (this.#values.size) action();
    this.addEventListener("change", action, { signal });
  }
}

const taskPreferences = new TaskPreferences();
