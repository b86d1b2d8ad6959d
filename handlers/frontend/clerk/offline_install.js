/** The counter as an app: the service worker, its updates, and the hint to install it. */
import { isIdle, parts } from "./offline_page.js";

const LOOKS_EVERY_MS = 30_000;
const SHELL = "regulars-shell";
const SHELL_KEPT_KEY = "regulars-shell-of";

let offered = null; // What the browser gave us to ask its own question with.
let wantsReload = false;

/** Register the worker; a new one takes over when nobody is in the middle of a sale. */
export async function install() {
  listenToInstalling();
  if (!("serviceWorker" in navigator)) return;
  const hadWorker = Boolean(navigator.serviceWorker.controller);
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    wantsReload = hadWorker;
    settleDown();
  });
  const registration = await navigator.serviceWorker.register(parts.dataset.worker, { scope: "/clerk" });
  setInterval(() => settleDown(registration), LOOKS_EVERY_MS);
  settleDown(registration);
  await keepShell();
}

/** Let a waiting worker in, or load its page, as soon as nothing can be lost by it. */
function settleDown(registration) {
  if (!isIdle()) return;
  if (wantsReload) location.reload();
  registration?.waiting?.postMessage("take-over");
}

/** Keep the page for times without a network in the language and build of this one. */
async function keepShell() {
  if ("isShell" in parts.dataset || !("caches" in globalThis)) return;
  const build = [...document.scripts].map(({ src }) => src).join() + parts.dataset.language;
  const cache = await caches.open(SHELL);
  const isKept = await cache.match(parts.dataset.shell);
  if (isKept && localStorage.getItem(SHELL_KEPT_KEY) === build) return;
  const answer = await fetch(parts.dataset.shell, { cache: "reload" });
  if (!answer.ok) return;
  await cache.put(parts.dataset.shell, answer);
  localStorage.setItem(SHELL_KEPT_KEY, build);
}

function listenToInstalling() {
  const button = document.querySelector("[data-install]");
  if (!button || matchMedia("(display-mode: standalone)").matches) return;
  button.hidden = false;
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    offered = event;
  });
  addEventListener("appinstalled", () => (button.hidden = true));
  button.addEventListener("click", () => (offered ? offered.prompt() : explain()));
}

/** Say where this browser keeps its own way to install. */
function explain() {
  const dialog = document.getElementById("install");
  const isApple = /iPhone|iPad|Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1;
  dialog.querySelector("[data-install-ios]").hidden = !isApple;
  dialog.querySelector("[data-install-other]").hidden = isApple;
  dialog.querySelector("button").onclick = () => dialog.close();
  document.querySelector(".menu[open]")?.removeAttribute("open");
  dialog.showModal();
}
