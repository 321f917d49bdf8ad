// @ts-check
import { RefusedError, UnreachableError } from "./api.js";

/**
 * The draft of one task: in this browser at every change, at the service within two seconds.
 *
 * States it reports: `saving`, `saved`, `local` (the service cannot be reached), `other-tab` (somebody else wrote a
 * newer draft of the same task; what is typed here goes over it).
 */

const RETRY_MS = [1000, 2000, 4000, 8000, 15000];
const OLDEST_MS = 7 * 24 * 3600 * 1000;
const PREFIX = "review-desk:draft:";

export class Draft {
  /** @type {object | null} */
  #answer = null;
  #version = 0;
  #sending = false;
  #closed = false;
  #failures = 0;
  /** @type {number | undefined} */
  #timer;

  /**
   * @param {import("./api.js").Api} api
   * @param {string} username
   * @param {any} task
   * @param {(state: string) => void} report
   */
  constructor(api, username, task, report) {
    this.api = api;
    this.id = task.id;
    this.report = report;
    this.key = `${PREFIX}${username}:${task.id}`;
    this.#version = task.draft?.version ?? 0;
    this.server = task.draft?.answer ?? null;
    forgetOld();
  }

  /** What to put into the form: what this browser kept and could not send, else what the service has. */
  restore() {
    const kept = read(this.key);
    if (kept) {
      this.change(kept.answer);
      return kept.answer;
    }
    return this.server;
  }

  get unsaved() {
    return this.#answer !== null;
  }

  /** @param {object} answer */
  change(answer) {
    if (this.#closed) return;
    this.#answer = answer;
    write(this.key, answer);
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#send(), this.#failures ? RETRY_MS[0] : 300);
  }

  /** Stop saving; the answer goes another way now. The copy in this browser stays until `forget`. */
  close() {
    this.#closed = true;
    window.clearTimeout(this.#timer);
  }

  /** Save again after `close`. */
  reopen() {
    this.#closed = false;
    if (this.#answer) this.#timer = window.setTimeout(() => this.#send(), 300);
  }

  forget() {
    this.close();
    this.#answer = null;
    try {
      localStorage.removeItem(this.key);
    } catch {
      // Nothing was kept there.
    }
  }

  async #send() {
    if (this.#sending || this.#closed || !this.#answer) return;
    const answer = this.#answer;
    this.#sending = true;
    this.report("saving");
    let again = 0;
    try {
      this.#version = await this.api.saveDraft(this.id, answer, this.#version);
      this.#failures = 0;
      if (this.#answer === answer) {
        this.#answer = null;
        if (!this.#closed) localStorage.removeItem(this.key);
      }
      this.report("saved");
    } catch (error) {
      if (error instanceof RefusedError && error.code === "StaleDraft") {
        this.#version = error.body?.draft?.version ?? this.#version + 1;
        this.report("other-tab");
        again = 100;
      } else if (error instanceof UnreachableError) {
        again = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
        this.report("local");
      } else {
        this.report("local");
      }
    } finally {
      this.#sending = false;
    }
    if (this.#closed || !this.#answer) return;
    if (this.#answer !== answer) again = Math.max(again, 300);
    if (again) this.#timer = window.setTimeout(() => this.#send(), again);
  }
}

/** @param {string} key @returns {{answer: object, at: number} | null} */
function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/** @param {string} key @param {object} answer */
function write(key, answer) {
  try {
    localStorage.setItem(key, JSON.stringify({ answer, at: Date.now() }));
  } catch {
    // Full or switched off: the service's copy is the only one then.
  }
}

/** Answers are other people's data: a browser does not keep them for ever. */
function forgetOld() {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX) && !((read(key)?.at ?? 0) > Date.now() - OLDEST_MS)) localStorage.removeItem(key);
    }
  } catch {
    // No storage, nothing to forget.
  }
}
