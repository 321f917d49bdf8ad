// @ts-check

/**
 * Messages between the frame of a task and the portal around it. The frame has an opaque origin: it neither sees
 * the portal's page nor may call its API, so these messages are all there is between them.
 */

/** @type {({type: string} & Record<string, unknown>)[] | null} what is told when the page is shown; null: it is */
let heldMessages = null;

/** @param {{type: string} & Record<string, unknown>} message */
function tellPortal(message) {
  if (heldMessages) heldMessages.push(message);
  else if (window.parent !== window) window.parent.postMessage(message, "*");
}

/** Tell nothing yet: nobody sees the page. */
function holdMessages() {
  heldMessages = [];
}

/** Tell the portal that a page which nobody sees is there: its scripts have ended, for now. */
function tellThatHeld() {
  if (heldMessages) window.parent.postMessage({ type: "review-desk:held" }, "*");
}

function releaseMessages() {
  const messages = heldMessages ?? [];
  heldMessages = null;
  messages.forEach(tellPortal);
}

/** @typedef {(message: {type: string} & Record<string, any>) => void} PortalListener */

/** @type {PortalListener[]} */
const portalListeners = [];

/** @param {PortalListener} listener */
function onPortalMessage(listener) {
  portalListeners.push(listener);
}

/** @param {MessageEvent} event */
function hearPortal(event) {
  if (event.source !== window.parent || window.parent === window) return;
  const message = event.data;
  if (typeof message?.type !== "string" || !message.type.startsWith("review-desk:")) return;
  for (const listener of portalListeners) listener(message);
}
