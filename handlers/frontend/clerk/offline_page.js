/** The page's own parts of the counter without a network: its addresses, words and prepared views. */
import { showNotice } from "./notices.js";

export const parts = document.getElementById("offline");
export const words = JSON.parse(parts.dataset.words);
export const counter = document.getElementById("counter");

/** Return what the server gave this page to go on with, or null where nobody is signed in. */
export function pageConfig() {
  return parts.dataset.config ? JSON.parse(parts.dataset.config) : null;
}

/** Put `{name}`s into a text. */
export function fill(text, fields) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => fields[name] ?? whole);
}

export function money(twd) {
  return `${twd < 0 ? "-" : ""}NT$${Math.abs(twd).toLocaleString("en-US")}`;
}

/** Show a prepared view in the counter's place, after `prepare` has filled it in. */
export function showView(name, prepare = () => {}) {
  const view = document.getElementById(`offline-${name}-view`).content.cloneNode(true);
  prepare(view);
  counter.replaceChildren(view);
  // The counter's script sets the cursor, scrolls and celebrates as after an answer of the server.
  counter.dispatchEvent(
    new CustomEvent("htmx:afterSwap", { bubbles: true, detail: { target: counter } }),
  );
}

export function currentView() {
  return counter?.querySelector("[data-view]")?.dataset.view ?? "";
}

/** Tell that something went wrong, in the open view; returns null, which nothing comes of. */
export function complain(name) {
  showNotice(name);
  navigator.vibrate?.(200);
  return null;
}

/** Tell whether nobody would lose anything if the page changed now. */
export function isIdle() {
  const isWaiting = ["", "scan", "offline-scan", "offline-queue", "queue"].includes(currentView());
  const typed = counter?.querySelector("#code")?.value;
  return isWaiting && !typed && !document.querySelector("dialog[open]");
}
