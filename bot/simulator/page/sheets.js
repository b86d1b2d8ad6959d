/** What slides over the phone's screen and asks something: pickers, panels, short notices. */
import { element } from "./element.js";
import { icon } from "./icons.js";

const NOTICE_MS = 2600;
const TIME_ZONE = "Asia/Taipei"; // LINE's picker knows no zone; the shop means its own.
const INPUT_TYPES = { date: "date", time: "time", datetime: "datetime-local" };

/** Where a person may say they are: stations near which a shop could be. Degrees, WGS 84. */
const PLACES = [
  {
    title: "台北車站",
    address: "台北市中正區北平西路3號",
    latitude: 25.04776,
    longitude: 121.51706,
  },
  {
    title: "台北101",
    address: "台北市信義區信義路五段7號",
    latitude: 25.03396,
    longitude: 121.56447,
  },
  {
    title: "台中車站",
    address: "台中市中區台灣大道一段1號",
    latitude: 24.13716,
    longitude: 120.68691,
  },
  {
    title: "高雄車站",
    address: "高雄市三民區建國二路318號",
    latitude: 22.63939,
    longitude: 120.30227,
  },
];

/** Show a short notice at the foot of the screen; it goes by itself. */
export function notify(screen, words) {
  screen.querySelector(".notice")?.remove();
  const notice = element("div", { class: "notice", role: "status" }, words);
  screen.append(notice);
  setTimeout(() => notice.remove(), NOTICE_MS);
}

/**
 * Slide a sheet over `screen` and wait for its end.
 *
 * `build(close)` returns the sheet's content and calls `close(value)` when it is done. Escape and a
 * tap beside the sheet close it with null. What lies below cannot be reached meanwhile.
 */
export function openSheet(screen, title, build, { isMenu = false } = {}) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const below = [...screen.children];
    const close = (value) => {
      layer.remove();
      for (const node of below) node.inert = false;
      before?.focus?.();
      resolve(value);
    };
    const sheet = element(
      "div",
      {
        class: isMenu ? "sheet sheet-menu" : "sheet",
        role: "dialog",
        "aria-modal": "true",
        "aria-label": title,
        tabindex: "-1",
      },
      build(close),
    );
    const layer = element("div", { class: "sheet-layer" }, sheet);
    layer.addEventListener("click", (event) => event.target === layer && close(null));
    layer.addEventListener("keydown", (event) => event.key === "Escape" && close(null));
    for (const node of below) node.inert = true;
    screen.append(layer);
    (sheet.querySelector("[data-first]") ?? sheet).focus();
  });
}

/** Offer choices ({label, value, isDanger}); return the chosen value, or null. */
export function choose(screen, title, choices, texts) {
  return openSheet(
    screen,
    title,
    (close) => [
      element("div", { class: "sheet-title" }, title),
      choices.map(({ label, value, isDanger }) =>
        element(
          "button",
          {
            type: "button",
            class: isDanger ? "sheet-choice sheet-danger" : "sheet-choice",
            on: { click: () => close(value) },
          },
          label,
        ),
      ),
      element(
        "button",
        { type: "button", class: "sheet-choice sheet-cancel", on: { click: () => close(null) } },
        texts.cancel,
      ),
    ],
    { isMenu: true },
  );
}

/**
 * Ask for a date, time or both as a datetimepicker action says; return LINE's `params`, or null.
 */
export async function pickDateTime(screen, { mode, initial, min, max }, texts) {
  const kind = Object.hasOwn(INPUT_TYPES, mode) ? mode : "date";
  const title = { date: texts.pickDate, time: texts.pickTime, datetime: texts.pickDateTime }[kind];
  const value = await openSheet(screen, title, (close) => {
    const input = element("input", {
      class: "picker-input",
      type: INPUT_TYPES[kind],
      min: native(min),
      max: native(max),
      "aria-label": title,
      data: { first: "" },
      required: true,
    });
    input.value = native(initial) ?? within(nowAs(kind), native(min), native(max));
    // Browsers write the field in their own language; below stands what was chosen, in the
    // person's.
    const spoken = element("output", { class: "picker-spoken" });
    const speak = () => {
      spoken.textContent = inWords(input.value, kind);
    };
    input.addEventListener("input", speak);
    speak();
    return form(title, [input, spoken], close, () => input.value, texts.ok, texts);
  });
  return value === null ? null : { [kind]: value };
}

/** Ask where the person is; return {title, address, latitude, longitude}, or null. */
export function pickLocation(screen, texts) {
  return openSheet(screen, texts.location, (close) => {
    const place = element(
      "select",
      { class: "sheet-input", "aria-label": texts.locationPlace, data: { first: "" } },
      PLACES.map(({ title }, index) => element("option", { value: index }, title)),
    );
    const [latitude, longitude] = ["locationLatitude", "locationLongitude"].map((name) =>
      element("input", {
        class: "sheet-input",
        type: "number",
        step: "any",
        required: true,
        "aria-label": texts[name],
      }),
    );
    const show = () => {
      latitude.value = PLACES[place.value].latitude;
      longitude.value = PLACES[place.value].longitude;
    };
    place.addEventListener("change", show);
    show();
    const chosen = () => {
      const { title, address } = PLACES[place.value];
      return {
        title,
        address,
        latitude: Number(latitude.value),
        longitude: Number(longitude.value),
      };
    };
    return form(
      texts.location,
      [place, element("div", { class: "sheet-pair" }, latitude, longitude)],
      close,
      chosen,
      texts.locationSend,
      texts,
    );
  });
}

function form(title, fields, close, answer, doneLabel, texts) {
  const submit = (event) => {
    event.preventDefault();
    close(answer());
  };
  return element(
    "form",
    { on: { submit } },
    element(
      "div",
      { class: "sheet-head" },
      element(
        "button",
        { type: "button", class: "sheet-text-button", on: { click: () => close(null) } },
        texts.cancel,
      ),
      element("div", { class: "sheet-title" }, title),
      element("button", { type: "submit", class: "sheet-text-button sheet-done" }, doneLabel),
    ),
    element("div", { class: "sheet-fields" }, fields),
  );
}

/** Return a closing cross for panels that stay open until told. */
export function closeButton(label, close) {
  return element(
    "button",
    { type: "button", class: "round-button", "aria-label": label, on: { click: close } },
    icon("close"),
  );
}

/** LINE writes 2026-01-31t09:00 with either letter; browsers want the capital. */
function native(value) {
  return typeof value === "string" ? value.replace("t", "T") : null;
}

function nowAs(kind) {
  const [date, time] = new Intl.DateTimeFormat("sv-SE", {
    dateStyle: "short",
    timeStyle: "short",
    timeZone: TIME_ZONE,
  })
    .format(new Date())
    .split(" ");
  return { date, time, datetime: `${date}T${time}` }[kind];
}

/** Write a picked value as the page's language does; an unfinished one as nothing. */
function inWords(value, kind) {
  if (value === "") return "";
  const moment = new Date(
    `${kind === "time" ? `1970-01-01T${value}` : kind === "date" ? `${value}T00:00` : value}Z`,
  );
  const style = {
    ...(kind === "time" ? {} : { dateStyle: "full" }),
    ...(kind === "date" ? {} : { timeStyle: "short" }),
  };
  return new Intl.DateTimeFormat(document.documentElement.lang, {
    ...style,
    timeZone: "UTC",
  }).format(moment);
}

/** ISO forms sort as text. */
function within(value, min, max) {
  if (min && value < min) return min;
  return max && value > max ? max : value;
}
