// @ts-check

/** Every text of the portal, in one place. A function takes the values that stand in its sentence. */

/** @param {number} count @param {string} one @param {string} many */
const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export const strings = {
  product: "Review Desk",
  signIn: {
    heading: "Sign in",
    again: "Sign in again",
    againText: "Your session has ended. Nothing is lost: your answer is still here, and you go on where you were.",
    username: "User name",
    password: "Password",
    button: "Sign in",
    provider: (/** @type {string} */ name) => `Sign in with ${name}`,
    or: "or",
    againElsewhere: "The sign-in opens in another tab; come back to this one afterwards.",
    unreachable: "Review Desk cannot be reached. Check your connection and try again.",
    otherWorker: "Another person has signed in. The task before belongs to the one who began it.",
  },
  session: {
    signOut: "Sign out",
    signedOut: "You are signed out.",
    roles: { worker: "", lead: "lead", admin: "admin" },
  },
  queue: {
    title: "Tasks",
    refresh: "Refresh",
    refreshed: "The list is up to date.",
    doneToday: "done today",
    held: "Tasks you hold",
    heldLine: (/** @type {string} */ loop, /** @type {string} */ left) => `${loop}, ${left}`,
    resume: "Continue",
    start: "Start reviewing",
    open: (/** @type {number} */ count) => (count === 1 ? "open task" : "open tasks"),
    none: "There is nothing for your teams yet. New tasks appear here by themselves.",
    startLabel: (/** @type {string} */ title) => `Start reviewing: ${title}`,
    resumeLabel: (/** @type {string} */ loop) => `Continue ${loop}`,
    outcome: {
      empty: {
        title: "All done",
        text: (/** @type {string} */ name) => `Nothing is open in ${name}.`,
      },
      held: {
        title: "Others are working on the rest",
        text: (/** @type {string} */ name, /** @type {string} */ when) =>
          `Everything that is open in ${name} is held by other reviewers. ${when}`,
        when: (/** @type {number} */ minutes) =>
          `The next one is free in ${plural(minutes, "minute", "minutes")} at the latest.`,
      },
      done: {
        title: "You have done all of yours",
        text: (/** @type {string} */ name) => `What is still open in ${name} needs other reviewers than you.`,
      },
    },
    allQueues: "your queues",
  },
  history: {
    title: "Your tasks of today",
    task: "Human loop",
    ended: "At",
    time: "Time",
    outcome: "Outcome",
    more: "Show earlier ones",
    outcomes: {
      submitted: "submitted",
      late: "too late, kept",
      released: "released",
      declined: "declined",
      requeued: "given to others",
      expired: "time was over",
    },
  },
  task: {
    frame: "Task",
    loading: "Loading the task…",
    release: "Release",
    decline: "Decline",
    instructions: "Instructions",
    back: "Back to the tasks",
    instructionsHeading: "Instructions",
    noInstructions: "There are no instructions for these tasks.",
    close: "Close",
    cancel: "Cancel",
    releaseHeading: "Release this task?",
    releaseText: "What you entered is dropped, and other reviewers can take the task.",
    declineHeading: "Decline this task",
    declineText: "You do not get it again; it goes to another reviewer.",
    declineReason: "Why?",
    claimed: (/** @type {string} */ loop) => `New task: ${loop}`,
    submitted: (/** @type {string} */ loop) => `Submitted ${loop}`,
    undo: "Undo",
    undone: (/** @type {string} */ loop) => `${loop} is open again; your answer is its draft.`,
    released: (/** @type {string} */ loop) => `Released ${loop}`,
    declined: (/** @type {string} */ loop) => `Declined ${loop}`,
    notShown: "The task's page does not answer. You can reload it, or release the task for others.",
    reload: "Reload the task's page",
    stopping: "This human loop is being stopped. You can still submit your answer.",
    gone: "This task is not yours any more",
    keys: [
      ["Ctrl+Enter", "submit"],
      ["Ctrl+.", "release"],
      ["Ctrl+/", "decline"],
      ["Alt+U", "take the last answer back, while “Undo” is shown"],
      ["Alt+I", "these instructions"],
    ],
  },
  save: {
    none: "",
    saving: "Saving…",
    saved: "Draft saved",
    savedAgo: (/** @type {string} */ ago) => `Draft saved ${ago} ago`,
    local: "Draft kept in this browser",
    restored: "Draft restored",
    submitting: "Submitting…",
  },
  offline: {
    draft: "Review Desk cannot be reached. Your draft is kept in this browser and sent as soon as it can be.",
    submit: (/** @type {number} */ seconds) =>
      `Review Desk cannot be reached. Your answer is kept; trying again in ${plural(seconds, "second", "seconds")}.`,
    tryNow: "Try now",
    otherTab: "This task is open in another tab or window too. What you change here is what is kept.",
  },
  time: {
    left: (/** @type {string} */ text) => `${text} left`,
    over: "Time is over",
    overText: "The time for this task is over. You can still submit; if another reviewer has it by then, your answer is kept as a late one.",
    fiveMinutes: "5 minutes left for this task.",
    oneMinute: "1 minute left for this task.",
    seconds: (/** @type {number} */ value) => `${value} s`,
    minutes: (/** @type {number} */ value) => `${value} min`,
    hours: (/** @type {number} */ hours, /** @type {number} */ minutes) => `${hours} h ${minutes} min`,
  },
  errors: {
    unknown: "Something went wrong.",
  },
};
