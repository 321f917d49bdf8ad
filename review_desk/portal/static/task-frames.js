// @ts-check
import { make } from "./dom.js";

const PREPARED_FRAME = "/portal/prepared-frame";
const PREPARE_AFTER_MS = 300;
const STUCK_AFTER_MS = 5_000;
/** In this tab's storage while the page of a next task begins: still there after a reload, that page has no end. */
const BEGINNING = "review-desk:next-page-begins";

/**
 * The sandboxed frames in which tasks are shown, and the spare one for the task that comes next.
 *
 * Chromium keeps nothing for a frame without an origin: each would load and compile the elements' script while the
 * person waits. So a frame that has it is prepared behind the task before. The page of the task that would come next is
 * written into it, with its pictures, and hears and tells nothing until it is shown. If another task comes, its page is
 * written into a prepared frame that is still empty, or loaded into a new one. A frame shows one task and is thrown away.
 */
class TaskFrames {
  /** @type {HTMLIFrameElement | null} */
  #spare = null;
  #isReady = false;
  #isChosen = false;
  #timer = 0;
  /** @type {string | null} the token of the task whose page the spare frame has */
  #offer = null;
  /** One page without an end is enough: Chromium runs all frames of tasks in one process, and both stand still. */
  #offersAreSafe = sessionStorage.getItem(BEGINNING) === null;
  /** @type {() => Promise<import("./api.js").Offer | null>} */
  #ask = async () => null;
  /** @type {(flow: string) => object} */
  #preferences = () => ({});
  #stuck = () => {};

  constructor() {
    sessionStorage.removeItem(BEGINNING);
    window.addEventListener("message", (event) => {
      if (event.source !== this.#spare?.contentWindow) return;
      if (event.data?.type === "review-desk:held") sessionStorage.removeItem(BEGINNING);
      if (event.data?.type !== "review-desk:prepared") return;
      // Only once: what is in the frame later are other people's scripts.
      if (this.#isReady) return;
      this.#isReady = true;
      this.#fill(this.#spare);
    });
  }

  /**
   * @param {Element} stage where it is to be shown
   * @param {boolean} isOffered the task is the one whose page is there
   * @returns {{frame: HTMLIFrameElement, has: "nothing" | "elements" | "page"}} with the elements it waits for
   *   `review-desk:page`, with the page for `review-desk:show`
   */
  take(stage, isOffered) {
    window.clearTimeout(this.#timer);
    const has = !this.#spare || !this.#isReady ? "nothing" : this.#offer === null ? "elements" : "page";
    const fits = this.#spare?.parentElement === stage && has !== "nothing" && (has === "page") === isOffered;
    const spare = fits ? this.#spare : null;
    // Whether it has an end is asked of a task's own page from here on.
    sessionStorage.removeItem(BEGINNING);
    if (!spare) this.#spare?.remove();
    this.#spare = null;
    this.#offer = null;
    this.#isChosen = false;
    const frame = spare ?? newFrame(stage);
    if (has !== "page") frame.classList.remove("spare");
    frame.removeAttribute("inert");
    return { frame, has: spare ? has : "nothing" };
  }

  /**
   * Prepare the next frame, when the person has what they wait for.
   * @param {Element} stage
   * @param {() => Promise<import("./api.js").Offer | null>} ask for the page of the task that would come next
   * @param {(flow: string) => object} preferences what the page gets to know before it is shown
   * @param {() => void} stuck the page of the next task does not come to an end, and may hold up the present one
   */
  prepare(stage, ask, preferences, stuck) {
    window.clearTimeout(this.#timer);
    this.#stuck = stuck;
    this.#ask = ask;
    this.#preferences = preferences;
    this.#timer = window.setTimeout(() => {
      if (!stage.isConnected || this.#spare?.isConnected) return;
      this.#isReady = false;
      this.#offer = null;
      this.#spare = newFrame(stage);
      this.#spare.classList.add("spare");
      this.#spare.setAttribute("inert", "");
      this.#spare.src = PREPARED_FRAME;
    }, PREPARE_AFTER_MS);
  }

  /** @param {HTMLIFrameElement} frame that has the elements */
  async #fill(frame) {
    const offered = this.#offersAreSafe ? await this.#ask().catch(() => null) : null;
    if (!offered || frame !== this.#spare || this.#isChosen) return;
    this.#offer = offered.offer;
    sessionStorage.setItem(BEGINNING, "yes");
    window.setTimeout(() => {
      if (frame === this.#spare && sessionStorage.getItem(BEGINNING) !== null) this.#stuck();
    }, STUCK_AFTER_MS);
    frame.contentWindow?.postMessage({ type: "review-desk:page", html: offered.page, isOffered: true }, "*");
    frame.contentWindow?.postMessage({ type: "review-desk:preferences", preferences: this.#preferences(offered.flow_definition) }, "*");
  }

  /**
   * What to ask for together with the claim of the next task: its page, if a frame waits for one, or that very task.
   * From here on no page is written into the spare frame: it would be another task's.
   */
  choose() {
    this.#isChosen = true;
    return { with_page: this.#isReady && this.#spare !== null && this.#offer === null, offer: this.#spare && this.#offer };
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
