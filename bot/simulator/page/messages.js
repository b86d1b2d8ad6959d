/**
 * Draw LINE message objects as LINE's apps do.
 *
 * `renderMessage(message, {onAction, language})` returns the node that stands in the chat: a text
 * bubble, a picture, a card. `onAction(action, node)` is called with a LINE action object on a tap;
 * without it nothing can be tapped. Quick replies and the sender's icon are not drawn here: they
 * belong to the chat. Needs messages.css and flex.css. Depends on nothing else of the phone page,
 * so that a preview can use it.
 *
 * Source: LINE, Messaging API reference, "Message objects" and "Action objects" (read 2026-11).
 */
import { element } from "./element.js";
import { renderFlex } from "./flex.js";
import { face, icon } from "./icons.js";
import { mediaUrl, splitLinks } from "./links.js";
import { textsFor } from "./texts.js";

const IMAGEMAP_WIDTH = 1040; // The widest of the sizes an imagemap's server has.
const MILLISECONDS = 1000;
const EMOJI_MARK = "$";

/** Draw a message; a type LINE adds tomorrow is shown by its name. */
export function renderMessage(message, { onAction = null, language = "zh-TW" } = {}) {
  const view = { onAction, texts: textsFor(language) };
  const draw = Object.hasOwn(DRAW, message?.type) ? DRAW[message.type] : unknown;
  const node = draw(message, view);
  node.classList.add("msg");
  return node;
}

/** Tell whether a message takes the chat's whole width (rows of cards, the widest bubble). */
export function isWide(message) {
  if (message?.type === "flex") {
    return message.contents?.type === "carousel" || message.contents?.size === "giga";
  }
  return (
    message?.type === "template" && ["carousel", "image_carousel"].includes(message.template?.type)
  );
}

const DRAW = {
  text,
  textV2,
  sticker,
  image,
  video,
  audio,
  location,
  imagemap,
  template,
  flex,
  coupon,
};

function unknown(message, { texts }) {
  return element(
    "div",
    { class: "msg-bubble msg-unknown" },
    `${texts.cannotShow}（${String(message?.type ?? "?")}）`,
  );
}

// --- Texts ---------------------------------------------------------------------------------------

function text(message, view) {
  const content = cut(String(message.text ?? ""), list(message.emojis));
  return element(
    "div",
    { class: "msg-bubble", dir: "auto" },
    content.map((part) => piece(part, view)),
  );
}

/**
 * Cut a text at its `$` placeholders: strings and {emoji} objects. LINE counts in UTF-16, as
 * JavaScript does.
 */
function cut(whole, emojis) {
  const parts = [];
  let end = 0;
  for (const emoji of [...emojis].sort((one, other) => one.index - other.index)) {
    if (whole[emoji.index] !== EMOJI_MARK || emoji.index < end) continue;
    parts.push(whole.slice(end, emoji.index), { emoji });
    end = emoji.index + EMOJI_MARK.length;
  }
  parts.push(whole.slice(end));
  return parts;
}

function textV2(message, view) {
  const substitution = message.substitution ?? {};
  const parts = String(message.text ?? "")
    .split(/(\{\{|\}\}|\{[0-9a-zA-Z_]+\})/)
    .map((part) => substitute(part, substitution));
  return element(
    "div",
    { class: "msg-bubble", dir: "auto" },
    parts.map((part) => piece(part, view)),
  );
}

function substitute(part, substitution) {
  if (part === "{{" || part === "}}") return part[0];
  const key = /^\{(\w+)\}$/.exec(part)?.[1];
  const value = key && Object.hasOwn(substitution, key) ? substitution[key] : null;
  if (value?.type === "emoji") return { emoji: value };
  if (value?.type === "mention")
    return { mention: value.mentionee?.type === "all" ? "@All" : `@${key}` };
  return part;
}

function piece(part, view) {
  if (part.emoji)
    return element(
      "span",
      { class: "msg-emoji" },
      face(`${part.emoji.productId}/${part.emoji.emojiId}`),
    );
  if (part.mention) return element("span", { class: "msg-mention" }, part.mention);
  return splitLinks(part).map((each) => (each.url ? link(each.url, view) : each));
}

function link(url, { onAction }) {
  if (onAction === null) return element("span", { class: "msg-link" }, url);
  const open = (event) => {
    event.preventDefault();
    onAction({ type: "uri", uri: url }, event.currentTarget);
  };
  return element(
    "a",
    {
      class: "msg-link",
      href: url,
      target: "_blank",
      rel: "noopener noreferrer",
      on: { click: open },
    },
    url,
  );
}

// --- Stickers, pictures, sounds, places ----------------------------------------------------------

function sticker(message, { texts }) {
  const label = `${texts.sticker} ${message.packageId}/${message.stickerId}`;
  return element(
    "div",
    { class: "msg-sticker", title: label },
    face(`${message.packageId}/${message.stickerId}`, label),
  );
}

function image(message, { onAction, texts }) {
  const preview = mediaUrl(message.previewImageUrl ?? message.originalContentUrl);
  const original = mediaUrl(message.originalContentUrl ?? message.previewImageUrl);
  const shown = picture(preview, "msg-picture", texts.photo);
  if (onAction === null || original === null || !original.startsWith("http"))
    return element("div", { class: "msg-photo" }, shown);
  return element(
    "a",
    { class: "msg-photo", href: original, target: "_blank", rel: "noopener noreferrer" },
    shown,
  );
}

function video(message, { onAction, texts }) {
  const source = mediaUrl(message.originalContentUrl);
  const screen = element(
    "div",
    { class: "msg-photo msg-video" },
    picture(mediaUrl(message.previewImageUrl), "msg-picture", texts.video),
  );
  const play = element(
    "button",
    { type: "button", class: "msg-play", "aria-label": texts.play, disabled: onAction === null },
    icon("play"),
  );
  play.addEventListener("click", () => {
    screen.replaceChildren(
      element("video", {
        class: "msg-picture",
        src: source,
        controls: true,
        autoplay: true,
        playsinline: true,
      }),
    );
  });
  screen.append(play);
  return screen;
}

function audio(message, { onAction, texts }) {
  const seconds = Math.round((Number(message.duration) || 0) / MILLISECONDS);
  const length = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const bubble = element("div", { class: "msg-bubble msg-audio" });
  const play = element(
    "button",
    { type: "button", class: "msg-listen", "aria-label": texts.voice, disabled: onAction === null },
    icon("play"),
  );
  play.addEventListener("click", () => {
    bubble.replaceChildren(
      element("audio", {
        src: mediaUrl(message.originalContentUrl),
        controls: true,
        autoplay: true,
      }),
    );
  });
  bubble.append(play, element("span", {}, `${texts.voice} ${length}`));
  return bubble;
}

function location(message, { onAction, texts }) {
  const [latitude, longitude] = [Number(message.latitude), Number(message.longitude)];
  const where = `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
  const card = element(
    "button",
    { type: "button", class: "msg-place", disabled: onAction === null },
    element("span", { class: "msg-map" }, icon("place")),
    element("span", { class: "msg-place-name" }, String(message.title ?? texts.location)),
    element("span", { class: "msg-place-address" }, String(message.address ?? where)),
  );
  card.addEventListener("click", () => {
    onAction({ type: "uri", uri: `https://www.google.com/maps?q=${latitude},${longitude}` }, card);
  });
  return card;
}

function coupon(message, { texts }) {
  return element(
    "div",
    { class: "msg-coupon" },
    element("span", { class: "msg-coupon-mark" }, icon("ticket")),
    element("span", { class: "msg-coupon-name" }, texts.coupon),
    element("span", { class: "msg-coupon-id" }, String(message.couponId ?? "")),
  );
}

// --- Imagemap ------------------------------------------------------------------------------------

/** One picture with areas that can be tapped; areas are in pixels of the base size. */
function imagemap(message, view) {
  const { width = IMAGEMAP_WIDTH, height = IMAGEMAP_WIDTH } = message.baseSize ?? {};
  const frame = element(
    "div",
    { class: "msg-imagemap", style: { "aspect-ratio": `${Number(width)} / ${Number(height)}` } },
    picture(
      mediaUrl(`${message.baseUrl}/${IMAGEMAP_WIDTH}`),
      "msg-imagemap-picture",
      message.altText,
    ),
  );
  const base = { width: Number(width), height: Number(height) };
  if (message.video) frame.append(imagemapVideo(message.video, base, view));
  if (view.onAction !== null) {
    frame.append(
      ...list(message.actions).map((each) => area(each.area, base, imagemapAction(each), view)),
    );
  }
  return frame;
}

function imagemapVideo({ area: bounds, previewImageUrl, originalContentUrl }, base, view) {
  const screen = video({ previewImageUrl, originalContentUrl }, view);
  screen.classList.add("msg-imagemap-video");
  return lay(screen, bounds, base);
}

/** Turn an imagemap's own action object into the common one. */
function imagemapAction({ type, label, text: words, linkUri, clipboardText }) {
  return { type, label, text: words, uri: linkUri, clipboardText };
}

function area(bounds, base, action, { onAction }) {
  const label = action.label ?? action.text ?? action.uri ?? action.clipboardText;
  const node = element("button", {
    type: "button",
    class: "msg-area",
    "aria-label": label,
    on: { click: () => onAction(action, node) },
  });
  return lay(node, bounds, base);
}

/** Lay a node over a part of a picture; `bounds` and `base` in the picture's pixels. */
export function lay(node, { x = 0, y = 0, width = 0, height = 0 } = {}, base) {
  const percent = (part, whole) => `${(Number(part) / whole) * 100}%`;
  Object.assign(node.style, {
    position: "absolute",
    left: percent(x, base.width),
    top: percent(y, base.height),
    width: percent(width, base.width),
    height: percent(height, base.height),
  });
  return node;
}

// --- Templates -----------------------------------------------------------------------------------

function template(message, view) {
  const spec = message.template ?? {};
  if (spec.type === "confirm") return confirm(spec, view);
  if (spec.type === "carousel")
    return row(list(spec.columns).map((each) => card({ ...look(spec), ...each }, view)));
  if (spec.type === "image_carousel")
    return row(list(spec.columns).map((each) => imageColumn(each, view)));
  if (spec.type === "buttons") return card(spec, view);
  return unknown(message, view);
}

function look({ imageAspectRatio, imageSize }) {
  return { imageAspectRatio, imageSize };
}

function row(cards) {
  const items = cards.map((each) => element("div", { class: "msg-slide", role: "listitem" }, each));
  return element("div", { class: "msg-row", role: "list", tabindex: "0" }, items);
}

function card(spec, view) {
  const words = element(
    "div",
    { class: "msg-card-words" },
    spec.title ? element("div", { class: "msg-card-title" }, String(spec.title)) : null,
    element("div", { class: "msg-card-text" }, String(spec.text ?? "")),
  );
  return element(
    "div",
    { class: "msg-card" },
    thumbnail(spec, view),
    tap(words, spec.defaultAction, view),
    element(
      "div",
      { class: "msg-card-actions" },
      list(spec.actions).map((each) => actionButton(each, view)),
    ),
  );
}

function thumbnail(spec, view) {
  const url = mediaUrl(spec.thumbnailImageUrl ?? null);
  if (!spec.thumbnailImageUrl) return null;
  const frame = element(
    "div",
    { class: "msg-thumbnail" },
    picture(url, "msg-thumbnail-picture", ""),
  );
  frame.classList.toggle("msg-square", spec.imageAspectRatio === "square");
  frame.classList.toggle("msg-contain", spec.imageSize === "contain");
  if (/^#[0-9a-f]{6}$/i.test(spec.imageBackgroundColor))
    frame.style.backgroundColor = spec.imageBackgroundColor;
  return tap(frame, spec.defaultAction, view);
}

function confirm(spec, view) {
  return element(
    "div",
    { class: "msg-card msg-confirm" },
    element(
      "div",
      { class: "msg-card-words" },
      element("div", { class: "msg-card-text" }, String(spec.text ?? "")),
    ),
    element(
      "div",
      { class: "msg-card-pair" },
      list(spec.actions).map((each) => actionButton(each, view)),
    ),
  );
}

function imageColumn({ imageUrl, action }, { onAction }) {
  const node = element(
    "button",
    {
      type: "button",
      class: "msg-image-column",
      disabled: onAction === null,
      on: { click: () => onAction(action, node) },
    },
    picture(mediaUrl(imageUrl), "msg-thumbnail-picture", ""),
    action?.label ? element("span", { class: "msg-image-label" }, String(action.label)) : null,
  );
  return node;
}

function actionButton(action, { onAction }) {
  const node = element(
    "button",
    {
      type: "button",
      class: "msg-action",
      disabled: onAction === null,
      on: { click: () => onAction(action, node) },
    },
    String(action?.label ?? ""),
  );
  return node;
}

function tap(node, action, { onAction }) {
  if (!action || onAction === null) return node;
  node.classList.add("msg-tappable");
  node.addEventListener("click", () => onAction(action, node));
  return node;
}

// --- Flex ----------------------------------------------------------------------------------------

function flex(message, { onAction }) {
  const drawn = renderFlex(message.contents, { onAction });
  return element(
    "div",
    { class: "msg-flex", role: "group", "aria-label": message.altText ?? null },
    drawn,
  );
}

// --- Shared --------------------------------------------------------------------------------------

function picture(url, classes, alt) {
  const node = element("img", { class: classes, src: url, alt: alt ?? "", draggable: "false" });
  node.addEventListener("error", () => node.classList.add("msg-broken"));
  return node;
}

function list(value) {
  return Array.isArray(value) ? value : [];
}
