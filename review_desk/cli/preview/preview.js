// @ts-check

/** Every text of the preview, in one place. */
const strings = {
  title: (/** @type {string} */ name) => `${name} – template preview`,
  frame: "The task as a worker sees it",
  reload: "Start again",
  loading: "Loading…",
  shown: (/** @type {string} */ time) => `Loaded at ${time}`,
  silent: "The page has not said that it is ready: does it load the crowd script?",
  stopped: "The preview has ended. Start it again: review-desk template serve",
  answer: "Answer",
  notSubmitted: "Not submitted",
  submitted: (/** @type {string} */ time) => `Submitted at ${time}`,
  noAnswer: "None yet",
  findings: "Findings",
  noFindings: "None",
  finding: (/** @type {Finding} */ found) => `${found.file}:${found.line}: ${found.level}: ${found.text}`,
  missing: "Missing documents",
  missingHint: "Put them into the folder of --documents, as bucket/key or key.",
};

const POLL_MS = 500;
const READY_MS = 5000;

/**
 * @typedef {{file: string, line: number, level: "error" | "warning", text: string}} Finding
 * @typedef {{template: string, version: string, findings: Finding[], missing: string[]}} State
 */

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const frame = /** @type {HTMLIFrameElement} */ (document.querySelector("iframe"));
const time = () => new Date().toLocaleTimeString();

/** @type {string | undefined} */
let version;
let ready = false;
/** @type {number | undefined} */
let readyTimer;

/** @param {string} text */
function tell(text) {
  if (at("status").textContent !== text) at("status").textContent = text;
}

function load() {
  ready = false;
  window.clearTimeout(readyTimer);
  readyTimer = window.setTimeout(() => ready || tell(strings.silent), READY_MS);
  tell(strings.loading);
  at("answer").textContent = strings.noAnswer;
  at("answer-state").textContent = strings.notSubmitted;
  frame.src = `/frame?${Date.now()}`;
}

/**
 * @param {string} id
 * @param {{text: string, kind?: string}[]} items
 */
function list(id, items) {
  const rows = items.map(({ text, kind }) => {
    const row = document.createElement("li");
    row.textContent = text;
    row.className = kind ?? "";
    return row;
  });
  at(id).replaceChildren(...rows);
}

/** @param {State} state */
function show(state) {
  document.title = strings.title(state.template);
  at("name").textContent = state.template;
  const findings = state.findings.map((found) => ({ text: strings.finding(found), kind: found.level }));
  list("findings", findings.length ? findings : [{ text: strings.noFindings }]);
  list("missing", state.missing.map((text) => ({ text, kind: "warning" })));
  at("missing-section").hidden = !state.missing.length;
}

/** Look whether the files have changed; one request at a time. */
async function poll() {
  try {
    const response = await fetch("/state");
    const text = await response.text();
    const state = /** @type {State} */ (JSON.parse(text));
    if (state.version !== version) {
      version = state.version;
      load();
    }
    if (text !== shown) show(state);
    shown = text;
  } catch {
    tell(strings.stopped);
  }
  window.setTimeout(poll, POLL_MS);
}
let shown = "";

window.addEventListener("message", (event) => {
  if (event.source !== frame.contentWindow) return;
  const { type, answer } = event.data ?? {};
  if (type === "review-desk:ready") {
    ready = true;
    tell(strings.shown(time()));
  }
  if (type !== "review-desk:change" && type !== "review-desk:submit") return;
  at("answer").textContent = JSON.stringify(answer, null, 2);
  at("answer-state").textContent =
    type === "review-desk:submit" ? strings.submitted(time()) : strings.notSubmitted;
});

frame.title = strings.frame;
at("reload").textContent = strings.reload;
at("reload").addEventListener("click", load);
at("answer-heading").textContent = strings.answer;
at("findings-heading").textContent = strings.findings;
at("missing-heading").textContent = strings.missing;
at("missing-hint").textContent = strings.missingHint;
void poll();
