/** The counter's page: htmx swaps the views; these modules make them quick to work with. */
import htmx from "htmx.org";
import { openCamera } from "./clerk/camera_dialog.js";
import { signal } from "./clerk/feedback.js";
import { listenToItems } from "./clerk/items.js";
import { pressKey } from "./clerk/keypad.js";
import { showNotice, takeFreshToken } from "./clerk/notices.js";
import { listenToScanner } from "./clerk/scanner.js";

const REQUEST_TIMEOUT_MS = 10_000;

Object.assign(htmx.config, {
  allowEval: false, // The Content-Security-Policy forbids it anyway.
  includeIndicatorStyles: false,
  disableInheritance: true,
  historyEnabled: false,
  selfRequestsOnly: true,
  timeout: REQUEST_TIMEOUT_MS,
  // A refusal (4xx) is a fragment for the notice; what a broken server says (5xx) is not for clerks.
  responseHandling: [
    { code: "204", swap: false },
    { code: "[234]..", swap: true },
    { code: "5..", swap: false, error: true },
  ],
});

const counter = document.getElementById("counter");
document.documentElement.classList.add("has-script");

/**
 * Look up a scanned code, from whatever view is open. A form that waits for one takes it; beside a
 * customer the server judges it by its kind, so that nothing typed is lost and nobody is mixed up.
 */
function lookUp(code) {
  if (document.querySelector("#lock[open]")) return;
  const waiting = [...counter.querySelectorAll("form[data-takes-scan]")].find(isShown);
  if (waiting) {
    waiting.elements.code.value = code;
    return;
  }
  const form = document.getElementById("beside") ?? document.getElementById("scan");
  form.elements.code.value = code;
  form.requestSubmit();
}

function isShown(element) {
  return element.getClientRects().length > 0;
}

/** Put the cursor where the next keystroke belongs, without calling up a phone's keyboard. */
function focusView() {
  const place = counter.querySelector("[data-focus]");
  if (!place) return;
  for (const field of counter.querySelectorAll("[data-keypad]")) silenceKeyboard(field);
  if (isTouch() && !place.matches("[data-keypad]")) silenceKeyboard(place);
  place.focus({ preventScroll: true });
}

/** Keep the on-screen keyboard away until the clerk taps the field; the keypad's field never has it. */
function silenceKeyboard(field) {
  if (!field.matches("input")) return;
  const wanted = field.inputMode;
  field.inputMode = "none";
  if (field.matches("[data-keypad]") && isTouch()) return;
  field.addEventListener("pointerdown", () => (field.inputMode = wanted), { once: true });
}

function isTouch() {
  return matchMedia("(pointer: coarse)").matches;
}

/** Ask for the effects anew; until they come, what stands there is of another amount and fades. */
function saleChanged() {
  const sale = document.getElementById("sale");
  if (!sale) return;
  document.getElementById("preview").classList.add("is-old");
  sale.dispatchEvent(new CustomEvent("sale-changed"));
}

/** The clerk mends what a notice was about: it has done its work, unless it asks for a login. */
function correcting() {
  const notice = document.getElementById("notice");
  if (!notice.querySelector("form")) notice.replaceChildren();
  saleChanged();
}

/** A carrier, a coupon or an item has come beside the customer: back to the amount. */
function afterBeside(place) {
  if (place.id === "notice") return;
  signal("heard");
  document.getElementById("notice").replaceChildren();
  place.scrollIntoView({ block: "nearest" });
  focusView();
  saleChanged();
}

/** Show the notice, and let the next keystroke replace the number that was not found. */
function afterAnswer(notice, request) {
  if (request.status >= 400) signal("refusal");
  else saleChanged(); // Such as a login renewed in place: effects that were refused are asked for anew.
  notice.scrollIntoView({ block: "nearest" });
  document.getElementById("code")?.select();
}

let unfinished = { member: null, amount: "" };

/** Remember the amount of a member who must be scanned again (expired, used, another clerk's page). */
function rememberAmount() {
  const sale = document.getElementById("sale");
  unfinished = sale ? { member: sale.dataset.member, amount: sale.elements.amount.value } : unfinished;
}

function restoreAmount() {
  const sale = document.getElementById("sale");
  if (sale && sale.dataset.member === unfinished.member && !sale.elements.amount.value) {
    sale.elements.amount.value = unfinished.amount;
  }
  if (sale || counter.querySelector("[data-success]")) unfinished = { member: null, amount: "" };
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.target === counter) rememberAmount();
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target !== counter) {
    if (detail.target.id === "notice") afterAnswer(detail.target, detail.xhr);
    if (detail.target.id === "preview") detail.target.classList.remove("is-old");
    if (detail.elt.id === "beside") afterBeside(detail.target);
    return;
  }
  restoreAmount();
  markPlace();
  scrollTo(0, 0);
  focusView();
  saleChanged();
  if (counter.querySelector("[data-success]")) signal("success");
});

document.addEventListener("htmx:afterRequest", ({ detail }) => takeFreshToken(detail.xhr));
document.addEventListener("htmx:sendError", () => showTrouble("no-network"));
document.addEventListener("htmx:timeout", () => showTrouble("no-network"));
document.addEventListener("htmx:responseError", () => showTrouble("server-trouble"));

const openedPlace = document.querySelector(".bar-link[aria-current]");
const openedView = viewName();

function viewName() {
  return counter.querySelector("[data-view]")?.dataset.view;
}

/** The bar names the page that was opened, for as long as its view is the one on the screen. */
function markPlace() {
  if (viewName() === openedView) openedPlace?.setAttribute("aria-current", "page");
  else openedPlace?.removeAttribute("aria-current");
}

function showTrouble(name) {
  signal("refusal");
  showNotice(name);
}

/** The customer's coupon was scanned: it is on the page already. */
document.addEventListener("tick-coupon", ({ detail }) => {
  const box = counter.querySelector(`[name=coupon][value="${CSS.escape(detail.id)}"]`);
  if (!box) return;
  box.checked = true;
  afterBeside(box.parentElement);
});

/** The customer whose number was typed has shown their code: their name need not be asked for. */
document.addEventListener("visit-proved", ({ detail }) => {
  for (const field of counter.querySelectorAll("[name=visit]")) field.value = detail.visit;
  for (const check of counter.querySelectorAll("[name=name_checked], [name=name_checked_here]")) {
    check.closest("label").remove();
  }
  afterBeside(counter.querySelector(".who"));
});

document.addEventListener("input", ({ target, isComposing }) => {
  if (target.form?.id !== "sale" || target.closest("#notice")) return;
  if (target.matches("[data-keypad]") && !isComposing) target.value = target.value.normalize("NFKC");
  if (target.name === "coupon") target.parentElement.scrollIntoView({ block: "nearest", inline: "center" });
  correcting();
});

document.addEventListener("click", ({ target }) => {
  const key = target.closest("[data-key]");
  if (key) {
    pressKey(keypadField(), key.dataset.key);
    correcting();
  }
  const usePoints = target.closest("[data-use-points]");
  if (usePoints) {
    document.getElementById("points").value = usePoints.dataset.usePoints;
    correcting();
  }
  if (target.closest("[data-open-camera]")) openCamera(lookUp);
  if (target.closest("[data-print]")) print();
  target.closest("[data-drop-carrier]")?.closest("[data-carrier]").remove();
  if (target.closest("[data-stay]")) {
    document.getElementById("notice").replaceChildren();
    focusView();
  }
  const menu = document.querySelector(".menu[open]");
  if (menu && !menu.contains(target)) menu.open = false;
});

/** The big keys type where the cursor was last: the amount, or the points that pay for it. */
function keypadField() {
  return counter.querySelector("[data-keypad].is-typed") ?? document.getElementById("amount");
}

document.addEventListener("focusin", ({ target }) => {
  if (!target.matches?.("[data-keypad]")) return;
  counter.querySelector(".till #notice .manager")?.parentElement.replaceChildren(); // The keys come back.
  for (const field of counter.querySelectorAll("[data-keypad]")) {
    field.classList.toggle("is-typed", field === target);
  }
});

/** Digits belong to the amount, also when a coupon was just ticked and still has the cursor. */
document.addEventListener("keydown", (event) => {
  const amount = document.getElementById("amount");
  const isElsewhere = !event.target.matches("input:not([type=radio], [type=checkbox]), textarea, select");
  if (!amount || !isElsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!/^(?:[0-9+*×]|Backspace)$/.test(event.key) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  amount.dataset.beforeScan = amount.value; // It may be a scanner that begins to type.
  pressKey(amount, { Backspace: "back", "*": "×" }[event.key] ?? event.key);
  amount.focus({ preventScroll: true });
  correcting();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing || document.querySelector("dialog[open]")) return;
  counter.querySelector("[data-next]")?.click();
});

listenToItems(correcting);
listenToScanner(lookUp);
focusView();
saleChanged();
