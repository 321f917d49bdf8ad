// @ts-check
import { make } from "./dom.js";

const PREPARED_FRAME = "/portal/prepared-frame";
const PREPARE_AFTER_MS = 300;

/**
 * The sandboxed frames in which tasks are shown, and the spare one for the task that comes next.
 *
 * Chromium keeps nothing for a frame without an origin: each would load and compile the elements' script while the
 * person waits. So a frame that has it is prepared behind the task before, and the next task's page is written into it.
 * A frame shows one task and is thrown away.
 */
class TaskFrames {
  /** @type {HTMLIFrameElement | null} */
  #spare = null;
  #isReady = false;
  #timer = 0;

  constructor() {
    window.addEventListener("message", (event) => {
      if (event.data?.type === "review-desk:prepared" && event.source === this.#spare?.contentWindow) this.#isReady = true;
    });
  }

  /**
   * @param {Element} stage where it is to be shown
   * @returns {{frame: HTMLIFrameElement, isPrepared: boolean}} prepared: it waits for `review-desk:page`
   */
  take(stage) {
    window.clearTimeout(this.#timer);
    const spare = this.#spare?.parentElement === stage && this.#isReady ? this.#spare : null;
    if (!spare) this.#spare?.remove();
    this.#spare = null;
    const frame = spare ?? newFrame(stage);
    frame.classList.remove("spare");
    frame.removeAttribute("inert");
    return { frame, isPrepared: spare !== null };
  }

  /** Prepare the next frame, when the person has what they wait for. @param {Element} stage */
  prepare(stage) {
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      if (!stage.isConnected || this.#spare?.isConnected) return;
      this.#isReady = false;
      this.#spare = newFrame(stage);
      this.#spare.classList.add("spare");
      this.#spare.setAttribute("inert", "");
      this.#spare.src = PREPARED_FRAME;
    }, PREPARE_AFTER_MS);
  }

  get hasSpare() {
    return this.#isReady && this.#spare !== null;
  }

  /** @param {Element} frame */
  isSpare(frame) {
    return frame === this.#spare;
  }
}

/** @param {Element} stage */
function newFrame(stage) {
  const frame = make("iframe.waiting", { title: "" });
  frame.setAttribute("sandbox", "allow-scripts allow-forms");
  stage.append(frame);
  return frame;
}

export const taskFrames = new TaskFrames();
