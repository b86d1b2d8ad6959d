/** How far this device's clock is from the server's, measured on every answer. */
import { readMeta, writeMeta } from "./offline_store.js";

const GOOD_MS = 10 * 60_000; // A measurement gives way to a rougher one after so long.
const KEPT_STEP_MS = 500; // Smaller changes are not worth writing down.
const CLOCK_STEP_MS = 20; // Clocks are read in steps, and drift a little between two measurements.

let best = null; // { skewMs, roundMs, at }

/**
 * Take note of an answer: when it was asked for and came (by our clock), and the server's time. The
 * quickest answer is the best measurement, until one disagrees by more than both can be wrong: then
 * somebody has set the clock.
 */
export function noteAnswer(askedAt, cameAt, serverMs) {
  const roundMs = cameAt - askedAt;
  if (!Number.isFinite(serverMs) || serverMs <= 0 || roundMs < 0) return;
  const skewMs = Math.round(askedAt + roundMs / 2 - serverMs);
  const before = best?.skewMs;
  const isRougher = best && roundMs > best.roundMs * 1.5 && cameAt - best.at < GOOD_MS;
  if (isRougher && Math.abs(skewMs - before) <= (roundMs + best.roundMs) / 2 + CLOCK_STEP_MS) return;
  best = { skewMs, roundMs, at: cameAt };
  if (before === undefined || Math.abs(before - skewMs) > KEPT_STEP_MS) {
    writeMeta("clock", best).catch(() => {});
    globalThis.document?.dispatchEvent(new CustomEvent("clock-measured", { detail: skewMs }));
  }
}

/** Return how many milliseconds our clock is ahead (below zero: behind); null: never measured. */
export async function skew() {
  best ??= (await readMeta("clock").catch(() => null)) ?? null;
  return best ? best.skewMs : null;
}
