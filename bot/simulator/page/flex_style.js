/**
 * What Flex Message properties mean in CSS.
 *
 * Every value of a message is parsed and written anew; what is not of LINE's form becomes null,
 * which `setStyle` leaves out.
 */

// px: spacing, margin, padding, offset, radius
const SPACINGS = { none: 0, xs: 2, sm: 4, md: 8, lg: 12, xl: 16, xxl: 20 };
const BORDERS = { none: 0, light: 0.5, normal: 1, medium: 2, "semi-bold": 3, bold: 4 }; // px
export const FONTS = {
  xxs: 11,
  xs: 13,
  sm: 14,
  md: 16,
  lg: 19,
  xl: 22,
  xxl: 29,
  "3xl": 35,
  "4xl": 48,
  "5xl": 74,
}; // px
export const IMAGES = {
  xxs: 40,
  xs: 60,
  sm: 80,
  md: 100,
  lg: 120,
  xl: 140,
  xxl: 160,
  "3xl": 180,
  "4xl": 200,
  "5xl": 220,
}; // px
const LINE_HEIGHT = 1.4; // of the font size

const JUSTIFY = new Set([
  "center",
  "flex-start",
  "flex-end",
  "space-between",
  "space-around",
  "space-evenly",
]);
const ALIGN_ITEMS = new Set(["center", "flex-start", "flex-end"]);

/** Return the CSS of a box itself; how it stands in its parent is `placeStyle`. */
export function boxStyle(spec) {
  return {
    "justify-content": JUSTIFY.has(spec.justifyContent) ? spec.justifyContent : null,
    "align-items": ALIGN_ITEMS.has(spec.alignItems) ? spec.alignItems : null,
    width: length(spec.width, {}, "%"),
    "max-width": length(spec.maxWidth, {}, "%"),
    height: length(spec.height, {}, "%"),
    "max-height": length(spec.maxHeight, {}, "%"),
    "background-color": color(spec.backgroundColor),
    "background-image": gradient(spec.background),
    "border-radius": length(spec.cornerRadius, SPACINGS),
    ...border(spec),
    ...padding(spec),
  };
}

/**
 * Return the CSS by which a child takes its share of `parent` ({layout, spacing, isFirst}): flex,
 * margin, position and offsets.
 */
export function placeStyle(spec, parent) {
  if (spec.position === "absolute") return { position: "absolute", ...offsets(spec) };
  const before = parent.layout === "vertical" ? "margin-top" : "margin-inline-start";
  return {
    position: "relative",
    ...offsets(spec),
    [before]: gapBefore(spec, parent),
    flex: share(spec, parent),
  };
}

/**
 * A child's own margin wins over the box's spacing; spacing never stands before the first or a
 * filler.
 */
function gapBefore(spec, parent) {
  const own = length(spec.margin, SPACINGS);
  if (own !== null || parent.isFirst || spec.type === "filler") return own;
  return length(parent.spacing, SPACINGS);
}

/**
 * LINE's flex in CSS: horizontal N is `N 0 0` (1 if unsaid), vertical N is `N 0 auto` (0 if
 * unsaid).
 */
function share(spec, parent) {
  if (spec.type === "separator") return "none";
  const isVertical = parent.layout === "vertical";
  const isFixed = spec.type === "box" && (isVertical ? spec.height : spec.width) !== undefined;
  const isIcon = spec.type === "icon";
  const said = Number.isInteger(spec.flex) && spec.flex >= 0 ? spec.flex : null;
  const unsaid = spec.type === "filler" ? 1 : Number(!isVertical && !isIcon);
  const weight = isFixed ? 0 : (said ?? unsaid);
  if (weight === 0) return "none";
  return isVertical && spec.type !== "filler" ? `${weight} 0 auto` : `${weight} 0 0px`;
}

function offsets(spec) {
  return {
    top: length(spec.offsetTop, SPACINGS, "%"),
    bottom: length(spec.offsetBottom, SPACINGS, "%"),
    "inset-inline-start": length(spec.offsetStart, SPACINGS, "%"),
    "inset-inline-end": length(spec.offsetEnd, SPACINGS, "%"),
  };
}

function padding(spec) {
  const all = length(spec.paddingAll, SPACINGS, "%");
  const side = (name) => length(spec[name], SPACINGS, "%") ?? all;
  return {
    "padding-top": side("paddingTop"),
    "padding-bottom": side("paddingBottom"),
    "padding-inline-start": side("paddingStart"),
    "padding-inline-end": side("paddingEnd"),
  };
}

function border(spec) {
  const width = length(spec.borderWidth, BORDERS);
  if (width === null) return {};
  return {
    "border-width": width,
    "border-style": "solid",
    "border-color": color(spec.borderColor),
  };
}

/** Return the CSS of a text's or span's letters, but for their size. */
export function lettering(spec) {
  return {
    color: color(spec.color),
    "font-weight": { bold: "700", regular: "400" }[spec.weight],
    "font-style": { italic: "italic", normal: "normal" }[spec.style],
    "text-decoration-line": {
      underline: "underline",
      "line-through": "line-through",
      none: "none",
    }[spec.decoration],
  };
}

/** More space between lines, none above the first nor below the last. */
export function lineSpacing(value) {
  const space = pixels(value, {});
  if (space === null) return {};
  return {
    "line-height": `calc(${LINE_HEIGHT}em + ${space}px)`,
    "margin-block": `${-space / 2}px`,
  };
}

/**
 * Read a keyword, `12px` or, where `percent` is "%", `50%`; return CSS, or null for anything else.
 */
export function length(value, keywords, percent = "") {
  if (typeof value !== "string") return null;
  if (Object.hasOwn(keywords, value)) return `${keywords[value]}px`;
  const match = /^(\d+(?:\.\d+)?)(px|%)$/.exec(value);
  return match && (match[2] === "px" || percent) ? `${Number(match[1])}${match[2]}` : null;
}

/** Return a length in pixels as a number, or null. */
export function pixels(value, keywords) {
  const css = length(value, keywords);
  return css === null ? null : Number.parseFloat(css);
}

/** Return #RRGGBB or #RRGGBBAA as it is, anything else as null. */
export function color(value) {
  return typeof value === "string" && /^#(?:[0-9a-f]{6}|[0-9a-f]{8})$/i.test(value) ? value : null;
}

/** Return `4:3` as CSS writes it; `otherwise` where the value is none. */
export function ratio(value, otherwise) {
  const match = /^(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)$/.exec(value ?? otherwise);
  return match ? `${Number(match[1])} / ${Number(match[2])}` : ratio(otherwise, otherwise);
}

function gradient(background) {
  if (background?.type !== "linearGradient") return null;
  const angle = /^\d+(?:\.\d+)?deg$/.exec(background.angle)?.[0];
  const [start, center, end] = [
    background.startColor,
    background.centerColor,
    background.endColor,
  ].map(color);
  if (!angle || !start || !end) return null;
  const position = /^\d+(?:\.\d+)?%$/.exec(background.centerPosition)?.[0] ?? "50%";
  const middle = center ? [`${center} ${position}`] : [];
  return `linear-gradient(${[angle, start, ...middle, end].join(", ")})`;
}
