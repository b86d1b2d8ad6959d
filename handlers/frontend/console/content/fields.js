/**
 * The editor's fields. Each takes the object it writes into and the name it writes, so that what
 * stands in the fields is the content itself; `editor.changed()` tells that something was typed and
 * `editor.redraw(path)` that the form must be built anew, the focus going to `path`.
 */
import { element } from "../../../../bot/simulator/page/element.js";
import { newFields, newValue } from "./parts.js";

const FALLBACK_LANGUAGE = "zh-TW";
const HEX_COLOUR = /^#[0-9a-f]{6}$/i;

let numbered = 0;

/** Draw the fields of a card, or of one of its products. */
export function slotFields(editor, slots, fields, path) {
  return slots.map((slot) => slotField(editor, slot, fields, `${path}.${slot.name}`));
}

function slotField(editor, slot, fields, path) {
  const label = slot.required ? slot.label : `${slot.label}`;
  const place = { owner: fields, name: slot.name, path, label, isRequired: slot.required };
  if (slot.kind === "text") return textField(editor, { ...place, longest: slot.longest });
  if (slot.kind === "image") return addressField(editor, { ...place, hint: editor.words.image_url });
  if (slot.kind === "coupon") return choiceField(editor, { ...place, options: editor.parts.coupons });
  if (slot.kind === "button") return optional(editor, slot, place, buttonField);
  if (slot.kind === "colour") return optional(editor, slot, place, colourField);
  return itemsField(editor, slot, place);
}

/** Draw a text in the language that is chosen, with its length and the variables to put in. */
export function textField(editor, { owner, name, path, label, longest, isRequired = false, rows = 2 }) {
  const { language, words } = editor;
  const texts = owner[name] ?? {};
  const isFirst = language === FALLBACK_LANGUAGE;
  const count = element("span", { class: "content-count" });
  const area = element("textarea", {
    class: "form-control",
    rows: longest > 60 ? Math.max(rows, 3) : 1,
    data: { path: `${path}.${language}` },
    placeholder: isFirst ? null : (texts[FALLBACK_LANGUAGE] ?? null),
    on: {
      input: () => {
        write(owner, name, language, area.value, isRequired);
        tellLength();
        editor.changed();
      },
    },
  });
  area.value = texts[language] ?? "";
  const tellLength = () => {
    count.textContent = `${[...area.value].length} / ${longest} ${words.characters}`;
  };
  tellLength();
  const hint = isFirst ? null : element("div", { class: "form-hint" }, words.translated_later);
  return labelled(area, label, isRequired && isFirst, words, [
    hint,
    element("div", { class: "content-under" }, variablePicker(editor, area), count),
  ]);
}

/** Keep a text in a language; an empty one is left out, and with the last of them the whole. */
function write(owner, name, language, typed, isRequired) {
  const texts = { ...(owner[name] ?? {}) };
  if (typed || language === FALLBACK_LANGUAGE) texts[language] = typed;
  else delete texts[language];
  const isEmpty = Object.values(texts).every((text) => !text);
  if (isEmpty && !isRequired) delete owner[name];
  else owner[name] = { [FALLBACK_LANGUAGE]: "", ...texts };
}

function variablePicker(editor, area) {
  const { parts, words } = editor;
  const known = [...parts.variables, ...editor.more.map((name) => [name, name, ""])];
  const picker = element(
    "select",
    {
      class: "form-select form-select-sm content-variable",
      "aria-label": words.variable,
      on: {
        change: () => {
          if (!picker.value) return;
          area.setRangeText(`{${picker.value}}`, area.selectionStart, area.selectionEnd, "end");
          picker.value = "";
          area.dispatchEvent(new Event("input", { bubbles: true }));
          area.focus();
        },
      },
    },
    element("option", { value: "" }, words.variable),
    known.map(([name, label, example]) =>
      element("option", { value: name }, example ? `${label} · ${example.split("\n")[0]}` : label),
    ),
  );
  return picker;
}

/** Draw an address. */
export function addressField(editor, { owner, name, path, label, hint, isRequired = false }) {
  const input = element("input", {
    class: "form-control",
    type: "url",
    inputmode: "url",
    placeholder: "https://",
    data: { path },
    on: {
      input: () => {
        if (input.value || isRequired) owner[name] = input.value.trim();
        else delete owner[name];
        editor.changed();
      },
    },
  });
  input.value = owner[name] ?? "";
  return labelled(input, label, isRequired, editor.words, [
    hint ? element("div", { class: "form-hint" }, hint) : null,
  ]);
}

/** Draw a choice among `options`: [code, name]. */
export function choiceField(editor, { owner, name, path, label, options, isRequired = false, after = null }) {
  const { words } = editor;
  const known = options.some(([code]) => code === owner[name]) || !owner[name];
  const select = element(
    "select",
    {
      class: "form-select",
      data: { path },
      on: {
        change: () => {
          if (select.value || isRequired) owner[name] = select.value;
          else delete owner[name];
          editor.changed();
          after?.();
        },
      },
    },
    isRequired ? null : element("option", { value: "" }, words.none),
    known ? null : element("option", { value: owner[name] }, owner[name]),
    options.map(([code, said]) => element("option", { value: code }, said)),
  );
  select.value = owner[name] ?? "";
  return labelled(select, label, isRequired, words, []);
}

/** Draw what may be left out: a box that puts it in, and its field. */
function optional(editor, slot, place, draw) {
  const { owner, name, path, label } = place;
  if (slot.required) return draw(editor, place);
  const box = element("input", {
    class: "form-check-input",
    type: "checkbox",
    data: { path },
    on: {
      change: () => {
        if (box.checked) owner[name] = newValue(slot, editor.parts);
        else delete owner[name];
        editor.redraw(path);
      },
    },
  });
  box.checked = name in owner;
  const switched = element(
    "label",
    { class: "form-check form-switch" },
    box,
    element("span", { class: "form-check-label" }, label),
  );
  return element("div", { class: "content-slot" }, switched, box.checked ? draw(editor, place) : null);
}

function buttonField(editor, { owner, name, path }) {
  const { words, parts } = editor;
  const button = owner[name];
  const isTap = "tap" in button;
  const way = { kind: isTap ? "tap" : "url" };
  return element(
    "div",
    { class: "content-inner" },
    textField(editor, { owner: button, name: "label", path: `${path}.label`, label: words.label, longest: 20, isRequired: true }),
    choiceField(editor, {
      owner: way,
      name: "kind",
      path: `${path}.kind`,
      label: words.leads_to,
      options: [["url", words.opens], ["tap", words.answers]],
      isRequired: true,
      after: () => {
        delete button.tap;
        delete button.url;
        button[way.kind] = way.kind === "tap" ? parts.taps[0][0] : "";
        editor.redraw(`${path}.kind`);
      },
    }),
    isTap
      ? choiceField(editor, { owner: button, name: "tap", path: `${path}.tap`, label: words.answers, options: parts.taps, isRequired: true })
      : addressField(editor, { owner: button, name: "url", path: `${path}.url`, label: words.url, isRequired: true }),
  );
}

function colourField(editor, { owner, name, path, label }) {
  const input = element("input", {
    class: "form-control form-control-color",
    type: "color",
    "aria-label": label,
    data: { path },
    on: {
      input: () => {
        owner[name] = input.value;
        editor.changed();
      },
    },
  });
  input.value = HEX_COLOUR.test(owner[name]) ? owner[name] : "#1f6b4c";
  return input;
}

function itemsField(editor, slot, { owner, name, path, label }) {
  const { words, parts } = editor;
  const items = owner[name];
  return element(
    "fieldset",
    { class: "content-slot" },
    element("legend", { class: "form-label" }, label),
    items.map((item, place) =>
      element(
        "div",
        { class: "content-inner" },
        element(
          "div",
          { class: "content-bar" },
          element("strong", {}, `${words.item} ${place + 1}`),
          items.length > 1
            ? smallButton(words.remove, () => {
                items.splice(place, 1);
                editor.redraw(`${path}[${Math.max(place - 1, 0)}].name.${editor.language}`);
              })
            : null,
        ),
        slotFields(editor, slot.slots, item, `${path}[${place}]`),
      ),
    ),
    items.length < parts.most_items
      ? smallButton(`＋ ${words.add_item}`, () => {
          items.push(newFields(slot.slots, parts));
          editor.redraw(`${path}[${items.length - 1}].name.${editor.language}`);
        })
      : null,
  );
}

/** Draw a button with a word. */
export function smallButton(word, click, more = {}) {
  return element("button", { class: "btn btn-sm", type: "button", ...more, on: { click } }, word);
}

function labelled(control, label, isRequired, words, below) {
  const id = `content-${(numbered += 1)}`;
  control.id = id;
  control.setAttribute("aria-describedby", `${id}-error`);
  return element(
    "div",
    { class: "content-slot" },
    element(
      "label",
      { class: isRequired ? "form-label required" : "form-label", for: id },
      label,
    ),
    control,
    element("div", { class: "invalid-feedback", id: `${id}-error` }),
    below,
  );
}
