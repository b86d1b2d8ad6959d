/**
 * The counter's service worker: opens the counter without a network and sends its queue.
 *
 * It keeps what carries its content's hash, and one page that shows nobody: never a page with a member
 * on it. The camera's code is kept once it was used.
 */
import { cleanupOutdatedCaches, precacheAndRoute } from "workbox-precaching";
import { registerRoute } from "workbox-routing";
import { CacheFirst } from "workbox-strategies";
import { SYNC_TAG, drain } from "./clerk/offline_upload.js";

const SHELL = "regulars-shell";
const LATER = "regulars-later";
const SHELL_URL = "/clerk/offline";
const PAGE_TIMEOUT_MS = 6_000;
const GATEWAY_ERRORS = [502, 503, 504];

// The build puts the lists in: /* global PRECACHED, KEPT_LATER */
precacheAndRoute(PRECACHED.map((url) => ({ url, revision: null })));
cleanupOutdatedCaches();

const keepAtFirstUse = new CacheFirst({ cacheName: LATER });
registerRoute(({ url }) => KEPT_LATER.includes(url.pathname), keepAtFirstUse);

// A page just before or after an update may name files of another build that is still kept.
registerRoute(
  ({ url }) => url.pathname.startsWith("/static/"),
  async ({ request }) => (await caches.match(request)) ?? fetch(request),
);

registerRoute(({ request, url }) => request.mode === "navigate" && isCounter(url), openPage);

function isCounter({ pathname }) {
  return pathname === "/clerk" || pathname.startsWith("/clerk/");
}

/** Show what the server answers, or the counter as it works without one. */
async function openPage({ request }) {
  const stop = new AbortController();
  const patience = setTimeout(() => stop.abort(), PAGE_TIMEOUT_MS);
  try {
    const answer = await fetch(request, { signal: stop.signal });
    if (!GATEWAY_ERRORS.includes(answer.status)) return answer;
    return (await shell()) ?? answer;
  } catch {
    return (await shell()) ?? Response.error();
  } finally {
    clearTimeout(patience);
  }
}

function shell() {
  return caches.match(SHELL_URL, { cacheName: SHELL });
}

async function keepShell() {
  const answer = await fetch(SHELL_URL, { credentials: "same-origin", cache: "reload" });
  if (answer.ok) await (await caches.open(SHELL)).put(SHELL_URL, answer);
}

async function dropOldFiles() {
  const cache = await caches.open(LATER);
  for (const request of await cache.keys()) {
    if (!KEPT_LATER.includes(new URL(request.url).pathname)) await cache.delete(request);
  }
}

self.addEventListener("install", (event) => event.waitUntil(keepShell().catch(() => {})));
self.addEventListener("activate", (event) => event.waitUntil(dropOldFiles().then(() => clients.claim())));

// A page says when nobody is in the middle of a sale.
self.addEventListener("message", ({ data }) => data === "take-over" && self.skipWaiting());

self.addEventListener("sync", (event) => {
  if (event.tag !== SYNC_TAG) return;
  event.waitUntil(
    drain().then((outcome) => {
      if (outcome === "away" || outcome === "later") throw new Error(outcome); // It asks again.
    }),
  );
});
