/**
 * Draw LINE Flex Messages as LINE's apps do.
 *
 * `renderFlex(contents, {onAction})` takes a bubble or a carousel (the `contents` of a flex
 * message) and returns a node; `onAction(action, node)` is called on a tap. Without `onAction` the
 * drawing is a picture that cannot be tapped. Needs flex.css. Depends on nothing else of the phone
 * page, so that a preview elsewhere can use it.
 *
 * A message is data from outside: its texts become text nodes, its addresses pass `mediaUrl`, and
 * its lengths and colours are parsed and written anew, so no string of it reaches a style sheet as
 * it came.
 *
 * Source: LINE, "Flex Message layout", "Flex Message elements" and the Messaging API reference
 * (read 2026-11). Where these give keywords without numbers, the numbers are those LINE's clients
 * show.
 */
import { element, setStyle, svgElement } from "./element.js";
import {
  FONTS,
  IMAGES,
  boxStyle,
  color,
  length,
  lettering,
  lineSpacing,
  pixels,
  placeStyle,
  ratio,
} from "./flex_style.js";
import { mediaUrl } from "./links.js";

const BUBBLE_SIZES = new Set(["nano", "micro", "deca", "hecto", "kilo", "mega", "giga"]);
const DEFAULT_BUBBLE_SIZE = "mega";
const SMALLEST_FONT = 6; // px: adjustMode shrinks no further
const VIDEO_RATIO = "16:9"; // LINE's example; only used where a video names none
// Boxes in boxes; LINE refuses far fewer, and a loop-made object must not hang the page.
const DEPTH_LIMIT = 30;

const BLOCKS = ["header", "hero", "body", "footer"];
const SIDES = { start: "flex-start", center: "center", end: "flex-end" };
const GRAVITIES = { top: "flex-start", center: "center", bottom: "flex-end" };

/** Draw a bubble or a carousel; anything else becomes an empty node. */
export function renderFlex(contents, { onAction = null } = {}) {
  if (contents?.type === "carousel") return carousel(contents, onAction);
  if (contents?.type === "bubble") return bubble(contents, onAction);
  return element("div", { class: "fx" });
}

function carousel({ contents }, onAction) {
  const bubbles = list(contents).map((each) =>
    element("div", { class: "fx-slide", role: "listitem" }, bubble(each, onAction)),
  );
  // A scrolling row must be reachable by keyboard.
  return element("div", { class: "fx fx-carousel", role: "list", tabindex: "0" }, bubbles);
}

function bubble(spec, onAction) {
  const size = BUBBLE_SIZES.has(spec.size) ? spec.size : DEFAULT_BUBBLE_SIZE;
  const present = BLOCKS.filter((name) => spec[name]);
  const node = element(
    "div",
    { class: `fx fx-bubble fx-${size}`, dir: spec.direction === "rtl" ? "rtl" : "ltr" },
    present.map((name, index) => block(name, spec, index === 0, onAction)),
  );
  if (spec.footer) node.classList.add("fx-footed");
  return tappable(node, spec.action, onAction);
}

function block(name, spec, isFirst, onAction) {
  const style = spec.styles?.[name] ?? {};
  const node = element("div", { class: `fx-block fx-${name}` });
  setStyle(node, { "background-color": color(style.backgroundColor) });
  if (style.separator === true && !isFirst) {
    node.append(
      element("div", {
        class: "fx-separator",
        style: { "border-color": color(style.separatorColor) },
      }),
    );
  }
  node.append(
    component(spec[name], { layout: "vertical", spacing: null, isFirst: true, onAction, depth: 0 }),
  );
  return node;
}

const DRAW = { box, text, image, icon, button, separator, filler, video };

/**
 * Draw a component and place it in its parent; what LINE adds tomorrow is left out, not an error.
 */
function component(spec, parent) {
  const draw = Object.hasOwn(DRAW, spec?.type) ? DRAW[spec.type] : null;
  if (draw === null || parent.depth > DEPTH_LIMIT) return element("div", { hidden: true });
  const node = draw(spec, parent);
  setStyle(node, placeStyle(spec, parent));
  node.classList.toggle("fx-absolute", spec.position === "absolute");
  return tappable(
    node,
    spec.type === "button" || spec.type === "video" ? null : spec.action,
    parent.onAction,
  );
}

// --- Components ----------------------------------------------------------------------------------

function box(spec, parent) {
  const layout = ["horizontal", "baseline"].includes(spec.layout) ? spec.layout : "vertical";
  const inner = {
    layout,
    spacing: spec.spacing,
    onAction: parent.onAction,
    depth: parent.depth + 1,
  };
  const node = element(
    "div",
    { class: `fx-box fx-${layout}` },
    list(spec.contents).map((child, index) => component(child, { ...inner, isFirst: index === 0 })),
  );
  setStyle(node, boxStyle(spec));
  return node;
}

function text(spec) {
  const size = pixels(spec.size, FONTS) ?? FONTS.md;
  const label = element("div", { class: "fx-label", dir: "auto" });
  const spans = list(spec.contents).filter((each) => each?.type === "span");
  label.append(...(spans.length ? spans.map(span) : [string(spec.text)]));
  setStyle(label, {
    "font-size": `${size}px`,
    "text-align": Object.hasOwn(SIDES, spec.align) ? spec.align : null,
    ...lettering(spec),
    ...lineSpacing(spec.lineSpacing),
  });
  if (spec.wrap === true) {
    label.classList.add("fx-wrap");
    clamp(label, spec.maxLines);
  }
  if (spec.adjustMode === "shrink-to-fit") shrinkToFit(label, size);
  return element(
    "div",
    { class: "fx-text", style: { "justify-content": GRAVITIES[spec.gravity] } },
    label,
  );
}

function span(spec) {
  const size = pixels(spec.size, FONTS);
  return element(
    "span",
    { style: { "font-size": size === null ? null : `${size}px`, ...lettering(spec) } },
    string(spec.text),
  );
}

function image(spec) {
  const frame = element("div", { class: "fx-frame" }, picture(spec.url));
  frame.classList.toggle("fx-cover", spec.aspectMode === "cover");
  setStyle(frame, {
    width: spec.size === "full" ? "100%" : (length(spec.size, IMAGES, "%") ?? `${IMAGES.md}px`),
    "aspect-ratio": ratio(spec.aspectRatio, "1:1"),
    "background-color": color(spec.backgroundColor),
  });
  const node = element(
    "div",
    {
      class: "fx-image",
      style: { "align-items": SIDES[spec.align], "justify-content": GRAVITIES[spec.gravity] },
    },
    frame,
  );
  node.classList.toggle("fx-full", spec.size === "full");
  return node;
}

function icon(spec) {
  const size = pixels(spec.size, FONTS) ?? FONTS.md;
  const drawn = picture(spec.url);
  drawn.style.setProperty("aspect-ratio", ratio(spec.aspectRatio, "1:1"));
  return element("div", { class: "fx-icon", style: { "font-size": `${size}px` } }, drawn);
}

function button(spec, parent) {
  const kind = ["primary", "secondary"].includes(spec.style) ? spec.style : "link";
  const label = element("span", { class: "fx-button-label" }, string(spec.action?.label));
  const pressed = element(
    "button",
    {
      type: "button",
      class: `fx-button fx-${kind} ${spec.height === "sm" ? "fx-low" : ""}`,
      disabled: parent.onAction === null,
      style: { [kind === "link" ? "color" : "background-color"]: color(spec.color) },
      on: { click: (event) => act(event, spec.action, parent.onAction) },
    },
    label,
  );
  if (spec.adjustMode === "shrink-to-fit") shrinkToFit(label, FONTS.md);
  return element(
    "div",
    { class: "fx-button-seat", style: { "justify-content": GRAVITIES[spec.gravity] } },
    pressed,
  );
}

function separator(spec) {
  return element("div", { class: "fx-separator", style: { "border-color": color(spec.color) } });
}

function filler() {
  return element("div", { class: "fx-filler" });
}

/**
 * A video shows its first picture; a tap plays it in place, and its action stands below, as in
 * LINE.
 */
function video(spec, parent) {
  const still = picture(spec.previewUrl);
  const screen = element(
    "div",
    { class: "fx-frame fx-cover", style: { "aspect-ratio": ratio(spec.aspectRatio, VIDEO_RATIO) } },
    still,
  );
  const source = mediaUrl(spec.url);
  if (parent.onAction && source) {
    const play = element(
      "button",
      { type: "button", class: "fx-play", "aria-label": "▶" },
      playMark(),
    );
    play.addEventListener("click", (event) => {
      event.stopPropagation();
      screen.replaceChildren(
        element("video", { src: source, controls: true, autoplay: true, playsinline: true }),
      );
    });
    screen.append(play);
  } else {
    screen.append(element("span", { class: "fx-play" }, playMark()));
  }
  const node = element("div", { class: "fx-video" }, screen);
  if (spec.action?.label) {
    node.append(button({ style: "link", height: "sm", action: spec.action }, parent));
  }
  return node;
}

function clamp(label, maxLines) {
  if (!Number.isInteger(maxLines) || maxLines < 1) return;
  label.classList.add("fx-clamp");
  label.style.setProperty("-webkit-line-clamp", String(maxLines));
}

/** Make the letters smaller until they fit, whenever the label's place changes its width. */
function shrinkToFit(label, size) {
  label.classList.add("fx-shrink");
  const observer = new ResizeObserver(() => {
    label.style.setProperty("font-size", `${size}px`);
    const { clientWidth, scrollWidth } = label;
    if (clientWidth === 0 || scrollWidth <= clientWidth) return;
    const fitting = Math.floor((size * clientWidth) / scrollWidth);
    label.style.setProperty("font-size", `${Math.max(SMALLEST_FONT, fitting)}px`);
  });
  observer.observe(label);
}

// --- Pictures and taps ---------------------------------------------------------------------------

function picture(address) {
  const url = mediaUrl(address);
  const node = element("img", {
    class: "fx-picture",
    alt: "",
    src: url,
    loading: "lazy",
    draggable: "false",
  });
  node.addEventListener("error", () => node.classList.add("fx-broken"));
  return node;
}

function playMark() {
  return svgElement(
    "svg",
    { viewBox: "0 0 24 24", "aria-hidden": "true" },
    svgElement("path", { d: "M8 5v14l11-7z" }),
  );
}

/**
 * Make a node answer taps, Enter and Space. Boxes may hold buttons, so it cannot be a button
 * itself.
 */
function tappable(node, action, onAction) {
  if (!action || onAction === null) return node;
  node.classList.add("fx-tappable");
  node.setAttribute("role", action.type === "uri" ? "link" : "button");
  node.setAttribute("tabindex", "0");
  if (action.label) node.setAttribute("aria-label", action.label);
  node.addEventListener("click", (event) => act(event, action, onAction));
  node.addEventListener("keydown", (event) => {
    if (event.target === node && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      act(event, action, onAction);
    }
  });
  return node;
}

/** Of nested tappable things only the innermost answers. */
function act(event, action, onAction) {
  event.stopPropagation();
  if (action && onAction !== null) onAction(action, event.currentTarget);
}

function list(value) {
  return Array.isArray(value) ? value : [];
}

function string(value) {
  return typeof value === "string" ? value : "";
}
