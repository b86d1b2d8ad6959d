/** The big keys of a PIN; a hardware keyboard types into the same field. */

/** Let every pad's keys type into its field, and keep a tablet's own keyboard away from it. */
export function listenToPads() {
  const isTouch = matchMedia("(pointer: coarse)").matches;
  for (const field of document.querySelectorAll("[data-pad-field]")) {
    if (isTouch) field.inputMode = "none";
  }
  document.addEventListener("click", ({ target }) => {
    const key = target.closest("[data-digit]");
    if (key) press(key.closest("[data-pad]").querySelector("[data-pad-field]"), key.dataset.digit);
  });
  document.addEventListener("keydown", typeAnywhere);
}

function press(field, digit) {
  field.value = digit === "back" ? field.value.slice(0, -1) : (field.value + digit).slice(0, field.maxLength);
  field.focus({ preventScroll: true });
}

/** Digits belong to the pad in sight, wherever the cursor is. */
function typeAnywhere(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  const field = [...document.querySelectorAll("[data-pad-field]")].find((one) => one.getClientRects().length > 0);
  if (!field || !/^(?:[0-9]|Backspace)$/.test(event.key)) return;
  event.preventDefault();
  press(field, event.key === "Backspace" ? "back" : event.key);
}
