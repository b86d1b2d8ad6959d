/** What was typed into a form is put back where a login or a refusal came in between. */
import { tell } from "./toasts.js";

const TYPED = "typed", INTERRUPTED = "typed-interrupted";
const LEFT_OUT = new Set(["hidden", "password", "file", "submit", "button"]);
const HERE = () => location.pathname + location.search;

/** Remember what a form sends, until its answer is known; `words` tell that it was put back. */
export function rememberTyped(words) {
  if (document.querySelector("[data-interrupted]")) interrupt();
  else if (!document.querySelector("[data-door]")) putBack(words);
  document.addEventListener("submit", ({ target }) => {
    if (target.getAttribute("method") === "post" && !target.closest("[data-door]")) keep(target);
  });
  document.body.addEventListener("htmx:responseError", ({ detail }) => {
    if (detail.xhr.status === 401) interrupt();
  });
}

function interrupt() {
  sessionStorage.setItem(INTERRUPTED, "1");
}

function keep(form) {
  const values = fieldsOf(form).map((field) => [field.name, read(field), isTicked(field)]);
  sessionStorage.setItem(TYPED, JSON.stringify({ page: HERE(), form: nameOf(form), values }));
  sessionStorage.removeItem(INTERRUPTED);
}

function putBack(words) {
  const kept = JSON.parse(sessionStorage.getItem(TYPED) ?? "null");
  const wasInterrupted = sessionStorage.getItem(INTERRUPTED) !== null;
  sessionStorage.removeItem(TYPED);
  sessionStorage.removeItem(INTERRUPTED);
  if (!kept || !wasInterrupted || kept.page !== HERE()) return;
  const form = [...document.forms].find((each) => nameOf(each) === kept.form);
  if (!form) return;
  const left = [...kept.values];
  for (const field of fieldsOf(form)) {
    const place = left.findIndex(([name, value, checked]) => name === field.name && (checked === null || value === field.value));
    if (place < 0) continue;
    const [[, value, checked]] = left.splice(place, 1);
    if (checked === null) write(field, value);
    else field.checked = checked;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  form.closest("dialog")?.showModal();
  tell(words);
}

const nameOf = (form) => ["id", "method", "action"].map((told) => form.getAttribute(told)).join(" ");
const isTicked = (field) => (["checkbox", "radio"].includes(field.type) ? field.checked : null);
const read = (field) => (field.type === "select-multiple" ? [...field.selectedOptions].map(({ value }) => value) : field.value);

function write(field, value) {
  if (field.type !== "select-multiple") field.value = value;
  else for (const option of field.options) option.selected = value.includes(option.value);
}

function fieldsOf(form) {
  return [...form.elements].filter(({ name, type }) => name && !LEFT_OUT.has(type));
}
