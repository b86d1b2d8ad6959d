/** The settings' pages: copying what is shown once, parts that belong to a choice, a page that is done. */
const TOLD_MS = 2_000;

/** Copy what an element shows; the button says so for a moment. */
export async function copy(button) {
  const shown = document.getElementById(button.dataset.copies);
  await navigator.clipboard.writeText(shown.textContent.trim());
  const icon = button.querySelector("use");
  const before = icon.getAttribute("href");
  icon.setAttribute("href", before.replace(/#.*/, "#check-lg"));
  setTimeout(() => icon.setAttribute("href", before), TOLD_MS);
}

/** Show the parts that belong to what is chosen, and no others. */
export function switchParts(select) {
  for (const part of document.querySelectorAll(`[data-switched="${select.dataset.switches}"]`)) {
    part.hidden = part.dataset.when !== select.value;
  }
}
