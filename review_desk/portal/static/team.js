// @ts-check
import { RefusedError } from "./api.js";
import { byId, make } from "./dom.js";
import { LoopDetail, LoopSearch, messageOf } from "./loops.js";
import { navigation } from "./navigation.js";
import { patchContent } from "./patch.js";
import { Refresh } from "./refresh.js";
import { reportView } from "./report.js";
import { strings } from "./strings.js";

/** Whether an address belongs to the leads' pages. @param {string} hash */
export const isTeamAddress = (hash) => /^#\/team(?=$|[/?])/.test(hash);

/**
 * The leads' pages: `#/team`, `#/team/loops`, `#/team/loops/NAME`, each with what it is about after a `?`.
 */
export class TeamPage {
  #open = true;
  #shown = 0;
  #search = "#/team/loops";
  /** @type {(() => Promise<void>) | null} fetches what is shown anew */
  #again = null;
  #refresh = new Refresh(() => this.#showAgain());

  /** @param {import("./api.js").Api} api @param {any} worker */
  constructor(api, worker) {
    this.api = api;
    this.worker = worker;
  }

  /** Show what the address names. */
  async show() {
    const shown = ++this.#shown;
    const [path, query = ""] = location.hash.slice(1).split("?", 2);
    const [, , section, name] = path.split("/");
    const focused = document.activeElement?.id;
    this.#again = null;
    let content;
    let again = null;
    try {
      ({ content, again } = await this.#content(section === "loops", name ? decoded(name) : "", new URLSearchParams(query)));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      content = [make("h1", { tabIndex: -1 }, messageOf(error)), make("p", {}, make("a", { href: "#/team" }, strings.navigation.team))];
    }
    if (!this.#open || shown !== this.#shown) return;
    this.#again = again;
    this.#refresh.done();
    byId("top-task").replaceChildren(...navigation(this.worker, section === "loops" ? "loops" : "team"), this.#refresh.control);
    byId("main").replaceChildren(make("div.sheet.wide", {}, make("div", {}, ...content)));
    const heading = /** @type {HTMLElement} */ (byId("main").querySelector("h1"));
    document.title = `${heading.textContent} · ${strings.product}`;
    const same = focused ? byId("main").querySelector(`button[id="${CSS.escape(focused)}"]`) : null;
    /** @type {HTMLElement} */ (same ?? heading).focus();
  }

  close() {
    this.#open = false;
    this.#refresh.close();
  }

  /** Show the same as it is now; nothing else of the page changes. */
  async #showAgain() {
    const shown = this.#shown;
    const again = this.#again;
    if (!again) return;
    const focused = document.activeElement;
    await again();
    if (!this.#open || shown !== this.#shown) return;
    this.#refresh.done();
    // What had the focus may be gone.
    if (focused && !focused.isConnected) byId("main").querySelector("h1")?.focus({ preventScroll: true });
  }

  /**
   * @param {boolean} isAboutLoops
   * @param {string} name
   * @param {URLSearchParams} wanted
   * @returns {Promise<{content: Node[], again: () => Promise<void>}>}
   */
  async #content(isAboutLoops, name, wanted) {
    if (name) {
      const detail = new LoopDetail(this.api, name, wanted.get("region"), this.#search);
      await detail.load();
      return { content: detail.render(), again: () => detail.refresh() };
    }
    if (isAboutLoops) {
      this.#search = location.hash;
      const { teams } = await this.api.teams();
      const search = new LoopSearch(this.api, teams, wanted, (next) => go("#/team/loops", next, this));
      await search.load();
      return { content: search.render(), again: () => search.refresh() };
    }
    const content = async () => {
      const [{ teams }, report] = await Promise.all([this.api.teams(), this.api.report(wanted)]);
      const csv = this.api.csvOf("report", wanted);
      return make("div", {}, ...reportView({ teams, report, csv, wanted, go: (next) => go("#/team", next, this) }));
    };
    const shown = await content();
    return { content: [shown], again: async () => patchContent(shown, await content()) };
  }
}

/** @param {string} path @param {URLSearchParams} wanted @param {TeamPage} page */
function go(path, wanted, page) {
  const address = wanted.size ? `${path}?${wanted}` : path;
  // The same address again is no change of it: who asks again wants the numbers of now.
  if (location.hash === address) page.show().catch(() => {});
  else location.hash = address;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
