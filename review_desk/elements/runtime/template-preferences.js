// @ts-check

/**
 * What a template may keep for its worker beyond one task, as `window.reviewDesk.preferences`:
 *
 * - `get(name)`: the value that is kept, or `undefined`;
 * - `keep({name: value})`: keep texts (200 characters at most), numbers and truth values; `null` forgets one;
 * - `whenGiven(action)`: call it as often as the portal hands values over: at first, and when they are forgotten.
 *
 * At most 50 names of ASCII letters, digits, `.`, `-` and `_`, with 4 kB in all, are kept for a worker and a flow definition.
 * They are shown to no other template. Elsewhere than in Review Desk there is no `window.reviewDesk`.
 */
const TEMPLATE_PREFIX = "template.";

Object.defineProperty(window, "reviewDesk", {
  value: Object.freeze({
    preferences: Object.freeze({
      /** @param {string} name */
      get: (name) => taskPreferences.get(TEMPLATE_PREFIX + name),
      /** @param {Record<string, PreferenceValue | null>} changed */
      keep: (changed) =>
        taskPreferences.keep(Object.fromEntries(Object.entries(changed).map(([name, value]) => [TEMPLATE_PREFIX + name, value]))),
      /** @param {() => void} action */
      whenGiven: (action) => taskPreferences.whenGiven(new AbortController().signal, () => action()),
    }),
  }),
});
