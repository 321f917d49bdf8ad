// @ts-check

/** Keys of the portal that also work while the focus is inside the frame. */
const PORTAL_KEYS = [
  { key: ".", ctrl: true, action: "release" },
  { key: "/", ctrl: true, action: "decline" },
  { code: "KeyI", alt: true, action: "help" },
  { code: "KeyT", alt: true, action: "extend" },
  { code: "KeyU", alt: true, action: "undo" },
];

const MEDIA_PICTURE = /\/portal\/media\/[\w.~=%-]+\/[\w.~%-]+\.(?:png|jpe?g|gif|webp)(?=["'\s<])/gi;

function crowdForm() {
  return /** @type {any} */ (document.querySelector("crowd-form"));
}

function defineElements() {
  for (const [name, element] of definitions) {
    if (!customElements.get(name)) customElements.define(name, element);
  }
}

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
  if (message.type === "review-desk:keys" && Array.isArray(message.keys)) message.keys.forEach(typeKey);
  if (message.type === "review-desk:disabled") form._setDisabled(Boolean(message.disabled));
});

/** Begin to serve the page that is being parsed, or is there. */
function startPage() {
  installStyles();
  followColorScheme();
  document.addEventListener("DOMContentLoaded", followColorScheme);
  defineElements();

  window.addEventListener("message", hearPortal);

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
      tellThatHeld();
    });
  });
}

/**
 * Hold back what the page tells, and the focus, until it is shown: its task is not claimed yet, and somebody is at work
 * in the one before.
 */
function holdUntilShown() {
  const { focus } = HTMLElement.prototype;
  /** @type {HTMLElement | SVGElement | null} */
  let wanted = null;
  HTMLElement.prototype.focus = function () {
    wanted = this;
  };
  holdMessages();
  onPortalMessage((message) => {
    if (message.type !== "review-desk:show") return;
    HTMLElement.prototype.focus = focus;
    wanted?.focus();
    releaseMessages();
  });
}

/**
 * Wait for the page of a task, in a frame that the portal has prepared: the elements are defined already when it comes.
 *
 * The page is written where this one is. What it would load this script for is done at the same place. Opening a
 * document drops every listener, so a frame is filled once.
 * @param {string} address of this script, as pages name it
 */
function waitForPage(address) {
  defineElements();
  window.addEventListener("message", (event) => {
    const message = event.data ?? {};
    if (event.source !== window.parent) return;
    if (message.type !== "review-desk:page" || typeof message.html !== "string") return;
    if (message.isOffered) holdUntilShown();
    // Pictures are on their way while the page is read.
    const pictures = (message.html.match(MEDIA_PICTURE) ?? []).slice(0, 4).map((source) => {
      const picture = new Image();
      picture.src = source;
      return picture;
    });
    // They are asked for when this task of the browser ends, so the page is written right behind it.
    queueMicrotask(() => {
      document.open();
      Object.defineProperty(window, "reviewDeskStart", { value: startPage });
      document.write(message.html.replaceAll(address, "data:text/javascript,reviewDeskStart()"));
      document.close();
      window.addEventListener("load", () => pictures.splice(0));
    });
  });
  tellPortal({ type: "review-desk:prepared" });
}

const ownScript = document.currentScript;
if (ownScript?.hasAttribute("data-prepared")) waitForPage(ownScript.getAttribute("src") ?? "");
else startPage();
