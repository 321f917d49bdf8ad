// @ts-check

/** Put the style sheets of all elements before the template's own, so that the template's rules win. */
function installStyles() {
  const sheet = document.createElement("style");
  sheet.textContent = Object.values(ELEMENT_STYLES).join("\n");
  (document.head ?? document.documentElement).prepend(sheet);
}

installStyles();
