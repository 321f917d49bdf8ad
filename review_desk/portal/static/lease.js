// @ts-check
import { duration, speak } from "./dom.js";
import { strings } from "./strings.js";

/** Shows how long a task is still the worker's, and warns in the last minutes. */
export class LeaseClock {
  /** @type {number | undefined} */
  #timer;
  #endsAt = 0;
  #warned = Infinity;

  /** @param {HTMLElement} element @param {() => void} over called once when the time is over */
  constructor(element, over) {
    this.element = element;
    this.over = over;
  }

  /** @param {{seconds_left: number}} lease as the service just sent it; this browser's own date does not matter */
  set(lease) {
    this.#endsAt = performance.now() + lease.seconds_left * 1000;
    if (lease.seconds_left > 300) this.#warned = Infinity;
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
    element.classList.toggle("soon", left <= 300 && left > 60);
    element.classList.toggle("last", left <= 60);
    const clock = left < 300 ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : duration(left);
    const text = left === 0 ? strings.time.over : strings.time.left(clock);
    if (element.textContent !== text) element.textContent = text;
    this.#warn(left);
  }

  /** @param {number} left seconds */
  #warn(left) {
    for (const [limit, text] of /** @type {[number, string][]} */ ([
      [0, strings.time.over],
      [60, strings.time.oneMinute],
      [300, strings.time.fiveMinutes],
    ])) {
      if (left > limit) continue;
      if (this.#warned > limit) {
        this.#warned = limit;
        speak(text);
        if (limit === 0) this.over();
      }
      return;
    }
  }
}
