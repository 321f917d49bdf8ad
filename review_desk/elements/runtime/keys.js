// @ts-check

/** The element that has the focus, inside of shadow roots, too. */
function focusedElement() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return /** @type {HTMLElement} */ (element ?? document.body);
}

/**
 * Do what a key does that was pressed in the portal's page while the form was getting the focus. A key that comes from
 * a script has no effect of its own, so typing and pressing a button are done here.
 * @param {{key: string, code: string, shiftKey: boolean}} pressed
 */
function typeKey({ key, code, shiftKey }) {
  const target = focusedElement();
  const event = new KeyboardEvent("keydown", { key, code, shiftKey, bubbles: true, composed: true, cancelable: true });
  if (!target.dispatchEvent(event)) return;
  if (target.matches("button, a[href], summary")) {
    if (key === "Enter" || key === " ") target.click();
  } else if (key === "Backspace") document.execCommand("delete");
  else if (key.length === 1) document.execCommand("insertText", false, key);
}
