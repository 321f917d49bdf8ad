// @ts-check

/** Colours by the order of the labels; the first three are those of A2I's documented answers. */
const ANNOTATION_COLORS = [
  "#1f77b4", "#ff7f0e", "#2ca02c", "#d81b60", "#7b4fd0", "#8a5a2b", "#f2c500", "#00acc1", "#c2185b", "#607d8b",
];

/**
 * The colour of a label or an instance: the same for the same position, and no two are equal among the first 255.
 * @param {number} index from 0
 * @returns {string} `#rrggbb`
 */
function annotationColor(index) {
  if (index < ANNOTATION_COLORS.length) return /** @type {string} */ (ANNOTATION_COLORS[index]);
  // The golden angle keeps neighbours far apart; the lightness changes so that later rounds differ, too.
  const hue = (index * 137.508) % 360;
  const lightness = 0.34 + 0.12 * (index % 3);
  const channel = (/** @type {number} */ offset) => {
    const position = (offset + hue / 30) % 12;
    const value = lightness - 0.75 * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(position - 3, 9 - position, 1));
    return Math.round(255 * value).toString(16).padStart(2, "0");
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

/** @param {string} color `#rrggbb` or `#rgb` @returns {[number, number, number]} 0 to 255 */
function annotationChannels(color) {
  const digits = color.replace("#", "");
  const pairs = digits.length === 3 ? Array.from(digits, (digit) => digit + digit) : (digits.match(/../g) ?? []);
  return /** @type {[number, number, number]} */ (pairs.slice(0, 3).map((pair) => parseInt(pair, 16)));
}

/** Black or white, whichever is easier to read on a colour (WCAG 2.2, relative luminance). @param {string} color */
function annotationInk(color) {
  const [red, green, blue] = annotationChannels(color).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
  return luminance > 0.179 ? "#000000" : "#ffffff";
}
