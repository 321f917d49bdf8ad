// @ts-check
import { RefusedError } from "./api.js";
import { byId, make } from "./dom.js";
import { strings } from "./strings.js";

/**
 * @param {import("./api.js").Api} api
 * @param {{heading: HTMLElement, text?: string, username?: string, done: (worker: any) => void}} options
 */
function signInForm(api, { heading, text, username = "", done }) {
  const name = make("input", { name: "username", autocomplete: "username", required: true, value: username, id: "username" });
  const password = make("input", { name: "password", type: "password", autocomplete: "current-password", required: true, id: "password" });
  const error = make("p.error", { role: "alert" });
  const button = make("button.primary", { type: "submit" }, strings.signIn.button);
  const form = make(
    "form.sign-in-form",
    {
      method: "post",
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (button.disabled) return;
        button.disabled = true;
        error.textContent = "";
        try {
          done(await api.signIn(name.value, password.value));
        } catch (refused) {
          error.textContent = refused instanceof RefusedError ? refused.message : strings.signIn.unreachable;
          password.select();
          password.focus();
        } finally {
          button.disabled = false;
        }
      },
    },
    heading,
    text ? make("p", {}, text) : null,
    make("label", {}, make("span", {}, strings.signIn.username), name),
    make("label", {}, make("span", {}, strings.signIn.password), password),
    error,
    button
  );
  return { form, focus: () => (username ? password : name).focus() };
}

/**
 * The sign-in page.
 * @param {import("./api.js").Api} api
 * @returns {Promise<any>} the worker
 */
export function signInPage(api) {
  return new Promise((resolve) => {
    const { form, focus } = signInForm(api, { heading: make("h1", {}, strings.signIn.heading), done: resolve });
    byId("top-task").replaceChildren();
    byId("top-session").replaceChildren();
    byId("main").replaceChildren(make("div.sign-in", {}, form));
    document.title = `${strings.signIn.heading} · ${strings.product}`;
    focus();
  });
}

/**
 * Sign in again over what is on the screen, which stays as it is.
 * @param {import("./api.js").Api} api
 * @param {string} username
 * @returns {Promise<any>} the worker
 */
export function signInAgain(api, username) {
  return new Promise((resolve) => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = make("dialog.sign-in-again", { "aria-labelledby": "sign-in-again" });
    const { form, focus } = signInForm(api, {
      heading: make("h2", { id: "sign-in-again" }, strings.signIn.again),
      text: strings.signIn.againText,
      username,
      done: (worker) => {
        dialog.close();
        dialog.remove();
        before?.focus();
        resolve(worker);
      },
    });
    dialog.append(form);
    dialog.addEventListener("cancel", (/** @type {Event} */ event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
    focus();
  });
}
