// @ts-check
import { byId, duration, make, toast } from "./dom.js";
import { navigation } from "./navigation.js";
import { strings } from "./strings.js";

const REFRESH_MS = 20_000;

/**
 * The page of queues: what is open, what the worker holds, what was done today.
 */
export class QueuePage {
  /** @type {number | undefined} */
  #timer;
  #open = true;
  #claiming = false;
  /** @type {any[]} */
  #finished = [];
  /** @type {string | null} */
  #before = null;

  /**
   * @param {import("./api.js").Api} api
   * @param {{
   *   start: (wanted: object, name: string) => Promise<void>,
   *   startGrid: (flowDefinition: string, name: string) => Promise<void>,
   *   resume: (task: any) => void,
   * }} actions
   * @param {{reason: string, name: string, retryAfter: number} | null} outcome why there is no next task
   * @param {any} worker the session's
   */
  constructor(api, actions, outcome, worker) {
    this.worker = worker;
    this.api = api;
    this.actions = actions;
    this.outcome = outcome;
  }

  async show() {
    document.title = `${strings.queue.title} · ${strings.product}`;
    byId("top-task").replaceChildren(...navigation(this.worker, "tasks"));
    await this.#load(true);
    this.#timer = window.setInterval(() => {
      if (document.visibilityState === "visible" && !this.#claiming) this.#load(false).catch(() => {});
    }, REFRESH_MS);
  }

  close() {
    this.#open = false;
    window.clearInterval(this.#timer);
  }

  /** @param {boolean} first */
  async #load(first) {
    const [queue, history] = await Promise.all([this.api.queue(), this.api.history()]);
    // A page that comes in the middle of a claim would offer the button again.
    if (!this.#open || this.#claiming) return;
    this.#remember(history);
    const focused = document.activeElement?.getAttribute("data-key");
    byId("main").replaceChildren(this.#render(queue));
    const buttons = /** @type {HTMLElement[]} */ (Array.from(byId("main").querySelectorAll("[data-key]")));
    const same = buttons.find((button) => button.dataset.key === focused);
    if (same) same.focus();
    else if (first) (buttons.find((button) => button.classList.contains("primary")) ?? byId("main")).focus();
  }

  /**
   * Claim once, however often the button is pressed; whatever comes of it takes this page's place.
   * @param {() => Promise<void>} claim
   */
  async #claim(claim) {
    if (this.#claiming) return;
    this.#claiming = true;
    const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (byId("main").querySelectorAll(".card button"));
    for (const button of buttons) button.disabled = true;
    await claim();
  }

  /** @param {any} queue */
  #render(queue) {
    return make(
      "div.sheet",
      {},
      make(
        "div",
        {},
        make(
          "div.heading",
          {},
          make("h1", {}, strings.queue.title),
          make("span.done", {}, make("strong", {}, String(queue.done_today)), ` ${strings.queue.doneToday}`),
          make(
            "button",
            {
              type: "button",
              "data-key": "refresh",
              onclick: async () => {
                await this.#load(false);
                toast(strings.queue.refreshed);
              },
            },
            strings.queue.refresh
          )
        ),
        this.outcome ? this.#renderOutcome(this.outcome) : null,
        ...this.#renderHeld(queue),
        queue.flow_definitions.length
          ? make("ul.cards", {}, ...queue.flow_definitions.map((/** @type {any} */ flow) => this.#renderFlow(flow)))
          : make("p", {}, strings.queue.none),
        ...this.#renderHistory()
      )
    );
  }

  /** @param {{reason: string, name: string, retryAfter: number}} outcome */
  #renderOutcome({ reason, name, retryAfter }) {
    const texts = strings.queue.outcome;
    const kind = reason === "held" || reason === "done" ? reason : "empty";
    const when = kind === "held" && retryAfter ? texts.held.when(Math.max(1, Math.ceil(retryAfter / 60))) : "";
    return make(
      "div.outcome",
      { role: "status", "data-reason": kind },
      make("h2", {}, texts[kind].title),
      make("p", {}, texts[kind].text(name, when).trim())
    );
  }

  /** Tasks of a grid are one card. @param {{working: any[], flow_definitions: any[]}} queue */
  #renderHeld({ working, flow_definitions }) {
    if (!working.length) return [];
    const grids = new Set(flow_definitions.filter(hasGrid).map((flow) => flow.flow_definition));
    /** @type {Map<string, any[]>} */
    const together = new Map();
    for (const task of working) {
      const key = grids.has(task.flow_definition) ? task.flow_definition : task.id;
      together.set(key, [...(together.get(key) ?? []), task]);
    }
    const cards = Array.from(together.values(), (tasks) =>
      tasks.length > 1 ? this.#renderHeldGrid(tasks) : this.#renderHeldTask(tasks[0])
    );
    return [make("h2.part", {}, strings.queue.held), make("ul.cards", {}, ...cards), make("h2.part", {}, strings.queue.title)];
  }

  /** @param {any[]} tasks */
  #renderHeldGrid(tasks) {
    const [{ title, flow_definition }] = tasks;
    const left = Math.min(...tasks.map((task) => task.lease.seconds_left));
    return this.#renderHeldCard(title, strings.queue.heldGrid(tasks.length, strings.time.left(duration(left))), {
      "data-key": `held:${flow_definition}`,
      "aria-label": strings.queue.resumeGridLabel(title),
      onclick: () => this.#claim(() => this.actions.startGrid(flow_definition, title)),
    });
  }

  /** @param {any} task */
  #renderHeldTask(task) {
    const line = strings.queue.heldLine(task.human_loop, strings.time.left(duration(task.lease.seconds_left)));
    return this.#renderHeldCard(task.title, line, {
      "data-key": task.id,
      "aria-label": strings.queue.resumeLabel(task.human_loop),
      onclick: () => this.actions.resume(task),
    });
  }

  /** @param {string} title @param {string} line @param {object} button */
  #renderHeldCard(title, line, button) {
    return make(
      "li.card",
      {},
      make("div", {}, make("h3", {}, title), make("p", {}, line)),
      make("span"),
      make("button.primary", { type: "button", ...button }, strings.queue.resume)
    );
  }

  /**
   * Take in the newest page of the history; pages that were asked for before stay below it.
   * @param {{tasks: any[], before: string | null}} newest
   */
  #remember({ tasks, before }) {
    const known = new Set(tasks.map((task) => task.id));
    const older = before && this.#finished.length > tasks.length ? this.#finished.filter((task) => !known.has(task.id)) : [];
    this.#finished = [...tasks, ...older];
    if (!older.length) this.#before = before;
  }

  async #showEarlier() {
    const { tasks, before } = await this.api.history(this.#before);
    if (!this.#open) return;
    const first = this.#finished.length;
    this.#finished.push(...tasks);
    this.#before = before;
    const shown = byId("history");
    const [, section] = this.#renderHistory();
    shown.replaceWith(section);
    /** @type {HTMLElement | undefined} */ (byId("history").querySelectorAll("tbody tr")[first])?.focus();
  }

  #renderHistory() {
    if (!this.#finished.length) return [];
    const texts = strings.history;
    const head = [texts.task, texts.ended, texts.time, texts.outcome].map((text) => make("th", { scope: "col" }, text));
    const rows = this.#finished.map((task) =>
      make(
        "tr",
        { tabIndex: -1 },
        make("th", { scope: "row" }, task.human_loop, make("small", {}, task.title)),
        make("td", {}, new Date(task.ended_at).toLocaleTimeString([], { timeStyle: "short" })),
        make("td", {}, duration(task.handling_seconds)),
        make("td", {}, texts.outcomes[/** @type {keyof typeof texts.outcomes} */ (task.outcome)] ?? task.outcome)
      )
    );
    const more = make(
      "button",
      { type: "button", "data-key": "earlier", onclick: () => this.#showEarlier().catch(() => toast(strings.signIn.unreachable)) },
      texts.more
    );
    return [
      make("h2.part", { id: "history-heading" }, texts.title),
      make(
        "div.history",
        { id: "history" },
        make(
          "table",
          { "aria-labelledby": "history-heading" },
          make("thead", {}, make("tr", {}, ...head)),
          make("tbody", {}, ...rows)
        ),
        this.#before ? more : null
      ),
    ];
  }

  /** @param {any} flow */
  #renderFlow(flow) {
    return make(
      `li.card${flow.open ? "" : ".idle"}`,
      {},
      make("div", {}, make("h3", {}, flow.title), make("p", {}, flow.description), make("small", {}, flow.name)),
      make("div.count", {}, make("strong", {}, String(flow.open)), strings.queue.open(flow.open)),
      make(
        "div.starts",
        {},
        make(
          `button${flow.open ? ".primary" : ""}`,
          {
            type: "button",
            "data-key": flow.flow_definition,
            "aria-label": strings.queue.startLabel(flow.title),
            onclick: () => this.#claim(() => this.actions.start({ flow_definition: flow.flow_definition }, flow.title)),
          },
          strings.queue.start
        ),
        hasGrid(flow) ? this.#renderStartGrid(flow) : null
      )
    );
  }

  /** @param {any} flow */
  #renderStartGrid(flow) {
    return make(
      "button",
      {
        type: "button",
        "data-key": `grid:${flow.flow_definition}`,
        "aria-label": strings.queue.gridLabel(flow.grid, flow.title),
        onclick: () => this.#claim(() => this.actions.startGrid(flow.flow_definition, flow.title)),
      },
      strings.queue.grid(flow.grid)
    );
  }
}

/** Whether a grid shows more than a single task's page does. @param {any} flow */
function hasGrid(flow) {
  return flow.grid > 1;
}
