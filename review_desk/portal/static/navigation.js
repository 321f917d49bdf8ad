// @ts-check
import { make } from "./dom.js";
import { strings } from "./strings.js";

/**
 * The links between the pages, for who has more than one.
 * @param {any} worker the session's
 * @param {"tasks" | "team" | "loops"} current
 * @returns {Node[]}
 */
export function navigation(worker, current) {
  if (worker.role === "worker") return [];
  const links = [
    ["tasks", "#/"],
    ["team", "#/team"],
    ["loops", "#/team/loops"],
  ].map(([page, href]) =>
    make("a", { href, ...(page === current && { "aria-current": "page" }) }, strings.navigation[/** @type {"tasks"} */ (page)])
  );
  return [make("nav.pages", { "aria-label": strings.navigation.label }, ...links)];
}
