// @ts-check

/** Keys of the portal that also work while the focus is inside the frame. */
const PORTAL_KEYS = [
  { key: ".", ctrl: true, action: "release" },
  { key: "/", ctrl: true, action: "decline" },
  { code: "KeyI", alt: true, action: "help" },
  { code: "KeyU", alt: true, action: "undo" },
];

function crowdForm() {
  return /** @type {any} */ (document.querySelector("crowd-form"));
}

for (const [name, element] of definitions) {
  if (!customElements.get(name)) customElements.define(name, element);
}

onPortalMessage((message) => {
  const form = crowdForm();
  if (!form) return;
  if (message.type === "review-desk:draft") form._restore(message.answer ?? {});
  if (message.type === "review-desk:submit") {
    const unseen = lacksAnImage();
    if (!unseen) form.requestSubmit();
    // If no answer came before this, the form has refused to submit.
    tellPortal({ type: "review-desk:asked", unseen });
  }
  if (message.type === "review-desk:compact") showCompact(Boolean(message.compact));
  if (message.type === "review-desk:focus") form._takeFocus();
  if (message.type === "review-desk:disabled") form._setDisabled(Boolean(message.disabled));
});

/**
 * Show only what can be judged at a glance, in a small frame, and nothing to change it with.
 * @param {boolean} compact
 */
function showCompact(compact) {
  document.documentElement.toggleAttribute("data-crowd-compact", compact);
  for (const element of document.querySelectorAll("*")) {
    if (element instanceof CrowdChoiceField) element.toggleAttribute("data-crowd-compact", compact);
  }
}

/** Whether an image is not shown: nobody submits at a glance what could not be seen. */
function lacksAnImage() {
  if (!document.documentElement.hasAttribute("data-crowd-compact")) return false;
  return Array.from(document.querySelectorAll("*")).some((element) => element instanceof CrowdImageChoice && !element._isSeen);
}

/** Escape leads back out of a task that is one of several. What closes at Escape comes first. */
window.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if (event.composedPath().some((node) => node instanceof HTMLDialogElement)) return;
  crowdForm()?._reportChange();
  tellPortal({ type: "review-desk:key", key: "back" });
});

document.addEventListener("keydown", (event) => {
  const wanted = PORTAL_KEYS.find(
    (entry) =>
      (entry.code ? event.code === entry.code : event.key === entry.key) &&
      Boolean(entry.ctrl) === event.ctrlKey &&
      Boolean(entry.alt) === event.altKey &&
      !event.metaKey
  );
  if (!wanted || event.defaultPrevented) return;
  event.preventDefault();
  crowdForm()?._reportChange();
  tellPortal({ type: "review-desk:key", key: wanted.action });
});

whenParsed(document.documentElement, () => {
  // After the elements' own handlers of the same event, and after every script of the page.
  window.setTimeout(() => {
    document.dispatchEvent(new CustomEvent("all-crowd-elements-ready", { bubbles: true }));
    tellPortal({ type: "review-desk:ready" });
  });
});
