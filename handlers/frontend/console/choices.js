/**
 * Parts of a form that belong to one choice: `<select data-chooses>` shows of its form the parts
 * whose `data-when` names what is chosen; `<select data-sends>` sends its form when it changes.
 * Without script all of them are shown, and the server reads those that count.
 */
const apply = (select) => {
  for (const part of select.form.querySelectorAll("[data-when]")) {
    part.hidden = !part.dataset.when.split(" ").includes(select.value);
  }
};

/** Watch the selects of the page and of whatever is swapped into it. */
export function listenToChoices() {
  document.addEventListener("change", ({ target }) => {
    if (target.matches("select[data-chooses]")) apply(target);
    if (target.matches("select[data-sends]")) target.form.requestSubmit();
  });
  const look = (part) => part.querySelectorAll("select[data-chooses]").forEach(apply);
  look(document);
  document.body.addEventListener("htmx:load", ({ detail }) => look(detail.elt));
}
