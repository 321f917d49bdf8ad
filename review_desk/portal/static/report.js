// @ts-check
import { chart } from "./charts.js";
import { duration, make } from "./dom.js";
import { strings } from "./strings.js";

const PERIODS = ["1", "7", "30"];
const texts = strings.team;

/**
 * How the viewer's teams stand, and the numbers of one of them or of a flow definition.
 *
 * @param {{teams: any[], report: any, csv: string, wanted: URLSearchParams, go: (wanted: URLSearchParams) => void}} options
 *   csv: address of the same numbers as a file; wanted: `flow_definition` or `team`, and `days`
 * @returns {Node[]}
 */
export function reportView({ teams, report, csv, wanted, go }) {
  return [
    make(
      "div.heading",
      {},
      make("h1", { tabIndex: -1 }, texts.title),
      make("a.button", { href: csv, download: "report.csv" }, texts.csv)
    ),
    make("h2.part", { id: "now-heading" }, texts.now),
    nowTable(teams),
    make("h2.part", {}, texts.numbers),
    choice(teams, wanted, go),
    ...numbers(report),
  ];
}

/** @param {any[]} teams */
function nowTable(teams) {
  if (!teams.length) return make("p", {}, texts.noTeams);
  const head = [texts.flow, texts.open, texts.working, texts.answeredToday, texts.oldest];
  const bodies = teams.map((team) =>
    make(
      "tbody",
      { "data-key": team.arn },
      make("tr", {}, make("th.group", { scope: "rowgroup", colSpan: head.length }, `${team.name} · ${texts.members(team.members)}`)),
      ...team.flow_definitions.map((/** @type {any} */ flow) =>
        make(
          "tr",
          { "data-key": flow.flow_definition },
          make("th", { scope: "row" }, make("a", { href: reportLink({ flow_definition: flow.flow_definition }) }, flow.name), make("small", {}, flow.title)),
          make("td.number", {}, String(flow.open)),
          make("td.number", {}, String(flow.working)),
          make("td.number", {}, String(flow.answered_today)),
          make("td", {}, flow.oldest_open ? texts.ago(sinceThen(flow.oldest_open)) : "–")
        )
      )
    )
  );
  return make(
    "div.history",
    {},
    make("table", { "aria-labelledby": "now-heading" }, make("thead", {}, make("tr", {}, ...columns(head))), ...bodies)
  );
}

/** @param {any[]} teams @param {URLSearchParams} wanted @param {(wanted: URLSearchParams) => void} go */
function choice(teams, wanted, go) {
  const chosen = wanted.get("flow_definition") ?? wanted.get("team") ?? "";
  const option = (/** @type {string} */ value, /** @type {string} */ text) => make("option", { value, selected: value === chosen }, text);
  const subject = make(
    "select",
    { id: "subject", name: "subject" },
    option("", texts.everything),
    ...teams.map((team) =>
      make(
        "optgroup",
        { label: team.name },
        option(team.arn, texts.wholeTeam(team.name)),
        ...team.flow_definitions.map((/** @type {any} */ flow) => option(flow.flow_definition, flow.name))
      )
    )
  );
  const days = wanted.get("days") ?? "7";
  const period = make(
    "select",
    { id: "days", name: "days" },
    ...PERIODS.map((value) => make("option", { value, selected: value === days }, texts.periods[/** @type {"1"} */ (value)]))
  );
  const show = (/** @type {Event} */ event) => {
    event.preventDefault();
    const next = new URLSearchParams({ days: period.value });
    if (subject.value) next.set(subject.value.includes(":workteam/") ? "team" : "flow_definition", subject.value);
    go(next);
  };
  return make(
    "form.filters",
    { onsubmit: show },
    make("label", {}, make("span", {}, texts.subject), subject),
    make("label", {}, make("span", {}, texts.period), period),
    make("button.primary", { type: "submit", id: "show-report" }, texts.show)
  );
}

/** @param {any} report */
function numbers(report) {
  const { backlog, agreement, handling_seconds: handling } = report;
  const agreed = agreement.loops ? texts.percent(agreement.equal, agreement.loops) : "–";
  const figures = [
    [String(report.answers), texts.answers, ""],
    [handling.p50 === null ? "–" : duration(handling.p50), texts.p50, handling.p90 === null ? "" : texts.p90(duration(handling.p90))],
    [String(backlog.loops), texts.backlog, backlog.oldest ? texts.oldestSince(sinceThen(backlog.oldest)) : ""],
    [agreed, texts.agreement, agreement.loops ? texts.comparedLoops(agreement.loops) : ""],
    [String(report.expired_leases), texts.expiredLeases, ""],
    [String(report.expired_loops), texts.expiredLoops, ""],
    [String(report.declines), texts.declines, ""],
  ].map(([value, name, more]) => make("li", {}, make("strong", {}, value), make("span", {}, name), more ? make("small", {}, more) : null));
  return [
    report.capped ? make("p.hint", { role: "note" }, texts.capped(report.looked_at, report.answers)) : null,
    make("ul.figures", {}, ...figures),
    make("div.charts", {}, ...charts(report)),
    make("p.hint", {}, texts.utc),
  ].filter((part) => part !== null);
}

/** @param {any} report */
function charts(report) {
  const { backlog, agreement } = report;
  const isHours = report.step === "hour";
  const share = (/** @type {any} */ { field, count, of }) => ({
    label: field || texts.unnamed,
    value: count / of,
    text: texts.shareOf(count, of),
  });
  return [
    chart({
      title: isHours ? texts.perHour : texts.perDay,
      summary: texts.throughputSummary(report.answers),
      head: [isHours ? texts.hour : texts.day, texts.answers],
      bars: report.throughput.map((/** @type {any} */ part) => ({
        label: isHours ? part.at.slice(11, 16) : shortDay(part.at),
        value: part.answers,
        text: String(part.answers),
      })),
      empty: texts.nothing,
      upright: true,
    }),
    chart({
      title: texts.backlogAge,
      summary: texts.backlogSummary(backlog.loops),
      head: [texts.openFor, texts.loops],
      bars: backlog.loops
        ? backlog.ages.map((/** @type {any} */ part) => ({
            label: texts.ages[/** @type {"older"} */ (part.age)],
            value: part.loops,
            text: String(part.loops),
          }))
        : [],
      empty: texts.noBacklog,
    }),
    chart({
      title: texts.edits,
      summary: texts.editsSummary(report.edits.length),
      head: [texts.field, texts.edited],
      bars: report.edits.map(share),
      empty: texts.noEdits,
      most: 1,
    }),
    chart({
      title: texts.agreementByField,
      summary: texts.agreementSummary(agreement.equal, agreement.loops),
      head: [texts.field, texts.agreed],
      bars: agreement.fields.map(share),
      empty: texts.noAgreement,
      most: 1,
    }),
  ];
}

/** @param {string[]} names */
export const columns = (names) => names.map((name) => make("th", { scope: "col" }, name));

/** @param {string} moment */
const sinceThen = (moment) => duration((Date.now() - Date.parse(moment)) / 1000);

/** @param {string} moment */
const shortDay = (moment) => new Date(moment).toLocaleDateString([], { day: "numeric", month: "short", timeZone: "UTC" });

/** @param {Record<string, string>} wanted */
const reportLink = (wanted) => `#/team?${new URLSearchParams(wanted)}`;
