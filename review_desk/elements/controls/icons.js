// @ts-check

/** An icon of a template: the name of an icon, or the address of an image. @param {string} icon */
function renderIcon(icon) {
  const isAddress = icon.includes("/") || icon.startsWith("data:");
  return isAddress
    ? html`<img src=${icon} alt="" />`
    : html`<span aria-hidden="true">${crowdIcon(icon)}</span>`;
}

/** An icon's name as words, for people who do not see it; "" for an image. @param {string | null | undefined} icon */
function iconWords(icon) {
  if (!icon || icon.includes("/") || icon.startsWith("data:")) return "";
  return icon.replace(/^.*:/, "").replace(/[-_]/g, " ");
}

/**
 * Put what is inside an element behind it. Templates write `<crowd-fab … />`, which HTML does not close: what
 * follows becomes its content.
 * @param {Element} element
 */
function releaseContent(element) {
  whenParsed(element, () => element.after(...element.childNodes));
}
