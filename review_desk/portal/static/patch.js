// @ts-check

/**
 * Give an element the content of another one, and keep in place what both have: so focus, scroll position, selected text
 * and open details stay where they are. Listeners stay, too: those of the fresh content are not taken over.
 *
 * Children belong together if they have the same name and the same `id` or `data-key`. Forms are left as they are: somebody
 * may be filling them in.
 *
 * @param {Element} shown
 * @param {Element} fresh is taken apart
 */
export function patchContent(shown, fresh) {
  let place = shown.firstChild;
  for (const wanted of Array.from(fresh.childNodes)) {
    const same = firstLike(wanted, place);
    if (!same) {
      shown.insertBefore(wanted, place);
      continue;
    }
    while (place && place !== same) place = removed(place);
    patchNode(same, wanted);
    place = same.nextSibling;
  }
  while (place) place = removed(place);
}

/** @param {Node} shown @param {Node} fresh */
function patchNode(shown, fresh) {
  if (shown instanceof Element && fresh instanceof Element) {
    if (shown instanceof HTMLFormElement) return;
    patchAttributes(shown, fresh);
    patchContent(shown, fresh);
  } else if (shown.nodeValue !== fresh.nodeValue) shown.nodeValue = fresh.nodeValue;
}

/** @param {Element} shown @param {Element} fresh */
function patchAttributes(shown, fresh) {
  for (const name of shown.getAttributeNames()) {
    // Whether it is open is up to the person.
    if (!fresh.hasAttribute(name) && name !== "open") shown.removeAttribute(name);
  }
  for (const { name, value } of Array.from(fresh.attributes)) {
    if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  }
}

/** @param {Node} wanted @param {Node | null} from @returns {ChildNode | null} */
function firstLike(wanted, from) {
  let node = from;
  while (node && (node.nodeName !== wanted.nodeName || keyOf(node) !== keyOf(wanted))) node = node.nextSibling;
  return /** @type {ChildNode | null} */ (node);
}

/** @param {Node} node */
function keyOf(node) {
  return node instanceof Element ? node.id || (node.getAttribute("data-key") ?? "") : "";
}

/** @param {ChildNode} node @returns {ChildNode | null} the one after it */
function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}
