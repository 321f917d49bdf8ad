// @ts-check
import { RefusedError } from "./api.js";
import { byId, make } from "./dom.js";
import { strings } from "./strings.js";

/** @typedef {{password: boolean, oidc: {name: string, url: string} | null}} Methods */

/**
 * @param {import("./api.js").Api} api
 * @param {Methods} methods
 * @param {{heading: HTMLElement, text?: string, username?: string, elsewhere?: boolean, done: (worker: any) => void}} options
 *   elsewhere: the provider's page opens in a tab of its own, and this page stays as it is
 */
function signInForm(api, methods, { heading, text, username = "", elsewhere = false, done }) {
  const error = make("p.error", { role: "alert" });
  const provider = methods.oidc ? providerLink(methods.oidc, elsewhere) : null;
  const password = methods.password ? passwordFields(username, !provider) : null;
  const form = make(
    "form.sign-in-form",
    {
      method: "post",
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (!password || password.button.disabled) return;
        password.button.disabled = true;
        error.textContent = "";
        try {
          done(await api.signIn(password.name.value, password.password.value));
        } catch (refused) {
          error.textContent = refused instanceof RefusedError ? refused.message : strings.signIn.unreachable;
          password.password.select();
          password.password.focus();
        } finally {
          password.button.disabled = false;
        }
      },
    },
    heading,
    text ? make("p", {}, text) : null,
    provider,
    provider && password ? make("p.or", {}, strings.signIn.or) : null,
    ...(password ? [...password.labels, error, password.button] : [error])
  );
  const first = password ? (username ? password.password : password.name) : provider;
  return { form, focus: () => first?.focus() };
}

/** @param {string} username @param {boolean} only nothing else is offered */
function passwordFields(username, only) {
  const name = make("input", { name: "username", autocomplete: "username", required: true, value: username, id: "username" });
  const password = make("input", { name: "password", type: "password", autocomplete: "current-password", required: true, id: "password" });
  const labels = [
    make("label", {}, make("span", {}, strings.signIn.username), name),
    make("label", {}, make("span", {}, strings.signIn.password), password),
  ];
  return { name, password, labels, button: make(only ? "button.primary" : "button", { type: "submit" }, strings.signIn.button) };
}

/** @param {{name: string, url: string}} oidc @param {boolean} elsewhere */
function providerLink({ name, url }, elsewhere) {
  // Back to the task that this address names, after a reload just as after a sign-in.
  const next = elsewhere ? "" : `?next=${encodeURIComponent(location.pathname + location.hash)}`;
  const properties = { href: url + next, id: "provider", ...(elsewhere ? { target: "_blank", rel: "noopener" } : {}) };
  return make("a.button.primary", properties, strings.signIn.provider(name));
}

/**
 * The sign-in page.
 * @param {import("./api.js").Api} api
 * @param {Methods} methods
 * @returns {Promise<any>} the worker
 */
export function signInPage(api, methods) {
  return new Promise((resolve) => {
    const { form, focus } = signInForm(api, methods, { heading: make("h1", {}, strings.signIn.heading), done: resolve });
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
 * @param {Methods} methods
 * @param {string} username
 * @returns {Promise<any>} the worker
 */
export function signInAgain(api, methods, username) {
  return new Promise((resolve) => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const dialog = make("dialog.sign-in-again", { "aria-labelledby": "sign-in-again" });
    const done = (/** @type {any} */ worker) => {
      window.removeEventListener("focus", look);
      dialog.close();
      dialog.remove();
      before?.focus();
      resolve(worker);
    };
    const look = async () => {
      const worker = await api.session().catch(() => null);
      if (worker && dialog.open) done(worker);
    };
    const { form, focus } = signInForm(api, methods, {
      heading: make("h2", { id: "sign-in-again" }, strings.signIn.again),
      text: methods.oidc ? `${strings.signIn.againText} ${strings.signIn.againElsewhere}` : strings.signIn.againText,
      username,
      elsewhere: true,
      done,
    });
    dialog.append(form);
    dialog.addEventListener("cancel", (/** @type {Event} */ event) => event.preventDefault());
    document.body.append(dialog);
    // Who signs in with the provider does so in another tab, and comes back to this one.
    window.addEventListener("focus", look);
    dialog.showModal();
    focus();
  });
}
