// @ts-check

/** The words of the elements, in one table. An element adds its own section here. */
const ELEMENT_STRINGS = {
  submit: "Submit",
  field: {
    missing: "Fill in this field.",
    wrong: "This value cannot be taken.",
    short: (/** @type {number} */ least) => `Write at least ${least} characters.`,
  },
  instructions: {
    full: "View full instructions",
    open: "Click for instructions",
    title: "Instructions",
    summary: "Summary",
    detailed: "Detailed Instructions",
    examples: "Examples",
    good: "Good examples",
    bad: "Bad examples",
  },
  button: "Button",
  choice: { tick: "Tick this box to go on.", switchOn: "Switch this on to go on." },
  slider: {
    missing: "Choose a value.",
    unset: "no value chosen",
    number: (/** @type {string} */ label) => `${label} (number)`.trim(),
  },
  alert: { info: "Information", success: "Success", warning: "Warning", error: "Error", dismiss: "Dismiss this message" },
  dialog: { open: "Click to open modal", close: "Close" },
};
