// @ts-check
import { RefusedError } from "./api.js";
import { make, toast } from "./dom.js";
import { strings } from "./strings.js";

const texts = strings.password;

/**
 * Have a worker change their own password. What is refused is said in the dialog, and can be put right there.
 * @param {import("./api.js").Api} api
 * @param {string} username for the browser's password manager
 */
export function changePassword(api, username) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const field = (/** @type {string} */ id, /** @type {string} */ autocomplete) =>
    make("input", { id, name: id, type: "password", autocomplete, required: true, maxLength: 1024 });
  const current = field("current-password", "current-password");
  const fresh = field("new-password", "new-password");
  const again = field("new-password-again", "new-password");
  const error = make("p.error", { role: "alert" });
  const save = make("button.primary", { type: "submit" }, texts.save);
  const refuse = (/** @type {string} */ message, /** @type {HTMLInputElement} */ at) => {
    error.textContent = message;
    at.select();
    at.focus();
  };
  const dialog = make("dialog", { "aria-labelledby": "password-heading" });
  const label = (/** @type {string} */ text, /** @type {HTMLElement} */ input) => make("label", {}, make("span", {}, text), input);
  const form = make(
    "form",
    {
      method: "post",
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        if (save.disabled) return;
        error.textContent = "";
        if (fresh.value !== again.value) return refuse(texts.notTheSame, again);
        save.disabled = true;
        try {
          await api.changePassword(current.value, fresh.value);
          dialog.close();
          toast(texts.saved);
        } catch (refused) {
          refuse(refused instanceof RefusedError ? refused.message : strings.signIn.unreachable, current);
        } finally {
          save.disabled = false;
        }
      },
    },
    make("h2", { id: "password-heading" }, texts.heading),
    make("p", {}, texts.text),
    make("input", { type: "text", name: "username", autocomplete: "username", value: username, hidden: true }),
    label(texts.current, current),
    label(texts.fresh, fresh),
    label(texts.again, again),
    error,
    make("div.row", {}, make("button", { type: "button", onclick: () => dialog.close() }, strings.task.cancel), save)
  );
  dialog.append(form);
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}
