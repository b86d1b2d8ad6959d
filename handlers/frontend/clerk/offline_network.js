/**
 * Whether the server can be reached. What the browser says of its network is only a hint (a shop's
 * Wi-Fi may lead nowhere): a request that failed is the proof, and a light question asks again.
 */
import { noteAnswer } from "./offline_clock.js";

const PING_TIMEOUT_MS = 4_000;
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;

let away = false;
let pauseMs = FIRST_PAUSE_MS;
let timer = null;
let address = "";
let asked = 0; // Counts questions: an answer that comes after a later one's, or after a failure, is old news.
let answered = 0; // The latest question that has its answer.

/** Begin to watch; `ping` is where to ask. Calls `tell(isAway)` whenever it changes. */
export function watchNetwork(ping, tell) {
  address = ping;
  document.addEventListener("network", ({ detail }) => tell(detail));
  addEventListener("online", () => {
    pauseMs = FIRST_PAUSE_MS; // The way to the server often opens a moment after the Wi-Fi.
    ask();
  });
  addEventListener("offline", () => ask());
  document.addEventListener("visibilitychange", () => !document.hidden && away && ask());
}

export function isAway() {
  return away;
}

/** A request has failed: go on without the network, and ask until it is back. */
export function markAway() {
  answered = asked;
  goAway();
}

function goAway() {
  if (!away) {
    away = true;
    pauseMs = FIRST_PAUSE_MS;
    document.dispatchEvent(new CustomEvent("network", { detail: true }));
  }
  askLater();
}

/** Ask the server now; tells whether it can be reached. */
export async function ask() {
  clearTimeout(timer);
  const mine = (asked += 1);
  const isNear = await ping();
  if (mine <= answered) return !away;
  answered = mine;
  if (!isNear) goAway();
  else if (away) {
    away = false;
    document.dispatchEvent(new CustomEvent("network", { detail: false }));
  }
  return isNear;
}

function askLater() {
  clearTimeout(timer);
  timer = setTimeout(ask, pauseMs);
  pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS);
}

async function ping() {
  const askedAt = Date.now();
  const stop = new AbortController();
  const patience = setTimeout(() => stop.abort(), PING_TIMEOUT_MS);
  try {
    const answer = await fetch(address, { cache: "no-store", signal: stop.signal });
    const { now } = await answer.json(); // A hotel's login page answers too, but not with this.
    noteAnswer(askedAt, Date.now(), now);
    return answer.ok && Number.isFinite(now);
  } catch {
    return false;
  } finally {
    clearTimeout(patience);
  }
}
