// @ts-check

/**
 * What stands between AWS's own elements and the portal (REVIEW_DESK_CROWD_SCRIPT=cdn); it is no part of the bundle.
 * It uses what templates use, too: the event `all-crowd-elements-ready`, the form's `submit` event and `_serializeForm()`,
 * which gives `{taskAnswers: "[{…}]"}`.
 */
(() => {
  const CHANGE_DELAY_MS = 400;
  /** @type {number | undefined} */
  let changeTimer;

  /** @param {"change" | "submit"} kind */
  function tell(kind) {
    window.clearTimeout(changeTimer);
    const form = /** @type {any} */ (document.querySelector("crowd-form"));
    const answer = JSON.parse(form._serializeForm().taskAnswers)[0];
    window.parent.postMessage({ type: `review-desk:${kind}`, answer }, "*");
  }

  document.addEventListener("all-crowd-elements-ready", () => {
    window.parent.postMessage({ type: "review-desk:ready" }, "*");
  });
  for (const event of ["input", "change"]) {
    window.addEventListener(event, () => {
      window.clearTimeout(changeTimer);
      changeTimer = window.setTimeout(() => tell("change"), CHANGE_DELAY_MS);
    });
  }
  // On the window, so that every listener of the template has had its say.
  window.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    tell("submit");
  });
})();
