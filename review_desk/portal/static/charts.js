// @ts-check
import { make } from "./dom.js";
import { strings } from "./strings.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH = 440;
const PLOT_HEIGHT = 150;
const LEFT = 34;
const LABELS_AT_MOST = 8;
const ROW_HEIGHT = 24;
const ROW_LABEL_WIDTH = 150;
const ROW_VALUE_WIDTH = 96;
const ROWS_AT_MOST = 10;
const LETTERS_AT_MOST = 22;

/**
 * A bar. `label` names it, `text` writes its value.
 * @typedef {{label: string, value: number, text: string}} Bar
 */

/**
 * A chart with its title, and the same numbers as a table for who does not see it.
 * @param {{title: string, summary: string, head: [string, string], bars: Bar[], empty: string, upright?: boolean, most?: number}} options
 *   summary: one sentence that stands for the picture; upright: time goes from left to right; most: value of a full bar
 * @returns {HTMLElement}
 */
export function chart({ title, summary, head, bars, empty, upright = false, most }) {
  if (!bars.length) return make("figure.chart", { "data-key": title }, make("figcaption", {}, title), make("p", {}, empty));
  const full = most ?? Math.max(1, ...bars.map((bar) => bar.value));
  const rows = bars.map((bar) => make("tr", {}, make("th", { scope: "row" }, bar.label), make("td", {}, bar.text)));
  const hidden = upright ? 0 : Math.max(0, bars.length - ROWS_AT_MOST);
  return make(
    "figure.chart",
    { "data-key": title },
    make("figcaption", {}, title),
    upright ? uprightBars(summary, bars, full) : lyingBars(summary, bars.slice(0, ROWS_AT_MOST), full),
    hidden ? make("p", {}, strings.team.moreInTable(hidden)) : null,
    make(
      "details",
      {},
      make("summary", {}, strings.team.asTable),
      make(
        "table",
        { "aria-label": title },
        make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
        make("tbody", {}, ...rows)
      )
    )
  );
}

/** @param {string} summary @param {Bar[]} bars @param {number} full */
function uprightBars(summary, bars, full) {
  const step = (WIDTH - LEFT) / bars.length;
  const top = 12;
  const bottom = top + PLOT_HEIGHT;
  const every = Math.ceil(bars.length / LABELS_AT_MOST);
  const shapes = bars.flatMap((bar, position) => {
    const x = LEFT + position * step;
    const height = (bar.value / full) * PLOT_HEIGHT;
    const width = Math.min(step * 0.72, 44);
    const shape = draw(
      "rect",
      { x: x + (step - width) / 2, y: bottom - height, width, height, rx: 2, class: "bar" },
      draw("title", {}, `${bar.label}: ${bar.text}`)
    );
    const label = draw("text", { x: x + step / 2, y: bottom + 17, "text-anchor": "middle" }, bar.label);
    return position % every ? [shape] : [shape, label];
  });
  return picture(
    summary,
    bottom + 24,
    draw("line", { x1: LEFT, x2: WIDTH, y1: top, y2: top, class: "grid" }),
    draw("text", { x: LEFT - 6, y: top + 4, "text-anchor": "end" }, String(full)),
    draw("line", { x1: LEFT, x2: WIDTH, y1: bottom, y2: bottom, class: "axis" }),
    draw("text", { x: LEFT - 6, y: bottom + 4, "text-anchor": "end" }, "0"),
    ...shapes
  );
}

/** @param {string} summary @param {Bar[]} bars @param {number} full */
function lyingBars(summary, bars, full) {
  const room = WIDTH - ROW_LABEL_WIDTH - ROW_VALUE_WIDTH;
  const shapes = bars.flatMap((bar, position) => {
    const y = position * ROW_HEIGHT;
    const width = (bar.value / full) * room;
    return [
      draw("text", { x: ROW_LABEL_WIDTH - 8, y: y + 16, "text-anchor": "end" }, shortened(bar.label), draw("title", {}, bar.label)),
      draw("rect", { x: ROW_LABEL_WIDTH, y: y + 3, width: room, height: ROW_HEIGHT - 8, rx: 2, class: "ground" }),
      draw("rect", { x: ROW_LABEL_WIDTH, y: y + 3, width, height: ROW_HEIGHT - 8, rx: 2, class: "bar" }),
      draw("text", { x: ROW_LABEL_WIDTH + room + 8, y: y + 16 }, bar.text),
    ];
  });
  return picture(summary, bars.length * ROW_HEIGHT, ...shapes);
}

/** @param {string} summary @param {number} height @param {Node[]} shapes */
function picture(summary, height, ...shapes) {
  return draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": summary }, ...shapes);
}

/** @param {string} text */
function shortened(text) {
  const letters = Array.from(text);
  return letters.length > LETTERS_AT_MOST ? `${letters.slice(0, LETTERS_AT_MOST - 1).join("")}…` : text;
}

/** @param {string} tag @param {Record<string, string | number>} attributes @param {(Node | string)[]} children */
function draw(tag, attributes, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}
