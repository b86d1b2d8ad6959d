/**
 * A member code checked without the server: base32 of version (1 byte), card (8), minute (4), random
 * part (4) and the shop's Ed25519 signature (64) over them. The device holds the public key only.
 */
import { verifyAsync } from "@noble/ed25519";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const VERSION = 1;
const CARD_BYTES = 8;
const BODY_BYTES = 17;
const WHOLE_BYTES = 81;
const CODE_LENGTH = Math.ceil((WHOLE_BYTES * 8) / 5);
const SHOWN_DIGITS = 4;

/** Why a code is not taken: `not-a-code`, `forged` or `expired`. */
export class CodeRefused extends Error {}

/**
 * Check a scanned text at `nowMs` by the server's clock; `isSure` says whether that clock is known.
 *
 * Returns its digest, the card's last digits, and whether its time could be judged. Throws
 * CodeRefused.
 */
export async function checkCode(text, { key, stepSeconds, stepsAround }, nowMs, isSure) {
  const whole = decode(text);
  const [body, signature] = [whole.slice(0, BODY_BYTES), whole.slice(BODY_BYTES)];
  if (!(await isSigned(body, signature, fromHex(key)))) throw new CodeRefused("forged");
  const minute = new DataView(body.buffer).getUint32(1 + CARD_BYTES);
  const isFresh = Math.abs(Math.floor(nowMs / 1000 / stepSeconds) - minute) <= stepsAround;
  if (!isFresh && isSure) throw new CodeRefused("expired");
  const card = toHex(body.slice(1, 1 + CARD_BYTES)).toUpperCase();
  return { digest: await digestOf(body), end: card.slice(-SHOWN_DIGITS), isSure: isFresh };
}

/** Tell whether a text has a member code's shape at all. */
export function looksLikeCode(text) {
  return cleaned(text).length === CODE_LENGTH;
}

function cleaned(text) {
  return text.replace(/\s+/g, "").toUpperCase();
}

function decode(text) {
  const letters = cleaned(text);
  if (letters.length !== CODE_LENGTH) throw new CodeRefused("not-a-code");
  const bytes = new Uint8Array(WHOLE_BYTES);
  let [bits, held, place] = [0, 0, 0];
  for (const letter of letters) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new CodeRefused("not-a-code");
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8 && place < WHOLE_BYTES) bytes[place++] = (held >> (bits -= 8)) & 0xff;
  }
  if (bytes[0] !== VERSION) throw new CodeRefused("not-a-code");
  return bytes;
}

/** Use the browser's own Ed25519 where it has one: older tablets do not. */
async function isSigned(body, signature, key) {
  try {
    const known = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    return await crypto.subtle.verify({ name: "Ed25519" }, known, signature, body);
  } catch {
    return verifyAsync(signature, body, key, { zip215: false });
  }
}

async function digestOf(body) {
  const digest = await crypto.subtle.digest("SHA-256", body);
  return toHex(new Uint8Array(digest).slice(0, 16));
}

function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(text) {
  return Uint8Array.from(text.match(/../g), (pair) => Number.parseInt(pair, 16));
}
