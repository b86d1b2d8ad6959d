/** Sending the queue: by a page, or by the service worker when no page is open. */
import { noteAnswer, skew } from "./offline_clock.js";
import { finishSettling, listUnsettled, listWaiting, readMeta, settle, writeMeta } from "./offline_store.js";

const SYNC = "/clerk/sync";
export const SYNC_TAG = "regulars-queue";
const BATCH = 50;
const MOST_BATCHES = 40;
const TIMEOUT_MS = 25_000;

/**
 * Send what waits; one sender at a time. Returns `empty`, `away` (nobody answered), `later` (the
 * server asks to try again) or `refused` (this device must sign in first).
 */
export async function drain() {
  if (!globalThis.navigator?.locks) return drainAll();
  return navigator.locks.request(SYNC_TAG, drainAll);
}

async function drainAll() {
  for (let batch = 0; batch < MOST_BATCHES; batch += 1) {
    const items = await listWaiting(BATCH);
    if (!items.length) return "empty";
    const outcome = await send(items);
    await writeMeta("sent", { at: Date.now(), outcome });
    if (outcome !== "taken") return outcome;
  }
  return "later";
}

/**
 * Tell the server how our clock goes, and ask what became of sales that waited for a manager; nothing
 * is sent where there is neither.
 */
export async function report() {
  const [skewMs, toldMs] = [await skew(), await readMeta("told-clock")];
  const [config, asks] = [await readMeta("config"), await listUnsettled(BATCH)];
  const isKnown = skewMs === null || (toldMs !== undefined && Math.abs(toldMs - skewMs) < 1_000);
  if (!config || (isKnown && !asks.length)) return;
  const answer = await post({ pass: config.pass, skew_ms: skewMs, asks });
  if (!answer?.ok) return;
  await writeMeta("told-clock", skewMs);
  await take(answer.told.items);
}

async function take(answers) {
  for (const one of answers) await settle(one.key, one);
  if (answers.length) await finishSettling();
}

async function send(items) {
  const config = await readMeta("config");
  const answer = await post({
    pass: config?.pass ?? items[0].told.pass,
    skew_ms: await skew(),
    items: items.map(({ told }) => told),
  });
  if (answer === null || answer.status >= 500) return "away";
  if (answer.status === 429) return "later";
  if (!answer.ok || !answer.told) return "refused";
  await take(answer.told.items);
  return answer.told.items.every(({ outcome }) => outcome === "retry") ? "later" : "taken";
}

/** Post to the queue's door; null where nobody answered, or somebody who is not our server. */
async function post(body) {
  const askedAt = Date.now();
  const stop = new AbortController();
  const patience = setTimeout(() => stop.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(SYNC, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
      signal: stop.signal,
    });
    if (!answer.ok) return { ok: false, status: answer.status };
    const told = await answer.json();
    noteAnswer(askedAt, Date.now(), told.now);
    return { ok: true, status: answer.status, told };
  } catch {
    return null;
  } finally {
    clearTimeout(patience);
  }
}
