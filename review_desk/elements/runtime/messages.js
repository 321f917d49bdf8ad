// @ts-check

/**
 * Messages between the frame of a task and the portal around it. The frame has an opaque origin: it neither sees
 * the portal's page nor may call its API, so these messages are all there is between them.
 */

/** @param {{type: string} & Record<string, unknown>} message */
function tellPortal(message) {
  if (window.parent !== window) window.parent.postMessage(message, "*");
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
