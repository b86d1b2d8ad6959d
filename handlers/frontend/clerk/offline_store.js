/**
 * What this device keeps to go on without a network: the queue of sales, the codes it has seen, the
 * last pass and the clock. A page and the service worker share it.
 */
import { openDB } from "idb";

const NAME = "regulars-counter";
const VERSION = 1;
const CHANNEL = "regulars-queue";
const HOUR_MS = 3_600_000;
const DONE_KEPT_MS = 24 * HOUR_MS;
const REFUSED_KEPT_MS = 7 * 24 * HOUR_MS;
const KEPT_MS = { recorded: DONE_KEPT_MS, dismissed: DONE_KEPT_MS, refused: REFUSED_KEPT_MS };
const CODE_KEPT_MS = 24 * HOUR_MS;

let opened = null;
const teller = "BroadcastChannel" in globalThis ? new BroadcastChannel(CHANNEL) : null;

function database() {
  opened ??= openDB(NAME, VERSION, {
    upgrade(made) {
      made.createObjectStore("queue", { keyPath: "key" });
      made.createObjectStore("codes", { keyPath: "digest" });
      made.createObjectStore("meta");
    },
  });
  opened.catch(() => (opened = null)); // A private window refuses; a later try may not.
  return opened;
}

/** Call `hear` whenever the queue has changed, by this page, another, or the worker. */
export function onQueueChange(hear) {
  if (!teller) return;
  new BroadcastChannel(CHANNEL).addEventListener("message", hear);
}

function tellChange() {
  teller?.postMessage("changed");
}

export async function readMeta(name) {
  return (await database()).get("meta", name);
}

export async function writeMeta(name, value) {
  await (await database()).put("meta", value, name);
}

export async function forgetMeta(name) {
  await (await database()).delete("meta", name);
}

/**
 * Put a sale into the queue; `digest` is its code's, which is good for one sale.
 *
 * Returns false where this device has used the code before. A key that is there already stays.
 */
export async function enqueue(item, digest) {
  const work = (await database()).transaction(["queue", "codes"], "readwrite");
  const [codes, queue] = [work.objectStore("codes"), work.objectStore("queue")];
  const isUsed = digest && (await codes.get(digest));
  const isKnown = await queue.get(item.key);
  if (!isUsed && !isKnown) {
    if (digest) codes.put({ digest, at: item.made_at });
    queue.put(item);
  }
  await work.done;
  if (!isUsed) tellChange();
  return !isUsed;
}

export async function isCodeUsed(digest) {
  return Boolean(await (await database()).get("codes", digest));
}

/** Return the whole queue, the oldest first; what is long done is dropped. */
export async function listQueue() {
  const all = await (await database()).getAll("queue");
  return all.sort((one, other) => one.made_at - other.made_at);
}

/** Return up to `most` sales that wait to be sent, the oldest first. */
export async function listWaiting(most) {
  const all = await listQueue();
  return all.filter(({ state }) => state === "waiting").slice(0, most);
}

/** Return the keys of up to `most` sales that a manager has to settle on the server. */
export async function listUnsettled(most) {
  const all = await listQueue();
  const isTheirs = ({ state, problem, told }) => !told && (state === "refused" || problem);
  return all.filter(isTheirs).map(({ key }) => key).slice(0, most);
}

/** Note what the server said of an item; what it holds now, this device need not keep. */
export async function settle(key, answer) {
  const work = (await database()).transaction("queue", "readwrite");
  const item = await work.store.get(key);
  if (item) work.store.put(settled(item, answer));
  await work.done;
}

function settled(item, answer) {
  const told = { title: answer.title, advice: answer.advice, code: answer.code, settled_at: Date.now() };
  if (answer.outcome === "retry") return { ...item, ...told };
  const state = { refused: "refused", dismissed: "dismissed" }[answer.outcome] ?? "recorded";
  const outcome = { state, name: answer.name, points: answer.points, problem: answer.code };
  if (state === "refused" && !answer.is_kept) return { ...item, ...told, ...outcome };
  const { told: _sent, ...kept } = item;
  return { ...kept, ...told, ...outcome };
}

export async function removeItem(key) {
  await (await database()).delete("queue", key);
  tellChange();
}

/** Tell everybody that items were settled, and drop what is old. */
export async function finishSettling() {
  const now = Date.now();
  const work = (await database()).transaction(["queue", "codes"], "readwrite");
  const queue = work.objectStore("queue");
  for (const item of await queue.getAll()) {
    const keptMs = KEPT_MS[item.state];
    const isTheirs = item.state !== "refused" || !item.told; // What only we hold is never dropped.
    if (keptMs && isTheirs && now - item.settled_at > keptMs) queue.delete(item.key);
  }
  const codes = work.objectStore("codes");
  for (const { digest, at } of await codes.getAll()) {
    if (now - at > CODE_KEPT_MS) codes.delete(digest);
  }
  await work.done;
  tellChange();
}
