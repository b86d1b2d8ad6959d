/**
 * Parts of a form that belong to one choice. A select, or each of some radio buttons, marked
 * `data-chooses` shows of its form, or of the `data-choices` it stands in, the parts whose
 * `data-when` names what is chosen; `<select data-sends>` sends its form when it changes. Without
 * script all of them are shown, and the server reads those that count.
 */
const CHOOSERS = "select[data-chooses], input[data-chooses]:checked";

const apply = (chooser) => {
  const room = chooser.closest("[data-choices]") ?? chooser.form;
  for (const part of room.querySelectorAll("[data-when]")) {
    part.hidden = !part.dataset.when.split(" ").includes(chooser.value);
  }
};

/** Watch the choosers of the page and of whatever is swapped into it. */
export function listenToChoices() {
  document.addEventListener("change", ({ target }) => {
    if (target.matches(CHOOSERS)) apply(target);
    if (target.matches("select[data-sends]")) target.form.requestSubmit();
  });
  const look = (part) => part.querySelectorAll(CHOOSERS).forEach(apply);
  look(document);
  document.body.addEventListener("htmx:load", ({ detail }) => look(detail.elt));
}
