// @ts-check
import { Api, RefusedError } from "./api.js";
import { ask, byId, make, notice, toast } from "./dom.js";
import { GridPage } from "./grid.js";
import { changePassword } from "./password.js";
import { Preferences } from "./preferences.js";
import { QueuePage } from "./queue.js";
import { signInAgain, signInPage } from "./sign-in.js";
import { strings } from "./strings.js";
import { TaskPage } from "./task.js";
import { isTeamAddress, TeamPage } from "./team.js";

/** The portal: sign-in, the queues, one task after the other, and the leads' pages. */
class Portal {
  /** @type {any} */
  worker = null;
  /** @type {QueuePage | TaskPage | GridPage | TeamPage | null} */
  page = null;
  api = new Api(() => this.#signInAgain());
  /** @type {(() => void) | null} */
  #takeBack = null;
  #preferences = new Preferences(this.api);

  async start() {
    byId("skip").addEventListener("click", (event) => {
      event.preventDefault();
      (document.querySelector("main .grid, main iframe, main button") ?? byId("main")).focus();
    });
    window.addEventListener("keydown", (event) => {
      if (!event.altKey || event.ctrlKey || event.metaKey || event.code !== "KeyU" || !this.#takeBack) return;
      if (document.querySelector("dialog[open]")) return;
      event.preventDefault();
      this.#takeBack();
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.#busy) event.preventDefault();
    });
    this.worker = (await this.#retry(() => this.api.session())) ?? (await this.#signIn());
    this.#showWorker();
    this.#preferences.load();
    window.addEventListener("hashchange", () => this.#followAddress());
    if (this.#mayShowTeam()) return this.#showTeam();
    const place = new URLSearchParams(location.hash.slice(1));
    const [id, grid] = [place.get("task"), place.get("grid")];
    if (grid) await this.#nextGrid(grid);
    else if (!id || !(await this.#openAgain(id))) await this.#showQueue();
  }

  /** Whether leaving the page now would lose something. */
  get #busy() {
    return this.page !== null && "busy" in this.page && this.page.busy;
  }

  #mayShowTeam() {
    return this.worker.role !== "worker" && isTeamAddress(location.hash);
  }

  /** The person went back, forth, or to another page by a link. */
  async #followAddress() {
    const page = this.page;
    if (page instanceof TaskPage && page.busy && this.#mayShowTeam()) {
      history.pushState(null, "", `#task=${encodeURIComponent(page.task.id)}`);
      toast(strings.navigation.busy);
    } else if (this.#mayShowTeam()) await this.#showTeam();
    else if (page instanceof TeamPage) await this.#showQueue();
  }

  async #showTeam() {
    if (!(this.page instanceof TeamPage)) {
      this.page?.close();
      this.page = new TeamPage(this.api, this.worker);
    }
    const page = this.page;
    await this.#retry(() => page.show());
  }

  #showWorker() {
    const { username } = this.worker;
    const role = strings.session.roles[/** @type {"worker" | "lead" | "admin"} */ (this.worker.role)];
    byId("top-session").replaceChildren(
      make("span", {}, role ? `${username} (${role})` : username),
      make("button.plain", { type: "button", onclick: () => this.#askPreferences() }, strings.preferences.open),
      make("button.plain", { type: "button", onclick: () => this.#signOut() }, strings.session.signOut)
    );
  }

  async #askPreferences() {
    const texts = strings.preferences;
    const preferences = this.#preferences;
    const told = make("input", { type: "checkbox", checked: preferences.notices });
    const forget = make("input", { type: "checkbox" });
    const methods = await this.#retry(() => this.api.signInMethods());
    let toPassword = false;
    const password = make(
      "button",
      {
        type: "button",
        onclick: (/** @type {Event} */ event) => {
          toPassword = true;
          /** @type {HTMLElement} */ (event.target).closest("dialog")?.close();
        },
      },
      strings.password.change
    );
    const choice = (/** @type {HTMLElement} */ box, /** @type {string} */ text) => make("label.choice", {}, box, make("span", {}, text));
    const wanted = await ask({
      heading: texts.heading,
      body: [
        preferences.notifiedBy.length ? choice(told, texts.notices) : make("p", {}, texts.noNotices),
        choice(forget, texts.forget),
        ...(methods.password ? [make("p", {}, password)] : []),
      ],
      confirm: texts.save,
      cancel: strings.task.cancel,
      value: () => ({ notices: told.checked, forget: forget.checked }),
    });
    if (toPassword) changePassword(this.api, this.worker.username);
    if (wanted === null || wanted === true) return;
    try {
      if (wanted.notices !== preferences.notices) await preferences.setNotices(wanted.notices);
      if (wanted.forget) await preferences.forgetTask();
      if (wanted.forget && this.page && "tellPreferences" in this.page) this.page.tellPreferences();
      toast(texts.saved);
    } catch (error) {
      toast(error instanceof RefusedError ? error.message : strings.signIn.unreachable);
    }
  }

  async #signIn() {
    return signInPage(this.api, await this.#retry(() => this.api.signInMethods()));
  }

  async #signInAgain() {
    const methods = await this.#retry(() => this.api.signInMethods());
    const worker = await signInAgain(this.api, methods, this.worker?.username ?? "");
    const other = this.worker && worker.username !== this.worker.username;
    this.worker = worker;
    this.#showWorker();
    if (!other) return;
    this.#preferences.close();
    this.#preferences = new Preferences(this.api);
    this.#preferences.load();
    toast(strings.signIn.otherWorker);
    await this.#showQueue();
  }

  async #signOut() {
    if (this.#busy && !window.confirm(strings.task.releaseText)) return;
    await this.api.signOut().catch(() => {});
    this.page?.close();
    this.page = null;
    history.replaceState(null, "", location.pathname);
    location.reload();
  }

  /** After a reload the task is still there. @param {string} id */
  async #openAgain(id) {
    try {
      const task = await this.api.task(id);
      if (task.state !== "working") return false;
      this.#showTask(task, { flow_definition: task.flow_definition }, task.title);
      return true;
    } catch (error) {
      if (error instanceof RefusedError) return false;
      throw error;
    }
  }

  /** @param {{reason: string, name: string, retryAfter: number} | null} [outcome] */
  async #showQueue(outcome = null) {
    this.page?.close();
    history.replaceState(null, "", location.pathname);
    const page = new QueuePage(
      this.api,
      {
        start: (wanted, name) => this.#next(wanted, name),
        startGrid: (flowDefinition, name) => this.#nextGrid(flowDefinition, name),
        resume: (task) => this.#showTask(task, { flow_definition: task.flow_definition }, task.title),
      },
      outcome,
      this.worker
    );
    this.page = page;
    await this.#retry(() => page.show());
  }

  /** Claim the next task and show it. @param {{flow_definition?: string}} wanted @param {string} name */
  async #next(wanted, name) {
    try {
      const claimed = await this.#retry(() => this.api.claim(wanted));
      if (claimed.task) this.#showTask(claimed.task, wanted, name);
      else await this.#showQueue({ reason: claimed.reason, name, retryAfter: claimed.retryAfter });
    } catch (error) {
      await this.#showQueue();
      notice("claim", error instanceof Error ? error.message : strings.errors.unknown, { bad: true });
    }
  }

  /**
   * Claim tasks for a grid and show them. After a reload these are the same.
   * @param {string} flowDefinition
   * @param {string} [name] to say what is empty; without it nothing is said
   */
  async #nextGrid(flowDefinition, name) {
    try {
      const claimed = await this.#retry(() => this.api.claimGrid(flowDefinition));
      if (claimed.tasks) this.#showGrid(claimed.tasks, flowDefinition);
      else await this.#showQueue(name ? { reason: claimed.reason, name, retryAfter: claimed.retryAfter } : null);
    } catch (error) {
      await this.#showQueue();
      notice("claim", error instanceof Error ? error.message : strings.errors.unknown, { bad: true });
    }
  }

  /** @param {any[]} tasks @param {string} flowDefinition */
  #showGrid(tasks, flowDefinition) {
    this.page?.close();
    history.replaceState(null, "", `#grid=${encodeURIComponent(flowDefinition)}`);
    const page = new GridPage(this.api, this.worker.username, tasks, this.#preferences.of(flowDefinition), (outcome) => {
      if (outcome === "released") this.#showQueue();
      else this.#nextGrid(flowDefinition, tasks[0].title);
    });
    this.page = page;
    page.open();
  }

  /**
   * @param {any} task
   * @param {{flow_definition?: string}} wanted
   * @param {string} name
   * @param {{page?: string, is_offered?: boolean}} [next] its page, if that came with it or is there already
   */
  #showTask(task, wanted, name, { page: taskPage, is_offered: isOffered } = {}) {
    this.page?.close();
    history.replaceState(null, "", `#task=${encodeURIComponent(task.id)}`);
    const page = new TaskPage(this.api, this.worker.username, task, wanted, {
      page: taskPage ?? null,
      isOffered: Boolean(isOffered),
      preferencesOf: (flow) => this.#preferences.of(flow),
      finish: (outcome, submitted) => {
        // What is said about this task takes the place of the offer.
        this.#takeBack = null;
        if (submitted) this.#submitted(task, submitted, wanted, name);
        else if (outcome === "declined" || outcome === "gone") this.#next(wanted, name);
        else this.#showQueue();
      },
      takeBack: () => this.#takeBack?.(),
    });
    this.page = page;
    page.open();
  }

  /**
   * Show the task that came with the answer's receipt, and offer to take the answer back while that is possible.
   * @param {any} task
   * @param {any} submitted the service's answer
   * @param {{flow_definition?: string}} wanted
   * @param {string} name
   */
  #submitted(task, { next, undo_seconds = 0 }, wanted, name) {
    const takeBack = undo_seconds ? () => this.#undo(task, wanted, name) : null;
    this.#takeBack = takeBack;
    const button = takeBack && make("button", { type: "button", onclick: takeBack }, strings.task.undo, " ", make("kbd", {}, "Alt+U"));
    toast(strings.task.submitted(task.human_loop), { button, seconds: undo_seconds || undefined });
    window.setTimeout(() => {
      if (this.#takeBack === takeBack) this.#takeBack = null;
    }, undo_seconds * 1000);
    if (next?.task) this.#showTask(next.task, wanted, name, next);
    else this.#showQueue({ reason: next?.reason, name, retryAfter: next?.retry_after });
  }

  /**
   * Take an answer back and go on with its task. The task after it stays the worker's.
   * @param {any} task
   * @param {{flow_definition?: string}} wanted
   * @param {string} name
   */
  async #undo(task, wanted, name) {
    if (this.page instanceof TaskPage && this.page.submitting) return;
    this.#takeBack = null;
    try {
      const reopened = await this.api.act(task.id, "undo");
      toast(strings.task.undone(task.human_loop));
      this.#showTask(reopened, wanted, name);
    } catch (error) {
      toast(error instanceof RefusedError ? error.message : strings.signIn.unreachable);
    }
  }

  /**
   * Try until the service answers, and say so meanwhile.
   * @template T
   * @param {() => Promise<T>} action
   * @returns {Promise<T>}
   */
  async #retry(action) {
    for (;;) {
      try {
        const result = await action();
        notice("unreachable", "");
        return result;
      } catch (error) {
        if (error instanceof RefusedError) throw error;
        notice("unreachable", strings.signIn.unreachable, { bad: true });
        await new Promise((resolve) => window.setTimeout(resolve, 2000));
      }
    }
  }
}

new Portal().start();
