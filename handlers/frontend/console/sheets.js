/** Sheets are <dialog>s: a button with data-opens shows one, one with data-closes puts it away. */
export function listenToSheets() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      document.getElementById(opener.dataset.opens)?.showModal();
      return;
    }
    const closer = event.target.closest("[data-closes]");
    if (closer || event.target.matches("dialog.sheet")) event.target.closest("dialog")?.close();
  });
}
