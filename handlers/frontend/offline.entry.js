/**
 * On every page of the counter: it goes on when the network is away, and sends what was sold
 * meanwhile. Loaded before the counter's own script, so that it hears of a failed request first.
 */
import { showNotice } from "./clerk/notices.js";
import { noteAnswer, skew } from "./clerk/offline_clock.js";
import { install } from "./clerk/offline_install.js";
import { ask, isAway, markAway, watchNetwork } from "./clerk/offline_network.js";
import { counter, currentView, fill, isIdle, pageConfig, parts, words } from "./clerk/offline_page.js";
import { drawQueue, showQueue } from "./clerk/offline_queue.js";
import { confirm, keepLostConfirm, nameClerk, preview, showScan, take } from "./clerk/offline_sale.js";
import { forgetMeta, listWaiting, onQueueChange, readMeta, writeMeta } from "./clerk/offline_store.js";
import { SYNC_TAG, drain, report } from "./clerk/offline_upload.js";

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 5 * 60_000;
const SHOWN_AFTER_SKEW_MS = 30_000;
const GATEWAY_ERRORS = [502, 503, 504];

const isShell = "isShell" in parts.dataset;
const askedAt = new WeakMap();
let pauseMs = FIRST_PAUSE_MS;
let timer = null;

// --- requests of the page that fail

document.addEventListener("htmx:beforeRequest", (event) => {
  askedAt.set(event.detail.xhr, Date.now());
  if (!isAway()) return;
  const { path, formData } = event.detail.requestConfig;
  if (goOn(path, formData)) event.preventDefault();
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const serverMs = Number(detail.xhr?.getResponseHeader?.("X-Server-Time"));
  if (askedAt.has(detail.xhr)) noteAnswer(askedAt.get(detail.xhr), Date.now(), serverMs);
});

for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => failed(event));
}
document.addEventListener("htmx:responseError", (event) => {
  if (GATEWAY_ERRORS.includes(event.detail.xhr.status)) failed(event);
});

/** A request has failed: that is the proof that the network is away. */
function failed(event) {
  const { path, formData } = event.detail.requestConfig;
  markAway();
  if (path === parts.dataset.record) {
    event.stopImmediatePropagation();
    keepLostConfirm(formData).then((isKept) => isKept || showNotice("no-network"));
  } else if (goOn(path, formData)) {
    event.stopImmediatePropagation();
  }
}

/** Do without the server what a request asked it for; tells whether that is possible. */
function goOn(path, formData) {
  if (path === parts.dataset.lookup) {
    take(formData.get("code") ?? "");
    return true;
  }
  if (path === parts.dataset.home) {
    showScan();
    return true;
  }
  return false;
}

// --- the page's own views

document.addEventListener("submit", (event) => {
  if (event.target.id === "offline-sale") {
    event.preventDefault();
    confirm();
  } else if (event.target.matches("[data-offline-lookup]")) {
    event.preventDefault();
    if (event.target.elements.code.value.trim()) take(event.target.elements.code.value);
  } else if (event.target.action.endsWith("/logout")) {
    forgetMeta("config"); // Who signs out wants nobody to go on in their name.
  }
});

document.addEventListener("input", ({ target }) => {
  if (target.form?.id === "offline-sale") preview();
});

document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.closest("[data-key]") && currentView() === "offline-sale") setTimeout(preview);
  if (target.closest("[data-offline-upload] button")) upload();
  if (target.closest("[data-offline-next]")) {
    event.preventDefault();
    next();
  } else if (isAway() && counter && target.closest("[data-offline-open-queue], #offline-count")) {
    event.preventDefault();
    showQueue();
  }
});

/** Go on with the next customer: on the server's page, where it can be reached. */
function next() {
  if (isAway() || !navigator.onLine) showScan();
  else location.assign(parts.dataset.home);
}

document.addEventListener("htmx:afterSwap", () => drawQueue());

// --- the network and the clock

function networkChanged(away) {
  document.getElementById("offline-away").hidden = !away;
  const isOwnView = currentView().startsWith("offline-");
  document.getElementById("offline-back").hidden = away || !isOwnView;
  if (away) {
    if (currentView() === "scan") showScan();
    return;
  }
  pauseMs = FIRST_PAUSE_MS;
  upload().then(leaveShell);
}

/** Bring a page that works without the server back to the server's own, once nothing is open in it. */
function leaveShell() {
  if (isAway() || !isIdle()) return;
  if (isShell || currentView() === "offline-scan") location.assign(parts.dataset.home);
}

document.addEventListener("clock-measured", ({ detail }) => {
  showSkew(detail);
});

function showSkew(skewMs) {
  const banner = document.getElementById("offline-clock");
  const seconds = Math.round(Math.abs(skewMs ?? 0) / 1000);
  banner.hidden = skewMs === null || seconds * 1000 <= SHOWN_AFTER_SKEW_MS;
  if (banner.hidden) return;
  const [unit, size] = seconds < 90 ? ["seconds", 1] : seconds < 5_400 ? ["minutes", 60] : ["hours", 3_600];
  const time = fill(words[unit], { count: Math.round(seconds / size) });
  banner.querySelector("p").textContent = fill(skewMs < 0 ? words.slow : words.fast, { time });
}

// --- the queue

/** Send what waits, and try again later where that failed. */
async function upload() {
  clearTimeout(timer);
  if (!(await listWaiting(1).catch(() => [])).length) return;
  const outcome = await drain().catch(() => "away");
  if (outcome === "away") markAway();
  if (outcome !== "empty") tryLater();
  drawQueue();
}

function tryLater() {
  clearTimeout(timer);
  timer = setTimeout(upload, pauseMs);
  pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
}

document.addEventListener("sale-queued", async () => {
  pauseMs = FIRST_PAUSE_MS;
  const registration = await navigator.serviceWorker?.getRegistration?.("/clerk");
  registration?.sync?.register(SYNC_TAG).catch(() => {});
  if (!isAway()) upload();
  else tryLater();
});
onQueueChange(() => drawQueue());

// --- the beginning

async function begin() {
  watchNetwork(parts.dataset.ping, networkChanged);
  const config = pageConfig();
  if (config) await writeMeta("config", config);
  showSkew(await skew());
  drawQueue();
  if (isShell) {
    nameClerk(counter, await readMeta("config"));
    if (location.pathname === parts.dataset.queue) showQueue();
  }
  const isNear = await ask();
  if (isNear && isShell) leaveShell();
  if (!isNear) return;
  await upload();
  await report();
}

begin().catch(() => {}); // A private window keeps nothing: the counter then works with a network only.
install().catch(() => {}); // So does one whose address is not safe (plain http).
