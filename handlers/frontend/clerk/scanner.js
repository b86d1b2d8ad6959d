/**
 * A hardware scanner is a keyboard that types fast and ends with Enter.
 *
 * It is heard wherever the cursor is, and under any input method: with a Chinese one open the browser
 * reports "Process" instead of letters, so the physical key (`event.code`) is read. Scanners play a US
 * keyboard; letters, digits and the four signs of an invoice carrier are all that our codes need.
 */
const LONGEST_GAP_MS = 300; // Scanners need 1 to 30 between two keys.
const LONGEST_STUMBLE_MS = 2000; // A busy tablet or bad radio may stumble in what began as no hand can type.
const SURELY_A_SCANNER = 4; // So many keys at a scanner's pace.
const FASTEST_HAND_MS = 60;
const SHORTEST_SCAN = 30; // Nobody types so many characters in one go, but for a password.
const SPEAKING_CODES = [
  /^(?:C|PLAN):[A-Z0-9]{8,}$/i, // A coupon's and a plan's codes say what they are.
  /^\/[0-9A-Z.+-]{7}$/i, // An invoice carrier: a phone's barcode,
  /^[A-Z]{2}\d{14}$/i, // or a citizen's certificate.
];
const BARCODE = /^(?:\d{8}|\d{12,14})$/; // On a thing for sale: only where there are items, and typed by no hand.
const SIGNS = {
  Slash: "/",
  Period: ".",
  Minus: "-",
  NumpadAdd: "+",
  NumpadSubtract: "-",
  NumpadDecimal: ".",
  NumpadDivide: "/",
};

let typed = "";
let typedInMs = 0; // Without the stumbles.
let lastAt = 0;
let lastFieldKeyAt = 0;

/** Call `onScan(text)` for each scan. */
export function listenToScanner(onScan) {
  document.addEventListener("keydown", (event) => heard(event, onScan), { capture: true });
}

function heard(event, onScan) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(".again")) return;
  if (event.repeat) {
    typed = ""; // A key held down: fast, but a hand.
    return;
  }
  const gap = event.timeStamp - lastAt;
  const isOne = gap < (isScanners() ? LONGEST_STUMBLE_MS : LONGEST_GAP_MS);
  lastAt = event.timeStamp;
  if (event.code === "Enter" || event.key === "Enter") {
    finish(event, isOne, onScan);
    return;
  }
  const character = characterOf(event);
  if (!character) return; // Shift and the like, which belong to the next character.
  // In Firefox a slash outside a field opens the browser's own search.
  if (character === "/" && !event.target.matches?.("input, textarea")) event.preventDefault();
  if (!isOne) typed = "";
  if (!typed) typedInMs = 0;
  else if (gap < LONGEST_GAP_MS) typedInMs += gap;
  typed += character;
}

function finish(event, isOne, onScan) {
  const scanned = typed;
  typed = "";
  if (!isOne || !isScan(scanned)) return;
  event.preventDefault();
  event.stopPropagation();
  forgetKeystrokes(scanned);
  onScan(scanned);
}

/** Tell whether no hand can have typed so many keys so fast. */
function isScanners() {
  return typed.length >= SURELY_A_SCANNER && isFast(typed);
}

function isFast(keys) {
  return typedInMs / keys.length < FASTEST_HAND_MS;
}

function isScan(scanned) {
  if (scanned.length >= SHORTEST_SCAN || SPEAKING_CODES.some((code) => code.test(scanned))) return true;
  return BARCODE.test(scanned) && isFast(scanned) && document.getElementById("item-rows") !== null;
}

function characterOf({ code, key, shiftKey }) {
  const physical = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(code);
  if (physical) return physical[1];
  if (code === "Semicolon") return ":"; // With Shift, on the keyboards that scanners play.
  if (code === "Equal") return shiftKey || key === "+" ? "+" : "=";
  return SIGNS[code] ?? (key.length === 1 ? key : "");
}

/** Take the scan's characters out of the field in which they landed; what stood before stays. */
function forgetKeystrokes(scanned) {
  const field = document.activeElement;
  if (!field?.matches?.("input:not([type=radio], [type=checkbox])")) return;
  field.blur(); // Ends a composition that an input method may have begun.
  const landed = commonEnd(field.value.toUpperCase(), scanned.toUpperCase());
  field.value = landed > 1 ? field.value.slice(0, -landed) : (field.dataset.beforeScan ?? "");
}

/** Count the characters with which both texts end. */
function commonEnd(one, other) {
  let count = 0;
  while (count < Math.min(one.length, other.length) && one.at(-1 - count) === other.at(-1 - count)) count += 1;
  return count;
}

/** Remember a field's content whenever a person, not a scanner, has changed it. */
document.addEventListener("keydown", ({ target, timeStamp }) => {
  if (target.matches?.("input") && timeStamp - lastFieldKeyAt >= FASTEST_HAND_MS && !isScanners()) {
    target.dataset.beforeScan = target.value;
  }
  lastFieldKeyAt = timeStamp;
});
