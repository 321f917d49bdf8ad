// @ts-check
import { RefusedError } from "./api.js";
import { make } from "./dom.js";
import { Draft } from "./drafts.js";
import { strings } from "./strings.js";
import { FRAME_ANSWERS_WITHIN_MS, isAnswer } from "./task.js";

const ANSWERS_WITHIN_MS = 3000;
const ANSWERS_LATER_WITHIN_MS = 300;

/** @typedef {"loading" | "predicted" | "changed" | "sending" | "submitted" | "declined" | "released" | "gone" | "failed"} TileState */

/** @type {TileState[]} Nothing more comes of these. */
const SETTLED = ["submitted", "declined", "released", "gone"];

/**
 * One task of a grid. Its frame is never moved, since that would load it again: it is small and inert among the others,
 * and covers them while it is large.
 */
export class Tile {
  /** @type {TileState} */
  state = "loading";
  /** Why it could not be submitted. */
  problem = "";
  changed = false;
  large = false;
  #ready = false;
  #unseen = false;
  #closed = false;
  #endsAt = 0;
  /** @type {((answer: object | null) => void) | null} */
  #answered = null;
  /** @type {number | undefined} */
  #timer;

  /**
   * @param {import("./api.js").Api} api
   * @param {string} username
   * @param {any} task
   * @param {number} number from 1
   * @param {{
   *   open: (tile: Tile) => void,
   *   back: () => void,
   *   key: (key: string, tile: Tile) => void,
   *   decline: (tile: Tile) => void,
   *   release: (tile: Tile) => void,
   *   saved: (state: string) => void,
   *   prefer: (changed: unknown, tile: Tile) => void,
   * }} actions
   * @param {import("./preferences.js").TaskPreferences} preferences
   */
  constructor(api, username, task, number, actions, preferences) {
    this.task = task;
    this.hold(task.lease);
    this.number = number;
    this.actions = actions;
    this.preferences = preferences;
    this.draft = new Draft(api, username, task, actions.saved);
    this.frame = make("iframe", { title: `${strings.task.frame} ${number}: ${task.title}`, inert: true });
    this.frame.setAttribute("sandbox", "allow-scripts allow-forms");
    this.frame.dataset.humanLoop = task.human_loop;
    const button = (/** @type {string} */ text, /** @type {string} */ key, /** @type {() => void} */ onclick) =>
      make("button", { type: "button", title: key, onclick }, text);
    this.opener = make(
      "button.open",
      {
        type: "button",
        "aria-keyshortcuts": String(number),
        onclick: () => actions.open(this),
      },
      make("kbd", {}, String(number)),
      " ",
      make("span", {}, task.human_loop)
    );
    this.tools = make(
      "span.actions",
      { hidden: true },
      button(strings.task.decline, "Ctrl+/", () => actions.decline(this)),
      button(strings.task.release, "Ctrl+.", () => actions.release(this)),
      button(strings.grid.back, "Esc", () => actions.back())
    );
    this.words = make("span.state", {});
    this.reason = make("p.problem", { role: "alert", hidden: true });
    this.element = make(
      "li.tile",
      {},
      make("div.head", {}, this.opener, this.words, this.tools),
      this.reason,
      // For the mouse alone: the button above says the same to everybody.
      make("div.view", { onclick: () => actions.open(this) }, this.frame)
    );
    this.#show("loading");
  }

  get settled() {
    return SETTLED.includes(this.state);
  }

  /** Until the lease ends. */
  get secondsLeft() {
    return Math.max(0, Math.round((this.#endsAt - performance.now()) / 1000));
  }

  /** @param {{seconds_left: number}} lease as the service just sent it; this browser's own date does not matter */
  hold(lease) {
    this.#endsAt = performance.now() + lease.seconds_left * 1000;
  }

  get loading() {
    return this.state === "loading";
  }

  load() {
    this.frame.src = this.task.frame_url;
    this.#timer = window.setTimeout(() => {
      if (!this.#ready) this.fail(strings.grid.notShown);
    }, FRAME_ANSWERS_WITHIN_MS);
  }

  close() {
    this.#closed = true;
    window.clearTimeout(this.#timer);
    this.#answered?.(null);
    this.draft.close();
  }

  /** @param {MessageEventSource | null} source */
  isFrom(source) {
    return source !== null && source === this.frame.contentWindow;
  }

  /** @param {{type: string} & Record<string, unknown>} message */
  tell(message) {
    this.frame.contentWindow?.postMessage(message, "*");
  }

  /** Hand over what the worker prefers, as soon as it is known. */
  tellPreferences() {
    this.preferences.whenLoaded(() => {
      if (!this.#closed) this.tell({ type: "review-desk:preferences", preferences: this.preferences.task });
    });
  }

  /**
   * @param {{type?: unknown, answer?: unknown, key?: unknown, unreported?: unknown, unseen?: unknown, preferences?: unknown}} message
   *   of the frame
   */
  hear({ type, answer, key, unreported, unseen, preferences }) {
    if (type === "review-desk:ready") this.#frameReady();
    else if (type === "review-desk:preferences") this.actions.prefer(preferences, this);
    else if (this.settled) return;
    else if (type === "review-desk:change" && isAnswer(answer)) this.#change(/** @type {object} */ (answer));
    else if (type === "review-desk:submit" && isAnswer(answer)) {
      this.#submitted(/** @type {object} */ (answer), unreported === true);
    } else if (type === "review-desk:asked" && this.#answered) {
      // The answer came before this word; a template that takes its time over `submit` has a moment more.
      window.clearTimeout(this.#timer);
      this.#unseen = unseen === true;
      this.#timer = window.setTimeout(() => this.#answered?.(null), ANSWERS_LATER_WITHIN_MS);
    } else if (type === "review-desk:key") this.actions.key(String(key), this);
  }

  #frameReady() {
    window.clearTimeout(this.#timer);
    this.#ready = true;
    this.tellPreferences();
    const answer = this.draft.restore();
    if (answer) this.tell({ type: "review-desk:draft", answer });
    this.changed = answer !== null;
    this.tell({ type: "review-desk:compact", compact: !this.large });
    this.#show(this.changed ? "changed" : "predicted");
  }

  /** @param {object} answer */
  #change(answer) {
    if (this.state === "sending") return;
    this.changed = true;
    this.draft.change(answer);
    this.#show("changed");
  }

  /**
   * The form was submitted: because it was asked to, or by hand while it is large.
   * @param {object} answer
   * @param {boolean} unreported whether it has changes that were not reported before
   */
  #submitted(answer, unreported) {
    if (unreported) this.#change(answer);
    if (this.#answered) this.#answered(answer);
    else if (this.large) this.actions.back();
  }

  /** Ask the form for its answer. @returns {Promise<object | null>} null if it gives none */
  ask() {
    return new Promise((resolve) => {
      this.#answered = (answer) => {
        this.#answered = null;
        window.clearTimeout(this.#timer);
        resolve(answer);
      };
      this.#timer = window.setTimeout(() => this.#answered?.(null), ANSWERS_WITHIN_MS);
      this.tell({ type: "review-desk:submit" });
    });
  }

  enlarge() {
    this.large = true;
    this.element.classList.add("large");
    this.tools.hidden = false;
    this.frame.inert = false;
    this.tell({ type: "review-desk:compact", compact: false });
    this.focus();
  }

  reduce() {
    this.large = false;
    this.element.classList.remove("large");
    this.tools.hidden = true;
    this.frame.inert = true;
    this.tell({ type: "review-desk:compact", compact: true });
  }

  focus() {
    this.frame.focus();
    this.tell({ type: "review-desk:focus" });
  }

  /** @param {object} answer that is on its way */
  send(answer) {
    if (this.changed) this.draft.change(answer);
    this.draft.close();
    this.#show("sending");
  }

  /** @param {"submitted" | "declined" | "released" | "gone"} state @param {string} [problem] */
  settle(state, problem = "") {
    this.draft.forget();
    this.#show(state, problem);
  }

  /** It stays, with a line that says why. @param {string} problem */
  fail(problem) {
    this.#show("failed", problem);
  }

  failToAnswer() {
    if (!this.#ready) this.fail(strings.grid.notShown);
    else this.fail(this.#unseen ? strings.grid.unseen(this.number) : strings.grid.unanswered(this.number));
  }

  /** @param {unknown} error @param {object} [answer] that was refused */
  refused(error, answer) {
    const message = error instanceof Error ? error.message : strings.errors.unknown;
    if (error instanceof RefusedError && ["LateAnswer", "LeaseLost", "NotFound"].includes(error.code)) {
      return this.settle("gone", message);
    }
    this.draft.reopen();
    if (answer && this.changed) this.draft.change(answer);
    return this.fail(message);
  }

  /** @param {TileState} state @param {string} [problem] */
  #show(state, problem = "") {
    this.state = state;
    this.problem = problem;
    this.element.dataset.state = state;
    this.words.textContent = strings.grid.states[state];
    this.reason.textContent = problem;
    this.reason.hidden = !problem;
    this.opener.disabled = this.settled;
  }
}
