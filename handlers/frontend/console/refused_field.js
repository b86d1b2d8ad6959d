/** The field that a refusal is about: named in the notice, marked in its form, and ready to be typed into. */

/** Return what a field is called on the page. */
function called(field) {
  const legend = field.type === "radio" && field.closest("fieldset")?.querySelector("legend");
  return (legend || field.labels?.[0])?.textContent.trim() || field.getAttribute("aria-label") || "";
}

/** Mark the field of a notice, if it has one and `within` shows it; tell whether it did. */
export function markField(notice, within) {
  const name = notice.dataset.field;
  const field = name && within.querySelector(`form [name="${CSS.escape(name)}"]:not([type=hidden])`);
  if (!field) return false;
  const words = called(field);
  if (words) notice.querySelector(".alert-title").textContent += notice.dataset.colon + words;
  field.classList.add("is-invalid");
  field.setAttribute("aria-invalid", "true");
  field.addEventListener("input", () => {
    field.classList.remove("is-invalid");
    field.removeAttribute("aria-invalid");
  }, { once: true });
  field.focus({ preventScroll: true }); // What is wrong is read first; typing scrolls to the field.
  notice.scrollIntoView({ block: "nearest" });
  return true;
}

/** Show a notice where the person is: in the sheet that lies over the page, if one does. */
export function showRefusal(notice) {
  const sheet = document.querySelector("dialog.sheet[open] .sheet-body");
  if (sheet) {
    sheet.querySelector("[data-notice]")?.remove();
    sheet.prepend(notice);
  }
  if (!markField(notice, sheet ?? document.getElementById("main"))) notice.focus();
}
