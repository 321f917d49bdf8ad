// @ts-check
import { strings } from "./strings.js";

/**
 * Make an element. Texts become text nodes, never markup.
 *
 * @param {string} tag with classes: `button.primary`
 * @param {Record<string, any>} [properties] `on…` are listeners; names with a hyphen and `role` are attributes
 * @param {...(Node | string | null | undefined)} children
 * @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "role" || key === "for") element.setAttribute(key, value);
    else /** @type {any} */ (element)[key] = value;
  }
  element.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined)));
  return element;
}

/** @param {string} id */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @type {number | undefined} */
let toastTimer;

/**
 * Say something that passes.
 * @param {string} text empty: take it away
 * @param {{seconds?: number, button?: Node | null}} [options]
 */
export function toast(text, { seconds = 4, button = null } = {}) {
  fillToast(...(text ? [make("span", {}, text)] : []), ...(button ? [button] : []));
  window.clearTimeout(toastTimer);
  toastTimer = window.setTimeout(() => fillToast(), seconds * 1000);
}

/** @param {Node[]} content */
function fillToast(...content) {
  const focused = byId("toast").contains(document.activeElement);
  byId("toast").replaceChildren(...content);
  // Nobody is left without a focus because a button's time was over.
  if (focused) /** @type {HTMLElement} */ (document.querySelector("main iframe:not(.waiting)") ?? byId("main")).focus();
}

/** Say something to a screen reader at once. @param {string} text */
export function speak(text) {
  byId("spoken").textContent = text;
}

/** @type {Map<string, HTMLElement>} */
const notices = new Map();

/**
 * Show a notice until it is taken away; a second one of the same key takes the place of the first.
 *
 * @param {string} key
 * @param {string} text empty: take it away
 * @param {{bad?: boolean, button?: string, onclick?: () => void}} [options]
 */
export function notice(key, text, options = {}) {
  const old = notices.get(key);
  if (!text) {
    old?.remove();
    notices.delete(key);
    return;
  }
  if (old && !options.button) {
    if (old.firstChild && old.firstChild.textContent !== text) old.firstChild.textContent = text;
    return;
  }
  const shown = old?.firstChild?.textContent;
  const element = old ?? make(`div.notice${options.bad ? ".bad" : ""}`, { role: "alert" });
  if (!old) {
    element.append(make("span", {}, text));
    if (options.button) element.append(make("button", { type: "button", onclick: options.onclick }, options.button));
    byId("notices").append(element);
    notices.set(key, element);
  } else if (shown !== text && element.firstChild) {
    element.firstChild.textContent = text;
  }
}

export function clearNotices() {
  for (const key of [...notices.keys()]) notice(key, "");
}

/**
 * Ask in a dialog. Resolves with what `content` returns from its form, or null when the person goes back.
 *
 * @template T
 * @param {{heading: string, body: Node[], confirm?: string, cancel: string, value?: () => T}} options
 * @returns {Promise<T | true | null>}
 */
export function ask({ heading, body, confirm, cancel, value }) {
  return new Promise((resolve) => {
    /** @type {any} */
    let result = null;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = make("dialog", { "aria-labelledby": "dialog-heading" });
    const form = make(
      "form",
      {
        method: "dialog",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          result = value ? value() : true;
          dialog.close();
        },
      },
      make("h2", { id: "dialog-heading" }, heading),
      ...body,
      make(
        "div.row",
        {},
        make("button", { type: "button", onclick: () => dialog.close() }, cancel),
        confirm ? make("button.primary", { type: "submit" }, confirm) : null
      )
    );
    dialog.append(form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Write a length of time as a person says it. @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return strings.time.seconds(whole);
  if (whole < 3600) return strings.time.minutes(Math.floor(whole / 60));
  return strings.time.hours(Math.floor(whole / 3600), Math.floor((whole % 3600) / 60));
}
