/** Controls for the values of a rule: numbers, days, words, yes or no, and choices by name. */
import { make } from "./making.js";

const COMMAS = /[,，、]/;

/**
 * Return a control for a value. `asked` is a field or an option of the catalogue, `takes` is `one`,
 * `pair` or `many`; `tell` is called with each new value.
 */
export function valueControl(asked, takes, value, label, words, tell) {
  if (takes === "pair") return pair(asked, value, words, tell);
  if (asked.kind === "boolean") return choose([[true, words.yes], [false, words.no]], value, label, tell);
  if (asked.kind === "code") return (takes === "many" ? pick : select)(asked, value, label, words, tell);
  if (takes === "many") return several(value, label, words, tell);
  return typed(asked, value, label, tell);
}

/** Return the value that a control begins with. */
export function firstValue(asked, takes) {
  if (takes === "many") return [];
  if (takes === "pair") return [null, null];
  if (asked.kind === "boolean") return true;
  if (asked.kind === "code") return asked.choices[0]?.code ?? null;
  return null;
}

function typed(asked, value, label, tell) {
  const type = { integer: "number", day: "date" }[asked.kind] ?? "text";
  const input = make("input", { class: "form-control", type, "aria-label": label, value: value ?? "" });
  if (type === "number") input.step = "1";
  input.addEventListener("input", () => tell(readTyped(asked, input.value)));
  return input;
}

function readTyped(asked, text) {
  if (text === "") return null;
  return asked.kind === "integer" ? Number(text) : text;
}

function pair(asked, value, words, tell) {
  const both = [...(value ?? [null, null])];
  const end = (place, label) => typed(asked, both[place], label, (told) => {
    both[place] = told;
    tell([...both]);
  });
  return make("div", { class: "rule-pair" }, end(0, words.low), "–", end(1, words.high));
}

function several(value, label, words, tell) {
  const input = make("input", { class: "form-control", "aria-label": label, value: (value ?? []).join("、"), placeholder: words.separate });
  input.addEventListener("input", () => tell(input.value.split(COMMAS).map((each) => each.trim()).filter(Boolean)));
  return input;
}

function choose(choices, value, label, tell) {
  const list = make("select", { class: "form-select", "aria-label": label });
  for (const [place, [each, words]] of choices.entries()) {
    list.append(make("option", { value: place, selected: each === value }, words));
  }
  list.addEventListener("change", () => tell(choices[Number(list.value)][0]));
  return list;
}

function named(asked, words, values) {
  const known = new Set(asked.choices.map(({ code }) => code));
  const gone = values.filter((code) => code !== null && !known.has(code));
  return [...asked.choices.map(({ code, name }) => [code, name]), ...gone.map((code) => [code, `${code}${words.gone}`])];
}

function select(asked, value, label, words, tell) {
  const choices = named(asked, words, [value]);
  if (!choices.length) return make("span", { class: "text-secondary" }, words.none);
  return choose(choices, value, label, tell);
}

/** Many of the choices: a list of boxes to tick, with a filter over it, that opens and closes. */
function pick(asked, value, label, words, tell) {
  const chosen = new Set(value ?? []);
  const choices = named(asked, words, [...chosen]);
  const summary = make("summary", { class: "form-select" });
  const list = make("ul", { class: "list-unstyled mb-0 rule-choices" });
  const told = () => {
    summary.textContent = choices.filter(([code]) => chosen.has(code)).map(([, name]) => name).join("、") || words.choose;
  };
  for (const [code, name] of choices) {
    const box = make("input", { class: "form-check-input", type: "checkbox", checked: chosen.has(code) });
    box.addEventListener("change", () => {
      chosen[box.checked ? "add" : "delete"](code);
      told();
      tell(choices.map(([each]) => each).filter((each) => chosen.has(each)));
    });
    list.append(make("li", {}, make("label", { class: "form-check" }, box, make("span", { class: "form-check-label" }, name))));
  }
  if (!choices.length) list.append(make("li", { class: "text-secondary" }, words.none));
  told();
  return make("details", { class: "rule-pick", "aria-label": label }, summary, make("div", { class: "rule-sheet" }, filterOf(list, words), list));
}

function filterOf(list, words) {
  const input = make("input", { class: "form-control form-control-sm", type: "search", "aria-label": words.filter, placeholder: words.filter });
  input.addEventListener("input", (event) => {
    event.stopPropagation(); // To look for a choice changes nothing of the rule.
    const asked = input.value.trim().toLowerCase();
    for (const line of list.children) line.hidden = !line.textContent.toLowerCase().includes(asked);
  });
  return input;
}
