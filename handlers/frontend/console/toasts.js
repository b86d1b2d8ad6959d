/** A short word at the edge of the page; it goes by itself. */
const SHOWN_MS = 6_000;

/** Tell `text` in the tone of an alert: success, warning, danger. */
export function tell(text, tone = "success") {
  const toast = document.createElement("div");
  toast.className = `alert alert-${tone} toast-told`;
  toast.setAttribute("role", "status");
  toast.textContent = text;
  document.getElementById("toasts")?.append(toast);
  setTimeout(() => toast.remove(), SHOWN_MS);
}
