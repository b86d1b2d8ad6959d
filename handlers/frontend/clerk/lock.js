/**
 * The lock: a page nobody touches is covered by a PIN pad; what was typed stays underneath.
 *
 * The server keeps its own time and refuses a session that rested, so the cover only keeps eyes and
 * fingers away. Several pages of one browser share what they know of the last touch. Without a network
 * a page stays open: nobody could check the PIN, and a queue must not stand still.
 */
import { takeFreshToken } from "./notices.js";

const LOOKS_EVERY_MS = 5_000;
const TOUCHED_KEY = "regulars-touched-at";
const TOUCHES = ["pointerdown", "keydown", "wheel", "touchmove"];
const TIMEOUT_MS = 10_000;

let lock = null;
let restMs = 0;
let heardAt = Date.now(); // When the server last learned that somebody is here.
let locking = Promise.resolve(); // Until the server has locked: what overtook it would be undone by it.

/** Watch over this page; `dialog` is its cover, or null where nobody is signed in. */
export function guardPage(dialog) {
  if (!dialog) return;
  lock = dialog;
  restMs = Number(dialog.dataset.minutes) * 60_000;
  touch();
  for (const kind of TOUCHES) document.addEventListener(kind, touch, { capture: true, passive: true });
  document.addEventListener("htmx:afterRequest", ({ detail }) => hear(detail.xhr));
  document.addEventListener("visibilitychange", look);
  document.querySelector("[data-lock-now]").addEventListener("submit", (event) => {
    event.preventDefault();
    event.target.closest("details").open = false;
    cover();
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.querySelector("form").addEventListener("submit", unlock);
  dialog.querySelector("a").addEventListener("click", leave);
  setInterval(look, LOOKS_EVERY_MS);
}

function touch() {
  if (!lock.open) localStorage.setItem(TOUCHED_KEY, String(Date.now()));
}

/** An answer shows that the server saw us, unless it was the answer that it locked us out. */
function hear(request) {
  if (request?.status && request.status !== 401) heardAt = Date.now();
}

function look() {
  if (lock.open || !navigator.onLine) return;
  const touchedAt = Number(localStorage.getItem(TOUCHED_KEY));
  if (Date.now() - touchedAt >= restMs) {
    cover();
  } else if (touchedAt > heardAt && Date.now() - heardAt > restMs / 2) {
    heardAt = Date.now();
    post(lock.dataset.awakeUrl).then((answer) => answer.status === 401 && cover(), () => {});
  }
}

/** Cover the page, and have the server lock the session too. */
function cover() {
  document.querySelector("dialog[open]")?.close(); // The camera must not go on seeing.
  lock.querySelector(".lock-notice").replaceChildren();
  lock.querySelector("[data-pad-field]").value = "";
  lock.showModal();
  lock.querySelector("[data-pad-field]").focus({ preventScroll: true });
  locking = post(lock.dataset.lockUrl).catch(() => {}); // It locks by itself before long.
}

/** Send the PIN; the page opens as it was, or anew for somebody else. */
async function unlock(event) {
  event.preventDefault();
  const form = event.target;
  const notice = lock.querySelector(".lock-notice");
  await locking;
  try {
    const answer = await post(form.action, new FormData(form));
    takeFreshToken({ getResponseHeader: (name) => answer.headers.get(name) });
    form.elements.pin.value = "";
    if (answer.ok) return open(answer.headers.get("X-Signed-In"));
    const told = new DOMParser().parseFromString(await answer.text(), "text/html");
    notice.replaceChildren(...told.querySelectorAll(".notice"));
  } catch {
    notice.replaceChildren(lock.querySelector("[data-no-network]").content.cloneNode(true));
  }
  form.elements.pin.focus({ preventScroll: true });
}

/** Go where somebody else signs in. */
async function leave(event) {
  event.preventDefault();
  const { href } = event.currentTarget;
  await locking;
  location.assign(href);
}

function open(staffId) {
  heardAt = Date.now();
  if (staffId !== lock.querySelector("[name=person]").value) location.assign(lock.dataset.homeUrl);
  lock.close();
  touch();
  document.querySelector("#notice .again")?.parentElement.replaceChildren();
  // What the page asked for while it was locked was refused: ask for the effects once more.
  document.getElementById("sale")?.dispatchEvent(new CustomEvent("sale-changed"));
}

function post(address, body = new FormData()) {
  body.set("csrf_token", lock.querySelector("[name=csrf_token]").value);
  return fetch(address, {
    method: "POST",
    body,
    headers: { "HX-Request": "true" },
    signal: AbortSignal.timeout?.(TIMEOUT_MS),
  });
}
