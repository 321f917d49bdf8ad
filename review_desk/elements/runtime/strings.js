// @ts-check

/** The words of the elements, in one table. An element adds its own section here. */
const ELEMENT_STRINGS = {
  submit: "Submit",
  field: {
    missing: "Fill in this field.",
    wrong: "This value cannot be taken.",
    short: (/** @type {number} */ least) => `Write at least ${least} characters.`,
  },
  instructions: { full: "View full instructions" },
};
