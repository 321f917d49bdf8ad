// @ts-check
import { RefusedError, UnreachableError } from "./api.js";
import { askToDecline, askToRelease, showInstructions } from "./dialogs.js";
import { byId, clearNotices, duration, make, notice, speak, toast } from "./dom.js";
import { LeaseClock } from "./lease.js";
import { strings } from "./strings.js";
import { HEARTBEAT_MS, RETRY_SECONDS } from "./task.js";
import { Tile } from "./tile.js";

/**
 * The page of a grid: up to nine tasks of one flow definition, each in a frame of its own. All stand as predicted; the
 * wrong ones are opened large and changed, then all are submitted, one request each.
 *
 * Ends by calling `finish`: `done` when nothing is left of it, `released` when it was given back.
 */
export class GridPage {
  #ended = false;
  #committing = false;
  /** @type {number[]} */
  #timers = [];
  /** @type {Tile | null} */
  #opened = null;
  /** @type {(() => void) | null} */
  #tryNow = null;

  /**
   * @param {import("./api.js").Api} api
   * @param {string} username
   * @param {any[]} tasks one to nine, of one flow definition
   * @param {import("./preferences.js").TaskPreferences} preferences
   * @param {(outcome: "done" | "released") => void} finish
   */
  constructor(api, username, tasks, preferences, finish) {
    this.api = api;
    this.preferences = preferences;
    this.finish = finish;
    this.title = tasks[0].title;
    this.instructions = tasks[0].instructions;
    this.save = make("span.save", {});
    this.time = make("span.time", { role: "timer" });
    this.lease = new LeaseClock(this.time, {
      warn: (left) =>
        notice("time", strings.time.soon(left), { button: strings.time.extend, onclick: () => this.#extend() }),
      over: () => {
        notice("time", "");
        notice("time", strings.time.overText);
      },
    });
    this.commit = make("button.primary", { type: "button", title: "Enter", onclick: () => this.#commit() });
    this.tiles = tasks.map(
      (task, position) =>
        new Tile(
          api,
          username,
          task,
          position + 1,
          {
            open: (tile) => this.#open(tile),
            back: () => this.#back(),
            key: (key, tile) => this.#shortcut(key, tile),
            decline: (tile) => this.#decline(tile),
            release: (tile) => this.#release([tile]),
            saved: (state) => this.#showSaved(state),
            prefer: (changed, tile) => this.#prefer(changed, tile),
          },
          preferences
        )
    );
    this.section = make(
      "section.grid",
      { tabIndex: -1, "aria-label": strings.grid.label },
      make("ol.tiles", {}, ...this.tiles.map((tile) => tile.element)),
      make(
        "p.hints",
        {},
        ...strings.grid.hints.map(([key, what]) => make("span", {}, make("kbd", {}, key), ` ${what}`))
      )
    );
  }

  /** The tasks that are still to be submitted. */
  get #pending() {
    return this.tiles.filter((tile) => !tile.settled);
  }

  /** Whether leaving the page now would lose something. */
  get busy() {
    return !this.#ended && (this.#committing || this.tiles.some((tile) => tile.draft.unsaved));
  }

  open() {
    document.title = `${this.title} · ${strings.product}`;
    const button = (/** @type {string} */ text, /** @type {string} */ key, /** @type {() => void} */ onclick) =>
      make("button", { type: "button", title: key, onclick }, text);
    byId("top-task").replaceChildren(
      make("h1", {}, this.title),
      this.save,
      this.time,
      make(
        "span.actions",
        {},
        button(strings.task.instructions, "Alt+I", () => this.#shortcut("help")),
        button(strings.grid.releaseAll, "Ctrl+.", () => this.#release(this.#pending)),
        this.commit
      )
    );
    clearNotices();
    this.#showPending();
    window.addEventListener("message", this.#onMessage);
    window.addEventListener("keydown", this.#onKey);
    byId("main").replaceChildren(this.section);
    for (const tile of this.tiles) tile.load();
    this.#timers.push(window.setInterval(() => this.#heartbeat(), HEARTBEAT_MS));
    this.#showLease();
    this.section.focus();
    speak(strings.grid.claimed(this.tiles.length));
  }

  close() {
    this.#ended = true;
    for (const tile of this.tiles) tile.close();
    this.lease.stop();
    for (const timer of this.#timers) window.clearInterval(timer);
    window.removeEventListener("message", this.#onMessage);
    window.removeEventListener("keydown", this.#onKey);
    clearNotices();
  }

  /** Hand over what the worker prefers to every frame. */
  tellPreferences() {
    for (const tile of this.tiles) tile.tellPreferences();
  }

  /** What is changed in one frame is good for all of them. @param {unknown} changed @param {Tile} by */
  #prefer(changed, by) {
    this.preferences.change(changed);
    for (const tile of this.tiles) if (tile !== by) tile.tellPreferences();
  }

  /** @param {string} state of a draft */
  #showSaved(state) {
    if (this.#ended) return;
    this.save.classList.toggle("bad", state === "local");
    notice("draft", state === "local" ? strings.offline.draft : "");
    if (state === "other-tab") notice("other-tab", strings.offline.otherTab);
    this.save.textContent = { saving: strings.save.saving, saved: strings.save.saved, local: strings.save.local }[state] ?? "";
  }

  #showPending() {
    this.commit.textContent = strings.grid.commit(this.#pending.length);
    this.commit.disabled = this.#committing;
  }

  /** The time of the one that ends first. */
  #showLease() {
    const left = this.#pending.map((tile) => tile.secondsLeft);
    if (left.length) this.lease.set({ seconds_left: Math.min(...left), time_limit_seconds: this.tiles[0].task.lease.time_limit_seconds });
  }

  // ---- One of them, large ---------------------------------------------------------------------------------------

  /** @param {Tile} tile */
  #open(tile) {
    if (this.#committing || this.#opened || tile.settled) return;
    this.#opened = tile;
    this.section.classList.add("has-open");
    tile.enlarge();
    speak(strings.grid.opened(tile.number, tile.task.human_loop));
  }

  #back() {
    this.#opened?.reduce();
    this.#opened = null;
    this.section.classList.remove("has-open");
    this.section.focus();
  }

  // ---- Keys -----------------------------------------------------------------------------------------------------

  #onMessage = (/** @type {MessageEvent} */ event) => {
    // A frame's origin is opaque ("null"), so the window it came from is what tells it apart.
    const tile = this.tiles.find((one) => one.isFrom(event.source));
    if (tile && !this.#ended) tile.hear(event.data ?? {});
  };

  #onKey = (/** @type {KeyboardEvent} */ event) => {
    if (document.querySelector("dialog[open]") || event.metaKey || event.defaultPrevented) return;
    const key = keyOf(event);
    if (!key || (key === "commit" && !event.ctrlKey && isOnButton(event))) return;
    event.preventDefault();
    // A key held down since the page before must do nothing here.
    if (!event.repeat) this.#shortcut(key);
  };

  /**
   * @param {string} key `1` to `9`, `commit`, `back`, `release`, `decline`, `extend` or `help`
   * @param {Tile | null} [tile] the one whose frame it was pressed in
   */
  #shortcut(key, tile = this.#opened) {
    if (document.querySelector("dialog[open]")) return;
    if (key === "help") this.#instructions();
    // Pressed in a frame that was just closed, it was meant for something else.
    else if (tile !== this.#opened) return;
    else if (key === "extend") this.#extend();
    else if (key === "release") this.#release(tile ? [tile] : this.#pending);
    else if (key === "decline" && tile) this.#decline(tile);
    else if (key === "back" && tile) this.#back();
    else if (key === "commit" && tile) tile.tell({ type: "review-desk:submit" });
    else if (key === "commit") this.#commit();
    else if (!tile && Number(key)) {
      const wanted = this.tiles[Number(key) - 1];
      if (wanted) this.#open(wanted);
    }
  }

  async #instructions() {
    await showInstructions(this.instructions, strings.grid.keys);
    this.#focus();
  }

  #focus() {
    if (this.#opened) this.#opened.focus();
    else this.section.focus();
  }

  // ---- Submitting -----------------------------------------------------------------------------------------------

  async #commit() {
    if (this.#committing || this.#ended) return;
    this.#back();
    const pending = this.#pending;
    if (pending.some((tile) => tile.loading)) return toast(strings.grid.loading);
    this.#committing = true;
    this.#showPending();
    notice("draft", "");
    const asked = await Promise.all(pending.map(async (tile) => ({ tile, answer: await tile.ask() })));
    this.section.focus();
    for (const { tile, answer } of asked) {
      if (this.#ended) return undefined;
      if (answer) await this.#submit(tile, answer);
      else tile.failToAnswer();
    }
    this.#committing = false;
    this.#summarize(pending);
    return this.#goOn();
  }

  /** Say what became of the tasks that were to be submitted. @param {Tile[]} tiles */
  #summarize(tiles) {
    const done = tiles.filter((tile) => tile.state === "submitted").length;
    const left = this.#pending.length;
    const gone = tiles.filter((tile) => tile.state === "gone").map((tile) => `${tile.task.human_loop}: ${tile.problem}`);
    const texts = [done ? strings.grid.submitted(done) : "", ...gone, left ? strings.grid.left(left) : ""];
    toast(texts.filter(Boolean).join(". "), { seconds: gone.length ? 10 : 4 });
  }

  /** End when nothing is left to be done. @param {"done" | "released"} [outcome] */
  #goOn(outcome = "done") {
    if (this.#ended) return;
    this.#showPending();
    this.#showLease();
    if (this.#pending.length) return this.#focus();
    this.close();
    this.finish(outcome);
  }

  /** @param {Tile} tile @param {object} answer */
  async #submit(tile, answer) {
    tile.send(answer);
    for (let failures = 0; !this.#ended; failures++) {
      try {
        await this.api.act(tile.task.id, "submit", { answer, lease_token: tile.task.lease.token });
        notice("submit", "");
        return tile.settle("submitted");
      } catch (error) {
        if (error instanceof UnreachableError) await this.#pause(RETRY_SECONDS[Math.min(failures, RETRY_SECONDS.length - 1)]);
        else {
          notice("submit", "");
          return tile.refused(error, answer);
        }
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

  // ---- Giving back ----------------------------------------------------------------------------------------------

  /** @param {Tile[]} tiles */
  async #release(tiles) {
    if (this.#committing) return;
    const { releaseHeading, releaseText } = this.#opened ? strings.task : strings.grid;
    const sure =
      !tiles.some((tile) => tile.changed) ||
      (await askToRelease({ heading: releaseHeading, text: releaseText, confirm: strings.task.release }));
    if (sure) await this.#giveBack(tiles, "release", {}, "released");
    else this.#focus();
  }

  /** @param {Tile} tile */
  async #decline(tile) {
    if (this.#committing) return;
    const reason = await askToDecline();
    if (reason) await this.#giveBack([tile], "decline", { reason }, "declined");
    else this.#focus();
  }

  /**
   * @param {Tile[]} tiles
   * @param {"release" | "decline"} what
   * @param {object} body
   * @param {"released" | "declined"} state
   */
  async #giveBack(tiles, what, body, state) {
    this.#committing = true;
    for (const tile of tiles) {
      try {
        await this.api.act(tile.task.id, what, body);
        tile.settle(state);
      } catch (error) {
        if (error instanceof RefusedError) tile.refused(error);
        else tile.fail(strings.signIn.unreachable);
      }
    }
    this.#committing = false;
    this.#back();
    this.#goOn(state === "released" ? "released" : "done");
  }

  // ---- Lease ----------------------------------------------------------------------------------------------------

  async #heartbeat() {
    for (const tile of this.#pending) {
      if (this.#committing || this.#ended) return;
      try {
        const { lease } = await this.api.act(tile.task.id, "heartbeat");
        tile.hold(lease);
      } catch (error) {
        // Once the time is over an answer may still count; what was taken away before is gone.
        if (error instanceof RefusedError && tile.secondsLeft > 1) this.#lose(tile, error);
      }
    }
    if (!this.#committing && !this.#ended) this.#showLease();
  }

  /** Begin the time limit of each anew. */
  async #extend() {
    for (const tile of this.#pending) {
      if (this.#committing || this.#ended) return;
      try {
        const { lease } = await this.api.act(tile.task.id, "extend");
        tile.hold(lease);
      } catch (error) {
        toast(error instanceof RefusedError ? error.message : strings.signIn.unreachable);
        return;
      }
    }
    notice("time", "");
    this.#showLease();
    toast(strings.time.extended(duration(Math.min(...this.#pending.map((tile) => tile.secondsLeft)))));
  }

  /** @param {Tile} tile that is not this worker's any more @param {RefusedError} error */
  #lose(tile, error) {
    if (tile === this.#opened) this.#back();
    tile.refused(error);
    this.#showPending();
  }
}

/** What a key means on this page. @param {KeyboardEvent} event */
function keyOf(event) {
  if (event.altKey) return event.ctrlKey ? undefined : { KeyI: "help", KeyT: "extend" }[event.code];
  if (event.ctrlKey) return { ".": "release", "/": "decline", Enter: "commit" }[event.key];
  // The row of digits counts as digits where the layout has other characters on it.
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  return { Enter: "commit", Escape: "back" }[event.key] ?? (event.shiftKey ? undefined : (/^[1-9]$/.exec(event.key)?.[0] ?? digit));
}

/** Whether Enter sets off what has the focus. @param {KeyboardEvent} event */
function isOnButton(event) {
  return event.target instanceof Element && event.target.matches("button, a[href]");
}
