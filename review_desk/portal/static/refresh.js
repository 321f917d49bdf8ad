// @ts-check
import { make } from "./dom.js";
import { strings } from "./strings.js";

const REFRESH_MS = 30_000;
const SWITCH = "review-desk.refresh";

/**
 * Fetches a page's numbers anew every half minute, while the page is seen and nobody has switched that off (WCAG 2.2.2).
 * The switch is this browser's.
 */
export class Refresh {
  #on = kept() !== "off";
  #at = 0;
  #busy = false;
  /** @type {number | undefined} */
  #timer;
  #asOf = make("span.as-of");

  /** @param {() => Promise<void>} action fetches and shows; what it cannot do now it does the next time */
  constructor(action) {
    this.action = action;
    const box = make("input", { type: "checkbox", id: "auto-refresh", checked: this.#on, onchange: () => this.#switch(box.checked) });
    /** What the page shows of it. */
    this.control = make("span.refresh", {}, this.#asOf, make("label", {}, box, make("span", {}, strings.refresh.automatic)));
    document.addEventListener("visibilitychange", this.#seen);
    this.#timer = window.setInterval(() => this.#run(), REFRESH_MS);
  }

  /** The numbers are those of now. */
  done() {
    this.#at = Date.now();
    this.#asOf.textContent = strings.refresh.asOf(new Date().toLocaleTimeString([], { timeStyle: "short" }));
  }

  close() {
    document.removeEventListener("visibilitychange", this.#seen);
    window.clearInterval(this.#timer);
  }

  #seen = () => {
    if (Date.now() - this.#at >= REFRESH_MS) this.#run();
  };

  /** @param {boolean} on */
  #switch(on) {
    this.#on = on;
    keep(on ? "on" : "off");
    if (on) this.#run();
  }

  async #run() {
    if (!this.#on || this.#busy || document.visibilityState !== "visible" || document.querySelector("dialog[open]")) return;
    this.#busy = true;
    try {
      await this.action();
    } catch {
      // The numbers stay, with their time beside them.
    } finally {
      this.#busy = false;
    }
  }
}

function kept() {
  try {
    return localStorage.getItem(SWITCH);
  } catch {
    return null;
  }
}

/** @param {string} value */
function keep(value) {
  try {
    localStorage.setItem(SWITCH, value);
  } catch {
    // Without storage it is good for this page.
  }
}
