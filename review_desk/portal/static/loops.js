// @ts-check
import { RefusedError } from "./api.js";
import { ask, make } from "./dom.js";
import { patchContent } from "./patch.js";
import { columns } from "./report.js";
import { strings } from "./strings.js";

const AT_ONCE = 100;
const NAMES_SHOWN = 8;
const STATUSES = ["InProgress", "Stopping", "Completed", "Stopped", "Failed"];
const FINAL = ["Completed", "Stopped", "Failed"];
const texts = strings.loops;

/** @param {string} flowDefinition ARN */
export const regionOf = (flowDefinition) => flowDefinition.split(":")[3];

/** @param {any} loop */
export const loopLink = (loop) =>
  `#/team/loops/${encodeURIComponent(loop.name)}?${new URLSearchParams({ region: regionOf(loop.flow_definition) })}`;

/** @param {string | null} moment */
const written = (moment) => (moment ? new Date(moment).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "–");

/** @param {unknown} error */
export const messageOf = (error) => (error instanceof RefusedError ? error.message : strings.signIn.unreachable);

/**
 * The search of human loops, and what can be done to several of them at once.
 */
export class LoopSearch {
  /** @type {Map<string, any>} by ARN of the flow definition and name */
  #chosen = new Map();
  /** @type {any[]} */
  #loops = [];
  /** @type {number | null} */
  #before = null;
  #results = make("div.results", { role: "status" });
  #rows = make("tbody");
  #all = make("input", { type: "checkbox", "aria-label": texts.chooseAll, onchange: () => this.#chooseAll(this.#all.checked) });
  #count = make("span.chosen", { "aria-live": "polite" });
  #stop = make("button", { type: "button", id: "stop", onclick: () => this.#act("stop") }, texts.stop);
  #requeue = make("button", { type: "button", id: "requeue", onclick: () => this.#act("requeue") }, texts.requeue);
  #more = make("button", { type: "button", id: "more", onclick: () => this.#showMore() }, texts.more);
  #table = make("div.history");
  #none = make("p", {}, texts.none);

  /**
   * @param {import("./api.js").Api} api
   * @param {any[]} teams
   * @param {URLSearchParams} wanted `name`, `status`, `flow_definition`
   * @param {(wanted: URLSearchParams) => void} go
   */
  constructor(api, teams, wanted, go) {
    this.api = api;
    this.teams = teams;
    this.wanted = wanted;
    this.go = go;
  }

  /** Fetch the first page. */
  async load() {
    const { loops, before } = await this.api.loops(this.wanted);
    this.#loops = loops;
    this.#before = before;
    this.#chosen.clear();
    this.#fill();
  }

  /** Fetch again what is shown, and keep what is chosen of it. */
  async refresh() {
    const known = this.#loops;
    const count = known.length;
    let { loops, before } = await this.api.loops(this.wanted);
    while (before !== null && loops.length < count) {
      const page = await this.api.loops(this.wanted, before);
      loops = [...loops, ...page.loops];
      before = page.before;
    }
    // Something was done meanwhile, and has fetched them anew.
    if (this.#loops !== known || known.length !== count) return;
    this.#loops = loops;
    this.#before = before;
    const shown = new Set(loops.map(keyOf));
    for (const key of this.#chosen.keys()) if (!shown.has(key)) this.#chosen.delete(key);
    patchContent(this.#rows, make("tbody", {}, ...loops.map((/** @type {any} */ loop) => this.#row(loop))));
    this.#showCounts();
  }

  /** @returns {Node[]} */
  render() {
    const head = [texts.name, texts.flow, texts.status, texts.answers, texts.working, texts.started];
    this.#table.append(
      make(
        "table",
        { "aria-label": texts.title },
        make("thead", {}, make("tr", {}, make("td", {}, this.#all), ...columns(head))),
        this.#rows
      ),
      this.#more
    );
    return [
      make(
        "div.heading",
        {},
        make("h1", { tabIndex: -1 }, texts.title),
        make("a.button", { href: this.api.csvOf("loops", this.wanted), download: "loops.csv" }, strings.team.csv)
      ),
      this.#filters(),
      this.#results,
      make("div.bulk", { role: "group", "aria-label": texts.actions }, this.#stop, this.#requeue, this.#count),
      this.#table,
      this.#none,
    ];
  }

  #filters() {
    const option = (/** @type {string} */ name) => (/** @type {string} */ value, /** @type {string} */ text) =>
      make("option", { value, selected: value === (this.wanted.get(name) ?? "") }, text);
    const name = make("input", { type: "search", id: "loop-name", value: this.wanted.get("name") ?? "", maxLength: 256 });
    const status = make("select", { id: "loop-status" }, option("status")("", texts.any), ...STATUSES.map((value) => option("status")(value, texts.statuses[/** @type {"Failed"} */ (value)])));
    const flows = this.teams.flatMap((team) => team.flow_definitions);
    const flow = make("select", { id: "loop-flow" }, option("flow_definition")("", texts.any), ...flows.map((one) => option("flow_definition")(one.flow_definition, one.name)));
    const search = (/** @type {Event} */ event) => {
      event.preventDefault();
      const filled = Object.entries({ name: name.value.trim(), status: status.value, flow_definition: flow.value }).filter(([, value]) => value);
      this.go(new URLSearchParams(filled));
    };
    return make(
      "form.filters",
      { role: "search", onsubmit: search },
      make("label", {}, make("span", {}, texts.namePart), name),
      make("label", {}, make("span", {}, texts.status), status),
      make("label", {}, make("span", {}, texts.flow), flow),
      make("button.primary", { type: "submit", id: "search" }, texts.search)
    );
  }

  #fill() {
    this.#rows.replaceChildren(...this.#loops.map((loop) => this.#row(loop)));
    this.#showCounts();
  }

  #showCounts() {
    this.#table.hidden = !this.#loops.length;
    this.#none.hidden = Boolean(this.#loops.length);
    this.#more.hidden = this.#before === null;
    this.#countChosen();
  }

  /** @param {any} loop */
  #row(loop) {
    const key = keyOf(loop);
    const box = make("input", {
      type: "checkbox",
      checked: this.#chosen.has(key),
      "aria-label": texts.choose(loop.name),
      onchange: () => {
        if (box.checked) this.#chosen.set(key, loop);
        else this.#chosen.delete(key);
        this.#countChosen();
      },
    });
    return make(
      "tr",
      { "data-key": key },
      make("td", {}, box),
      make("th", { scope: "row" }, make("a", { href: loopLink(loop) }, loop.name)),
      make("td.wrap", {}, loop.flow_definition.split("/").pop()),
      make("td", {}, texts.statuses[/** @type {"Failed"} */ (loop.status)]),
      make("td.number", {}, texts.ofCount(loop.answers, loop.task_count)),
      make("td.number", {}, String(loop.working)),
      make("td", {}, written(loop.created_at))
    );
  }

  /** @param {boolean} all */
  #chooseAll(all) {
    this.#chosen = new Map(all ? this.#loops.map((loop) => [keyOf(loop), loop]) : []);
    this.#fill();
  }

  #countChosen() {
    const count = this.#chosen.size;
    const said = count ? texts.chosen(count) : texts.noneChosen;
    if (this.#count.textContent !== said) this.#count.textContent = said;
    this.#stop.disabled = this.#requeue.disabled = !count;
    this.#all.checked = count > 0 && count === this.#loops.length;
    this.#all.indeterminate = count > 0 && count < this.#loops.length;
  }

  async #showMore() {
    const first = this.#loops.length;
    this.#more.disabled = true;
    try {
      const { loops, before } = await this.api.loops(this.wanted, this.#before);
      this.#loops.push(...loops);
      this.#before = before;
      this.#fill();
      this.#rows.rows[first]?.querySelector("a")?.focus();
    } catch (error) {
      this.#say(messageOf(error), []);
    } finally {
      this.#more.disabled = false;
    }
  }

  /** @param {"stop" | "requeue"} what */
  async #act(what) {
    const loops = [...this.#chosen.values()];
    const action = texts[what === "stop" ? "stopping" : "requeuing"];
    const names = loops.slice(0, NAMES_SHOWN).map((loop) => make("li", {}, loop.name));
    const rest = loops.length - names.length;
    const agreed = await ask({
      heading: action.heading(loops.length),
      body: [make("p", {}, action.text), make("ul", {}, ...names, rest > 0 ? make("li", {}, texts.others(rest)) : null)],
      confirm: action.confirm(loops.length),
      cancel: texts.cancel,
    });
    if (!agreed) return;
    this.#stop.disabled = this.#requeue.disabled = true;
    /** @type {any[]} */
    const results = [];
    let broken = "";
    try {
      for (const [region, part] of parts(loops)) results.push(...(await this.api.actOnLoops(what, part, region)));
    } catch (error) {
      broken = messageOf(error);
    }
    const done = results.filter((result) => !result.error).length;
    await this.load().catch((error) => (broken ||= messageOf(error)));
    const lines = results.map((result) =>
      make("li", {}, make("strong", {}, result.name), ` – ${result.error ?? action.done(result)}`)
    );
    this.#say(broken || action.result(done, loops.length), lines);
  }

  /** @param {string} text @param {Node[]} lines */
  #say(text, lines) {
    const heading = make("h2", { tabIndex: -1 }, text);
    this.#results.replaceChildren(heading, make("ul", {}, ...lines));
    heading.focus();
  }
}

/** @param {any} loop */
const keyOf = (loop) => `${loop.flow_definition} ${loop.name}`;

/** Names by Region, as many as one request takes. @param {any[]} loops @returns {[string, string[]][]} */
function parts(loops) {
  /** @type {Map<string, string[]>} */
  const byRegion = new Map();
  for (const loop of loops) {
    const region = regionOf(loop.flow_definition);
    byRegion.set(region, [...(byRegion.get(region) ?? []), loop.name]);
  }
  return [...byRegion].flatMap(([region, names]) =>
    Array.from({ length: Math.ceil(names.length / AT_ONCE) }, (_, part) => /** @type {[string, string[]]} */ ([region, names.slice(part * AT_ONCE, (part + 1) * AT_ONCE)]))
  );
}

/**
 * One human loop: its tasks and its history.
 */
export class LoopDetail {
  #body = make("div");
  /** @type {string[]} user names of who could be given a task */
  #candidates = [];
  #said = make("p.said", { role: "status" });

  /**
   * @param {import("./api.js").Api} api
   * @param {string} name
   * @param {string | null} region
   * @param {string} search address of the search that led here
   */
  constructor(api, name, region, search) {
    this.search = search;
    this.api = api;
    this.name = name;
    this.region = region;
  }

  async load() {
    this.#body.replaceChildren(...this.#render(await this.api.loop(this.name, this.region)));
  }

  /** Fetch it again, and change only what has changed. */
  async refresh() {
    patchContent(this.#body, make("div", {}, ...this.#render(await this.api.loop(this.name, this.region))));
  }

  /** @returns {Node[]} */
  render() {
    return [
      make("p", {}, make("a", { href: this.search }, texts.back)),
      make("div.heading", {}, make("h1", { tabIndex: -1 }, this.name)),
      this.#said,
      this.#body,
    ];
  }

  /** @param {any} loop */
  #render(loop) {
    this.#candidates = loop.candidates;
    const facts = [
      [texts.flow, loop.flow_definition.split("/").pop()],
      [texts.status, texts.statuses[/** @type {"Failed"} */ (loop.status)]],
      [texts.answers, texts.ofCount(loop.answers, loop.task_count)],
      [texts.started, written(loop.created_at)],
      [texts.available, written(loop.available_until)],
      [texts.ended, written(loop.ended_at)],
      ...(loop.failure_reason ? [[texts.failure, loop.failure_reason]] : []),
    ];
    const stop = make("button", { type: "button", id: "stop", onclick: () => this.#stop() }, texts.stopOne);
    return [
      make("dl.facts", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
      ...(FINAL.includes(loop.status) || loop.status === "Stopping" ? [] : [stop]),
      make("h2.part", { id: "tasks-heading" }, texts.tasks),
      loop.tasks.length ? this.#tasks(loop) : make("p", {}, texts.noTasks),
      make("h2.part", { id: "events-heading" }, texts.history),
      loop.history.length ? history(loop.history) : make("p", {}, texts.noHistory),
    ];
  }

  /** @param {any} loop */
  #tasks(loop) {
    const head = [texts.worker, texts.state, texts.accepted, texts.leaseEnds, texts.submitted, texts.actions];
    const rows = loop.tasks.map((/** @type {any} */ task) => {
      const isHeld = task.state === "working";
      const buttons = [
        make("button", { type: "button", "aria-label": texts.requeueFrom(task.worker), onclick: () => this.#requeue(task) }, texts.requeueOne),
        make("button", { type: "button", "aria-label": texts.reassignFrom(task.worker), onclick: () => this.#reassign(task) }, texts.reassign),
      ];
      return make(
        "tr",
        { "data-key": task.id },
        make("th", { scope: "row" }, task.worker),
        make("td", {}, texts.states[/** @type {"working"} */ (task.state)] ?? task.state),
        make("td", {}, written(task.accepted_at)),
        make("td", {}, isHeld ? written(task.lease_expires_at) : "–"),
        make("td", {}, written(task.submitted_at)),
        make("td", {}, ...(isHeld ? [make("div.actions", {}, ...buttons)] : ["–"]))
      );
    });
    return make(
      "div.history",
      {},
      make("table", { "aria-labelledby": "tasks-heading" }, make("thead", {}, make("tr", {}, ...columns(head))), make("tbody", {}, ...rows))
    );
  }

  async #stop() {
    const action = texts.stopping;
    const agreed = await ask({ heading: action.heading(1), body: [make("p", {}, action.text)], confirm: action.confirm(1), cancel: texts.cancel });
    if (!agreed) return;
    await this.#do(async () => {
      const [result] = await this.api.actOnLoops("stop", [this.name], this.region);
      return result.error ?? action.done(result);
    });
  }

  /** @param {any} task */
  async #requeue(task) {
    const agreed = await ask({
      heading: texts.requeueHeading(task.worker),
      body: [make("p", {}, texts.requeuing.text)],
      confirm: texts.requeueOne,
      cancel: texts.cancel,
    });
    if (!agreed) return;
    await this.#do(async () => {
      await this.api.requeueTask(task.id);
      return texts.requeuedFrom(task.worker);
    });
  }

  /** @param {any} task */
  async #reassign(task) {
    const candidates = this.#candidates;
    const select = make("select", { id: "new-holder" }, ...candidates.map((name) => make("option", { value: name }, name)));
    const username = await ask({
      heading: texts.reassignHeading(task.worker),
      body: candidates.length
        ? [make("p", {}, texts.reassignText), make("label", {}, make("span", {}, texts.reassignTo), select)]
        : [make("p", {}, texts.noCandidates)],
      confirm: candidates.length ? texts.reassignConfirm : undefined,
      cancel: texts.cancel,
      value: () => select.value,
    });
    if (!username) return;
    await this.#do(async () => {
      await this.api.reassignTask(task.id, String(username));
      return texts.reassigned(String(username));
    });
  }

  /** Do something, show the loop as it is then, and say what came of it. @param {() => Promise<string>} action */
  async #do(action) {
    let said;
    try {
      said = await action();
    } catch (error) {
      said = messageOf(error);
    }
    await this.load().catch(() => {});
    this.#said.textContent = said;
    // The button that was pressed may be gone.
    /** @type {HTMLElement | null} */ (document.querySelector("main h1"))?.focus();
  }
}

/** @param {any[]} events */
function history(events) {
  const rows = events.map((event) =>
    make(
      "tr",
      {},
      make("td", {}, written(event.at)),
      make("td", {}, texts.events[/** @type {"claimed"} */ (event.action)] ?? event.action),
      make("td", {}, event.worker ?? "–")
    )
  );
  return make(
    "div.history",
    {},
    make(
      "table",
      { "aria-labelledby": "events-heading" },
      make("thead", {}, make("tr", {}, ...columns([texts.at, texts.event, texts.worker]))),
      make("tbody", {}, ...rows)
    )
  );
}
