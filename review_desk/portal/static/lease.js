// @ts-check
import { duration, speak } from "./dom.js";
import { strings } from "./strings.js";

/** Shows how long a task is still the worker's, and warns in the last minutes. */
export class LeaseClock {
  /** @type {number | undefined} */
  #timer;
  #endsAt = 0;
  #warned = Infinity;
  /** @type {number[]} */
  #limits = [];

  /**
   * @param {HTMLElement} element
   * @param {{warn: (left: string) => void, over: () => void}} actions `warn` twice, in time to ask for more;
   *   `over` once, when the time is over
   */
  constructor(element, { warn, over }) {
    this.element = element;
    this.warn = warn;
    this.over = over;
  }

  /** @param {{seconds_left: number, time_limit_seconds: number}} lease as the service just sent it; this browser's own date does not matter */
  set(lease) {
    this.#endsAt = performance.now() + lease.seconds_left * 1000;
    // With a short limit as late as leaves time to answer: 20 seconds by WCAG 2.2.1.
    this.#limits = [0, Math.min(60, Math.max(20, lease.time_limit_seconds / 4)), Math.min(300, lease.time_limit_seconds / 2)];
    if (lease.seconds_left > this.#limits[2]) this.#warned = Infinity;
    this.#timer ??= window.setInterval(() => this.#show(), 1000);
    this.#show();
  }

  stop() {
    window.clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #show() {
    const left = Math.max(0, Math.round((this.#endsAt - performance.now()) / 1000));
    const { element } = this;
    element.classList.toggle("soon", left <= this.#limits[2] && left > this.#limits[1]);
    element.classList.toggle("last", left <= this.#limits[1]);
    const clock = left < 300 ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : duration(left);
    const text = left === 0 ? strings.time.over : strings.time.left(clock);
    if (element.textContent !== text) element.textContent = text;
    this.#warn(left);
  }

  /** @param {number} left seconds */
  #warn(left) {
    const limit = this.#limits.find((seconds) => left <= seconds);
    if (limit === undefined || this.#warned <= limit) return;
    this.#warned = limit;
    if (limit > 0) {
      this.warn(duration(left));
    } else {
      speak(strings.time.over);
      this.over();
    }
  }
}
