/** The grid of RFM by keyboard: arrows go from cell to cell, space marks; all at once, or none. */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -5, ArrowDown: 5 };

export function listenToGrid() {
  for (const form of document.querySelectorAll("[data-rfm-grid]")) listen(form);
}

function listen(form) {
  const boxes = [...form.querySelectorAll(".rfm-mark")];
  const send = form.querySelector("[data-needs-marks]");
  const follow = () => {
    if (send) send.disabled = !boxes.some(({ checked }) => checked);
  };
  form.addEventListener("keydown", (event) => {
    const place = boxes.indexOf(event.target);
    if (place < 0 || !(event.key in STEPS)) return;
    event.preventDefault();
    next(boxes, place, STEPS[event.key])?.focus();
  });
  form.addEventListener("change", follow);
  for (const button of form.querySelectorAll("[data-marks]")) {
    button.addEventListener("click", () => {
      for (const box of boxes) box.checked = !box.disabled && button.dataset.marks === "all";
      form.dispatchEvent(new Event("change"));
    });
  }
  follow();
}

/** Return the next cell with people in it in a direction; a row is not left sideways. */
function next(boxes, place, step) {
  const row = (at) => Math.floor(at / 5);
  for (let at = place + step; at >= 0 && at < boxes.length; at += step) {
    if (Math.abs(step) === 1 && row(at) !== row(place)) return null;
    if (!boxes[at].disabled) return boxes[at];
  }
  return null;
}
