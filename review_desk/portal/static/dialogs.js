// @ts-check
import { ask, make } from "./dom.js";
import { strings } from "./strings.js";

/** What is asked and shown about a task, wherever it stands. */

/** Ask why a task is declined. @returns {Promise<string | true | null>} the reason; null to go back */
export function askToDecline() {
  const reason = make("textarea", { required: true, rows: 3, maxLength: 1000 });
  return ask({
    heading: strings.task.declineHeading,
    body: [
      make("p", {}, strings.task.declineText),
      make("label", {}, make("span", {}, strings.task.declineReason), reason),
    ],
    confirm: strings.task.decline,
    cancel: strings.task.cancel,
    value: () => reason.value.trim(),
  });
}

/** Ask whether what was entered may be dropped. @param {{heading: string, text: string, confirm: string}} words */
export function askToRelease({ heading, text, confirm }) {
  return ask({ heading, body: [make("p", {}, text)], confirm, cancel: strings.task.cancel });
}

/** @param {string} instructions of the flow definition @param {string[][]} keys each with its meaning */
export function showInstructions(instructions, keys) {
  const list = keys.flatMap(([key, what]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, what)]);
  return ask({
    heading: strings.task.instructionsHeading,
    body: [make("div.text", {}, instructions || strings.task.noInstructions), make("dl", {}, ...list)],
    cancel: strings.task.close,
  });
}
