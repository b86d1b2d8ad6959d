/** The console's pages: htmx swaps their parts; these modules keep drafts, open sheets, draw charts. */
import htmx from "htmx.org";
import { drawCharts } from "./console/drawing.js";
import { keepDrafts } from "./console/drafts.js";
import { markField, showRefusal } from "./console/refused_field.js";
import { listenToSheets } from "./console/sheets.js";
import { tell } from "./console/toasts.js";
import { rememberTyped } from "./console/typed.js";

const REQUEST_TIMEOUT_MS = 20_000;
const words = (id) => document.getElementById(id)?.content.textContent.trim() ?? "";

Object.assign(htmx.config, {
  allowEval: false, // The Content-Security-Policy forbids it anyway.
  includeIndicatorStyles: false,
  attributesToSettle: ["class"], // To set a `style` again is forbidden likewise.
  historyEnabled: false,
  selfRequestsOnly: true,
  timeout: REQUEST_TIMEOUT_MS,
  // A refusal (4xx) is a notice for the page's own place; what a broken server says is not for people.
  responseHandling: [
    { code: "204", swap: false },
    { code: "[23]..", swap: true },
    { code: "4..", swap: true, error: true, select: "[data-notice]", target: "#notices", swapOverride: "innerHTML" },
    { code: "5..", swap: false, error: true },
  ],
});
window.htmx = htmx; // Bundles of single topics use the page's one.

document.documentElement.classList.add("has-script");
document.body.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get") {
    detail.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
  }
});
document.body.addEventListener("htmx:sendError", () => tell(words("words-network"), "warning"));
document.body.addEventListener("htmx:timeout", () => tell(words("words-network"), "warning"));
document.body.addEventListener("htmx:responseError", ({ detail }) => {
  if (detail.xhr.status >= 500) tell(words("words-server"), "danger");
});
document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
  const notice = detail.target.id === "notices" && detail.target.querySelector("[data-notice]");
  if (notice) showRefusal(notice);
});
htmx.onLoad((part) => {
  drawCharts(part);
  keepDrafts(part);
});

listenToSheets();
rememberTyped(words("words-put-back"));
for (const notice of document.querySelectorAll("main [data-notice][data-field]")) markField(notice, document.getElementById("main"));

const OPEN_MENUS = "details.menu[open], details.more-menu[open]";
const menu = document.querySelector("[data-menu]");
menu?.addEventListener("click", () => {
  const isOpen = document.getElementById("menu").classList.toggle("show");
  menu.setAttribute("aria-expanded", String(isOpen));
});

// Where tabs find no place side by side, the open one is in sight.
for (const tab of document.querySelectorAll(".nav-tabs .nav-link.active")) {
  tab.scrollIntoView({ block: "nearest", inline: "center" });
}

/** A slash begins a search, as in many programs; not while somebody types. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  const search = document.querySelector("[data-search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-prints]")) window.print();
  for (const open of document.querySelectorAll(OPEN_MENUS)) {
    if (!open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll(OPEN_MENUS)) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});
