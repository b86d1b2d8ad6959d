/** Script of the settings' pages. */
import { copy, switchParts } from "./console/settings.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copies]");
  if (button) copy(button);
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-switches]")) switchParts(event.target);
});
for (const select of document.querySelectorAll("[data-switches]")) switchParts(select);
// Once a worker is done with a file, the page shows more than the part that asked: open it anew.
document.body.addEventListener("htmx:load", ({ detail }) => {
  if (detail.elt.matches("[data-reload]")) location.reload();
});
