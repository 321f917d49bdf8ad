// @ts-check
import { RefusedError, UnreachableError } from "./api.js";
import { askToDecline, askToRelease, showInstructions } from "./dialogs.js";
import { byId, clearNotices, duration, make, notice, speak, toast } from "./dom.js";
import { Draft } from "./drafts.js";
import { LeaseClock } from "./lease.js";
import { strings } from "./strings.js";
import { taskFrames } from "./task-frames.js";

export const HEARTBEAT_MS = 30_000;
export const FRAME_ANSWERS_WITHIN_MS = 6_000;
export const RETRY_SECONDS = [1, 2, 4, 8, 15];
/** Keys beside characters that are passed on to a form without the focus. */
const PASSED_KEYS = ["Enter", "Backspace", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];

/**
 * The page of one task: its header, and the frame of the worker task template.
 *
 * Ends by calling `finish` with what became of the task.
 */
export class TaskPage {
  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  #ready = false;
  #ended = false;
  #submitting = false;
  #changed = false;
  #savedAt = 0;
  /** @type {{key: string, code: string, shiftKey: boolean}[]} pressed before the form had the focus */
  #keys = [];
  /** @type {number[]} */
  #timers = [];
  /** @type {(() => void) | null} */
  #tryNow = null;

  /**
   * @param {import("./api.js").Api} api
   * @param {string} username
   * @param {any} task
   * @param {{flow_definition?: string}} wanted what to claim together with the answer
   * @param {{
   *   page: string | null,
   *   isOffered: boolean,
   *   preferencesOf: (flow: string) => import("./preferences.js").TaskPreferences,
   *   finish: (outcome: "submitted" | "released" | "declined" | "gone" | "back", submitted?: any) => void,
   *   takeBack: () => void,
   * }} way `page`: the task's page, if it came with the task; `isOffered`: it is in the spare frame; `submitted` is the service's answer; `takeBack` undoes the submission before, if that is possible
   */
  constructor(api, username, task, wanted, { page, isOffered, preferencesOf, finish, takeBack }) {
    this.api = api;
    this.task = task;
    this.wanted = wanted;
    this.page = page;
    this.isOffered = isOffered;
    this.preferencesOf = preferencesOf;
    this.preferences = preferencesOf(task.flow_definition);
    this.finish = finish;
    this.takeBack = takeBack;
    this.draft = new Draft(api, username, task, (state) => this.#showSaved(state));
    this.save = make("span.save", {});
    this.time = make("span.time", { role: "timer" });
    this.lease = new LeaseClock(this.time, {
      warn: (left) =>
        notice("time", strings.time.soon(left), { button: strings.time.extend, onclick: () => this.#extend() }),
      over: () => this.#timeIsOver(),
    });
  }

  /** Whether leaving the page now would lose something. */
  get busy() {
    return !this.#ended && (this.draft.unsaved || this.#submitting);
  }

  get submitting() {
    return this.#submitting;
  }

  /** Show the task; the page before stays in sight until this one is painted. */
  open() {
    document.title = `${this.task.title} · ${strings.product}`;
    byId("top-task").replaceChildren(...this.#renderHeader());
    clearNotices();
    this.lease.set(this.task.lease);
    window.addEventListener("message", this.#onMessage);
    window.addEventListener("keydown", this.#onKey);
    let stage = byId("main").querySelector(".task");
    if (!stage) {
      stage = make("div.task", {}, make("div.loading", {}, strings.task.loading));
      byId("main").replaceChildren(/** @type {Node} */ (stage));
    }
    const { frame, has } = taskFrames.take(/** @type {Element} */ (stage), this.isOffered);
    frame.title = `${strings.task.frame}: ${this.task.title}`;
    frame.dataset.humanLoop = this.task.human_loop;
    this.#frame = frame;
    this.#load(has);
    this.#timers.push(
      window.setInterval(() => this.#heartbeat(), HEARTBEAT_MS),
      window.setInterval(() => this.#showSavedAgo(), 5000)
    );
    speak(strings.task.claimed(this.task.human_loop));
  }

  /** @param {"nothing" | "elements" | "page"} has what the frame has */
  async #load(has) {
    this.#ready = false;
    this.#timers.push(
      window.setTimeout(() => {
        if (this.#ready || this.#ended) return;
        this.#present();
        notice("frame", strings.task.notShown, { button: strings.task.reload, onclick: () => this.#reload() });
      }, FRAME_ANSWERS_WITHIN_MS)
    );
    if (has === "page") return this.#tellFrame({ type: "review-desk:show" });
    const frame = /** @type {HTMLIFrameElement} */ (this.#frame);
    const html = has === "elements" ? (this.page ?? (await this.api.taskPage(this.task.frame_url))) : null;
    if (html === null) frame.src = this.task.frame_url;
    else this.#tellFrame({ type: "review-desk:page", html });
  }

  async #reload() {
    notice("frame", "");
    const task = await this.api.task(this.task.id);
    this.task = { ...this.task, frame_url: task.frame_url };
    this.#load("nothing");
  }

  /** Take the page away. The frame stays in place until the next one covers it. */
  close() {
    this.#ended = true;
    this.draft.close();
    this.lease.stop();
    for (const timer of this.#timers) window.clearInterval(timer);
    window.removeEventListener("message", this.#onMessage);
    window.removeEventListener("keydown", this.#onKey);
    clearNotices();
  }

  // ---- Header -------------------------------------------------------------------------------------------------

  #renderHeader() {
    const button = (/** @type {string} */ text, /** @type {string} */ key, /** @type {() => void} */ onclick) =>
      make("button", { type: "button", title: key, onclick }, text);
    return [
      make("h1", {}, this.task.title),
      make("span.loop", { title: this.task.human_loop }, this.task.human_loop),
      this.save,
      this.time,
      make(
        "span.actions",
        {},
        button(strings.task.instructions, "Alt+I", () => this.#instructions()),
        button(strings.task.decline, "Ctrl+/", () => this.#decline()),
        button(strings.task.release, "Ctrl+.", () => this.#release())
      ),
    ];
  }

  /** @param {string} state of the draft */
  #showSaved(state) {
    if (this.#ended) return;
    this.save.classList.toggle("bad", state === "local");
    notice("draft", state === "local" ? strings.offline.draft : "");
    if (state === "other-tab") notice("other-tab", strings.offline.otherTab);
    if (state === "saved") this.#savedAt = Date.now();
    this.save.textContent = { saving: strings.save.saving, saved: strings.save.saved, local: strings.save.local }[state] ?? "";
  }

  #showSavedAgo() {
    if (!this.#savedAt || this.save.textContent?.indexOf(strings.save.saved) !== 0) return;
    this.save.textContent = strings.save.savedAgo(duration((Date.now() - this.#savedAt) / 1000));
  }

  // ---- The frame ----------------------------------------------------------------------------------------------

  /** @param {{type: string} & Record<string, unknown>} message */
  #tellFrame(message) {
    this.#frame?.contentWindow?.postMessage(message, "*");
  }

  #onMessage = (/** @type {MessageEvent} */ event) => {
    // The frame's origin is opaque ("null"), so the window it came from is what tells it apart.
    if (!this.#frame || event.source !== this.#frame.contentWindow || this.#ended) return;
    const { type, answer, draft, key, preferences } = event.data ?? {};
    if (type === "review-desk:ready") this.#frameReady();
    else if (type === "review-desk:change" && isAnswer(answer)) this.#change(isAnswer(draft) ? draft : answer);
    else if (type === "review-desk:submit" && isAnswer(answer)) this.#submit(answer, isAnswer(draft) ? draft : answer);
    else if (type === "review-desk:key") this.#shortcut(key);
    else if (type === "review-desk:preferences") this.preferences.change(preferences);
  };

  #frameReady() {
    this.#ready = true;
    notice("frame", "");
    this.tellPreferences();
    const answer = this.draft.restore();
    if (answer) {
      this.#changed = true;
      this.#tellFrame({ type: "review-desk:draft", answer });
      this.save.textContent = strings.save.restored;
    }
    this.#present();
  }

  /** Hand over what the worker prefers, as soon as it is known. */
  tellPreferences() {
    this.preferences.whenLoaded(() => {
      if (!this.#ended) this.#tellFrame({ type: "review-desk:preferences", preferences: this.preferences.task });
    });
  }

  #present() {
    this.#frame?.classList.remove("waiting", "spare");
    const stage = byId("main").querySelector(".task");
    for (const old of Array.from(stage?.children ?? [])) if (old !== this.#frame && !taskFrames.isSpare(old)) old.remove();
    if (stage) this.#prepareNext(stage);
    if (document.querySelector("dialog[open]")) return;
    this.#focusFrame();
  }

  /** @param {Element} stage */
  #prepareNext(stage) {
    taskFrames.prepare(
      stage,
      () => this.api.offer(this.wanted),
      (flow) => this.preferencesOf(flow).task,
      () => {
        if (this.#ended) return;
        notice("next", strings.task.heldUp, { bad: true, button: strings.task.reloadAll, onclick: () => location.reload() });
      }
    );
  }

  #focusFrame() {
    this.#frame?.focus();
    this.#tellFrame({ type: "review-desk:focus" });
    if (this.#keys.length) this.#tellFrame({ type: "review-desk:keys", keys: this.#keys.splice(0) });
  }

  /**
   * Keys that nothing on this page has taken are the form's: it does not have the focus yet, or has lost it.
   * @param {KeyboardEvent} event
   */
  #passOn(event) {
    const { key, code, shiftKey, target } = event;
    const taken = target !== document.body && target !== byId("main") && target !== this.#frame;
    if (taken || event.repeat || event.isComposing || event.ctrlKey || event.altKey) return false;
    if (key.length !== 1 && !PASSED_KEYS.includes(key)) return false;
    this.#keys.push({ key, code, shiftKey });
    if (this.#ready) this.#focusFrame();
    return true;
  }

  /** @param {object} draft */
  #change(draft) {
    if (this.#submitting) return;
    this.#changed = true;
    this.draft.change(draft);
  }

  #onKey = (/** @type {KeyboardEvent} */ event) => {
    if (document.querySelector("dialog[open]") || event.metaKey) return;
    const key =
      event.ctrlKey && !event.altKey ? { ".": "release", "/": "decline" }[event.key]
      : event.altKey && event.code === "KeyI" ? "help"
      : event.altKey && event.code === "KeyT" ? "extend"
      : undefined;
    if (event.ctrlKey && event.key === "Enter") this.#tellFrame({ type: "review-desk:submit" });
    else if (key) this.#shortcut(key);
    else if (!this.#passOn(event)) return;
    event.preventDefault();
  };

  /** @param {unknown} key */
  #shortcut(key) {
    if (document.querySelector("dialog[open]")) return;
    if (key === "release") this.#release();
    else if (key === "decline") this.#decline();
    else if (key === "help") this.#instructions();
    else if (key === "undo") this.takeBack();
    else if (key === "extend") this.#extend();
  }

  // ---- Submitting ---------------------------------------------------------------------------------------------

  /** @param {object} answer @param {object} draft */
  async #submit(answer, draft) {
    if (this.#submitting) return;
    this.#submitting = true;
    this.draft.change(draft);
    this.draft.close();
    this.#tellFrame({ type: "review-desk:disabled", disabled: true });
    notice("draft", "");
    notice("refused", "");
    this.save.classList.remove("bad");
    this.save.textContent = strings.save.submitting;
    for (let failures = 0; !this.#ended; failures++) {
      try {
        const next = { ...this.wanted, ...taskFrames.choose() };
        const body = { answer, lease_token: this.task.lease.token, claim_next: next };
        const submitted = await this.api.act(this.task.id, "submit", body);
        return this.#end("submitted", submitted);
      } catch (error) {
        if (error instanceof UnreachableError) await this.#pause(RETRY_SECONDS[Math.min(failures, RETRY_SECONDS.length - 1)]);
        else return this.#refused(error, draft);
      }
    }
  }

  /** @param {number} seconds */
  async #pause(seconds) {
    for (let left = seconds; left > 0 && !this.#ended; left--) {
      notice("submit", strings.offline.submit(left), { bad: true, button: strings.offline.tryNow, onclick: () => this.#tryNow?.() });
      const now = await new Promise((resolve) => {
        this.#tryNow = () => resolve(true);
        window.setTimeout(() => resolve(false), 1000);
      });
      if (now) break;
    }
  }

  /** @param {unknown} error @param {object} draft */
  #refused(error, draft) {
    notice("submit", "");
    const message = error instanceof Error ? error.message : strings.errors.unknown;
    if (error instanceof RefusedError && (error.code === "LateAnswer" || error.code === "LeaseLost")) {
      toast(message);
      return this.#end("gone");
    }
    this.#submitting = false;
    this.draft.reopen();
    this.draft.change(draft);
    this.#tellFrame({ type: "review-desk:disabled", disabled: false });
    this.save.textContent = "";
    notice("refused", message, { bad: true });
    return undefined;
  }

  /** @param {"submitted" | "released" | "declined" | "gone"} outcome @param {any} [submitted] */
  #end(outcome, submitted) {
    this.draft.forget();
    this.close();
    this.finish(outcome, submitted);
  }

  // ---- Release, decline, instructions -------------------------------------------------------------------------

  async #release() {
    const sure =
      !this.#changed ||
      (await askToRelease({
        heading: strings.task.releaseHeading,
        text: strings.task.releaseText,
        confirm: strings.task.release,
      }));
    if (sure) await this.#giveBack("release", {}, "released", strings.task.released);
    else this.#focusFrame();
  }

  async #decline() {
    const given = await askToDecline();
    if (given) await this.#giveBack("decline", { reason: given }, "declined", strings.task.declined);
    else this.#focusFrame();
  }

  /**
   * @param {"release" | "decline"} what
   * @param {object} body
   * @param {"released" | "declined"} outcome
   * @param {(loop: string) => string} said
   */
  async #giveBack(what, body, outcome, said) {
    if (this.#ended || this.#submitting) return;
    try {
      await this.api.act(this.task.id, what, body);
    } catch (error) {
      notice("refused", error instanceof RefusedError ? error.message : strings.signIn.unreachable, { bad: true });
      return;
    }
    toast(said(this.task.human_loop));
    this.#end(outcome);
  }

  async #instructions() {
    await showInstructions(this.task.instructions, strings.task.keys);
    this.#focusFrame();
  }

  // ---- Lease --------------------------------------------------------------------------------------------------

  #timeIsOver() {
    notice("time", "");
    notice("time", strings.time.overText);
  }

  async #extend() {
    if (this.#submitting || this.#ended) return;
    try {
      const { lease } = await this.api.act(this.task.id, "extend");
      if (this.#ended) return;
      this.task.lease = lease;
      notice("time", "");
      this.lease.set(lease);
      toast(strings.time.extended(duration(lease.seconds_left)));
    } catch (error) {
      toast(error instanceof RefusedError ? error.message : strings.signIn.unreachable);
    }
    this.#focusFrame();
  }

  async #heartbeat() {
    if (this.#submitting || this.#ended) return;
    try {
      const { lease, human_loop_status } = await this.api.act(this.task.id, "heartbeat");
      if (this.#ended) return;
      this.task.lease = lease;
      this.lease.set(lease);
      if (lease.seconds_left <= 0) this.#timeIsOver();
      notice("stopping", human_loop_status === "Stopping" ? strings.task.stopping : "");
    } catch (error) {
      if (error instanceof RefusedError) {
        notice("gone", `${strings.task.gone}: ${error.message}`, {
          bad: true,
          button: strings.task.back,
          onclick: () => {
            this.close();
            this.finish("back");
          },
        });
      }
    }
  }
}

/** @param {unknown} answer */
export function isAnswer(answer) {
  return typeof answer === "object" && answer !== null && !Array.isArray(answer);
}
