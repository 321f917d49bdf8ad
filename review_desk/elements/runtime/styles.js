// @ts-check

/** Put the style sheets of all elements before the template's own, so that the template's rules win. */
function installStyles() {
  const sheet = document.createElement("style");
  sheet.textContent = Object.values(ELEMENT_STYLES).join("\n");
  (document.head ?? document.documentElement).prepend(sheet);
}

/** Follow the browser's dark mode if the template has `<meta name="color-scheme" content="light dark">`. */
function followColorScheme() {
  const meta = document.querySelector("meta[name=color-scheme]");
  const dark = /\bdark\b/.test(meta?.getAttribute("content") ?? "");
  document.documentElement.toggleAttribute("data-crowd-dark", dark);
}
