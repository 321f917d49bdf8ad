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
  if (message.type === "review-desk:submit") form.requestSubmit();
  if (message.type === "review-desk:focus") form._takeFocus();
  if (message.type === "review-desk:keys" && Array.isArray(message.keys)) message.keys.forEach(typeKey);
  if (message.type === "review-desk:disabled") form._setDisabled(Boolean(message.disabled));
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
