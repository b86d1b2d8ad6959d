/** The page's line icons, drawn here (24 × 24, one stroke width), and the stickers' stand-ins. */
import { svgElement } from "./element.js";

const PATHS = {
  back: "M15 4 7 12l8 8",
  more: "M4 6.5h16M4 12h16M4 17.5h16",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.3 15.3 20.5 20.5",
  plus: "M12 4v16M4 12h16",
  camera:
    "M4 8h3.2l1.6-2.5h6.4L16.8 8H20a1 1 0 0 1 1 1v9.5a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1zM12 10a3.6 3.6 0 1 0 0 7.2 3.6 3.6 0 0 0 0-7.2z",
  photo:
    "M4.5 4h15A1.5 1.5 0 0 1 21 5.5v13a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18.5v-13A1.5 1.5 0 0 1 4.5 4zM3.5 17l5-5 4 4 3-3 5 4.5M15.5 8.2v.1",
  smile:
    "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 14.2c1 1.7 2.4 2.6 4 2.6s3-.9 4-2.6M9 9.2v.6M15 9.2v.6",
  place:
    "M12 21s-7-6.6-7-11.6a7 7 0 0 1 14 0C19 14.4 12 21 12 21zM12 7a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  keyboard:
    "M3.5 6h17A1.5 1.5 0 0 1 22 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-17A1.5 1.5 0 0 1 2 16.5v-9A1.5 1.5 0 0 1 3.5 6zM5.5 9.5h.5M9 9.5h.5M12.5 9.5h.5M16 9.5h2.5M5.5 12.2h.5M9 12.2h.5M12.5 12.2h.5M16 12.2h2.5M8 15h8",
  down: "M5 9l7 7 7-7",
  up: "M5 15l7-7 7 7",
  close: "M5 5l14 14M19 5 5 19",
  calendar:
    "M4.5 5.5h15A1.5 1.5 0 0 1 21 7v12a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 19V7a1.5 1.5 0 0 1 1.5-1.5zM3 10h18M8 3v4M16 3v4",
  copy: "M8 8h11.5v12.5H8zM5 16V3.5h11.5",
  sound: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  ticket: "M3 7h18v3.2a1.9 1.9 0 0 0 0 3.6V17H3v-3.2a1.9 1.9 0 0 0 0-3.6zM14.5 7v10",
};

const SOLID = {
  send: "M3 20.5 21.5 12 3 3.5v6.8L15 12 3 13.7z",
  play: "M8 5v14l11-7z",
  shield:
    "M12 2.5 20 5v6.2c0 5-3.3 8.6-8 10.3-4.7-1.7-8-5.3-8-10.3V5zM12 7.2l-1.4 3-3.2.4 2.4 2.2-.7 3.2 2.9-1.6 2.9 1.6-.7-3.2 2.4-2.2-3.2-.4z",
  friend:
    "M10 3.5a4.2 4.2 0 1 1 0 8.4 4.2 4.2 0 0 1 0-8.4zM2 20.5c0-4.4 3.4-7 8-7 1.7 0 3.2.3 4.5 1a6 6 0 0 0-1.7 6zM17.5 14h1.8v2.6H22v1.8h-2.7V21h-1.8v-2.6h-2.7v-1.8h2.7z",
};

/** Return a fresh icon; screen readers skip it, so what holds it needs a label. */
export function icon(name) {
  const solid = name in SOLID;
  return svgElement(
    "svg",
    {
      class: solid ? "icon icon-solid" : "icon",
      viewBox: "0 0 24 24",
      "aria-hidden": "true",
      focusable: "false",
    },
    svgElement("path", { "fill-rule": "evenodd", d: solid ? SOLID[name] : PATHS[name] }),
  );
}

const FACES = ["#ffd84d", "#ffb3a7", "#a8e0b0", "#a9cdf5", "#e2c3f2", "#ffc98a"];
const MOUTHS = [
  "M32 58q18 20 36 0",
  "M34 60q16 12 32 0",
  "M36 56h28q-2 18-14 18t-14-18z",
  "M38 64q12-10 24 0",
  "M42 60a8 8 0 1 0 16 0 8 8 0 0 0-16 0z",
];
const EYES = ["M35 36v9M65 36v9", "M29 42q6-9 12 0M59 42q6-9 12 0", "M30 38l10 4M70 38l-10 4"];

/**
 * Draw a face that stands for a sticker or a LINE emoji: LINE's own pictures are not ours to ship.
 *
 * The same `seed` (an id) always gives the same face. `label`, if any, is its accessible name.
 */
export function face(seed, label) {
  const number = [...String(seed)].reduce(
    (sum, digit) => (sum * 31 + digit.codePointAt(0)) >>> 0,
    7,
  );
  const pick = (choices, step) => choices[Math.floor(number / step) % choices.length];
  return svgElement(
    "svg",
    {
      class: "face",
      viewBox: "0 0 100 100",
      ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }),
    },
    svgElement("circle", { class: "face-skin", cx: 50, cy: 50, r: 44, fill: pick(FACES, 1) }),
    svgElement("circle", { class: "face-cheek", cx: 27, cy: 56, r: 6 }),
    svgElement("circle", { class: "face-cheek", cx: 73, cy: 56, r: 6 }),
    svgElement("path", { class: "face-line", d: pick(EYES, 6) }),
    svgElement("path", { class: "face-line", d: pick(MOUTHS, 18) }),
  );
}
