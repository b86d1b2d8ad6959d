/**
 * Light or dark, before anything is drawn: where the browser leaves it to its system, follow that.
 * Loaded in the head and not deferred, so that no page flashes.
 */
const root = document.documentElement;
const darkness = matchMedia("(prefers-color-scheme: dark)");

function follow() {
  if (root.dataset.theme === "auto") root.dataset.bsTheme = darkness.matches ? "dark" : "light";
}

follow();
darkness.addEventListener("change", follow);
