/**
 * A sale without a network: whose (a signed code, or a number), how much, and into the queue.
 *
 * The queue's item carries all that the server needs to judge it later as of now: the key under which
 * it counts once, the pass of who made it, this device's time and how far that was off.
 */
import { skew } from "./offline_clock.js";
import { CodeRefused, checkCode, looksLikeCode } from "./offline_code.js";
import { complain, counter, currentView, fill, money, showView, words } from "./offline_page.js";
import { enqueue, isCodeUsed, listQueue, readMeta } from "./offline_store.js";
import { readAmount, readNumber } from "./offline_typed.js";

const COUPON = /^(?:C:)?([A-Z0-9]{12})$/;
const CARRIER = /^(?:\/[0-9A-Z.+-]{7}|[A-Z]{2}\d{14})$/;
const LONGEST_NUMBER = 20;
const LINE_FIELDS = { sku: "line_sku", name: "line_name", price: "line_price", quantity: "line_quantity" };

let buyer = null; // { who, shown, digest, key }: whose sale is on the screen.
let asked = 0; // Counts scans: of two in a row the later one is meant.

/** Wait for the next customer, without a network. */
export function showScan() {
  buyer = null;
  asked += 1;
  showView("scan");
  readConfig().then((config) => nameClerk(counter, config));
}

/** Write on a view in whose name it works. */
export function nameClerk(view, config) {
  const line = view.querySelector("[data-offline-who]");
  if (!line || !config) return;
  line.querySelector("b").textContent = config.staff_name;
  line.hidden = false;
}

/** Take a scanned or typed text: a member's code or number, a coupon's code, or a carrier. */
export async function take(text) {
  const typed = text.normalize("NFKC").trim();
  const code = typed.replace(/\s+/g, "").toUpperCase();
  const isSaleOpen = currentView() === "offline-sale";
  if (isSaleOpen && CARRIER.test(code)) return showCarrier(code);
  if (isSaleOpen && COUPON.test(code) && code.startsWith("C:")) return takeCoupon(code);
  if (!isSaleOpen) showScan();
  const mine = (asked += 1);
  const config = await readConfig();
  if (!isUsable(config)) return complain("offline-no-pass");
  const found = looksLikeCode(code) || typed.length > LONGEST_NUMBER
    ? await takeCode(code, config)
    : takeNumber(typed);
  if (found && mine === asked) await begin(found, config);
}

/** Return whose code it is; null where it is refused, which is told. */
async function takeCode(code, config) {
  const skewMs = await skew();
  const isSure = skewMs !== null && Math.abs(skewMs) <= config.worst_skew_ms;
  const rules = { key: config.key, stepSeconds: config.step_seconds, stepsAround: config.steps_around };
  try {
    const found = await checkCode(code, rules, Date.now() - (skewMs ?? 0), isSure);
    if (await isCodeUsed(found.digest)) return complain("offline-used");
    const shown = fill(words.code, { end: found.end });
    const kind = found.isSure ? "code" : "unsure";
    return { who: { code }, shown, masked: shown, digest: found.digest, kind };
  } catch (error) {
    return complain(error instanceof CodeRefused ? `offline-${error.message}` : "offline-storage");
  }
}

function takeNumber(typed) {
  const found = readNumber(typed);
  if (found) return { who: { typed: found.typed }, shown: found.shown, masked: found.masked, kind: "typed" };
  const field = counter.querySelector("#code");
  if (field) field.value = typed;
  return complain("offline-number");
}

async function begin(found, config) {
  const limits = await limitsOf(config);
  buyer = { ...found, key: newKey() };
  showView("sale", (view) => {
    for (const one of view.querySelectorAll("[data-offline-kind]")) {
      if (one.dataset.offlineKind !== found.kind) one.remove();
    }
    view.querySelector("[data-offline-shown]").textContent = found.shown;
    const told = view.querySelector("[data-offline-limits]");
    told.textContent = fill(told.dataset.words, { most: money(limits.mostTwd), left: limits.left });
    view.querySelector("[data-offline-redeem]").hidden = !limits.mostTwd || !config.redeem_count;
  });
}

/** Draw a UUID of version 4; older browsers lack their own. */
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Return what may be redeemed now: NT$ a sale, and in how many sales more. */
async function limitsOf(config) {
  const queue = await listQueue().catch(() => []);
  const used = queue.filter(({ state, redeem_twd: twd }) => state === "waiting" && twd > 0).length;
  return { mostTwd: config.redeem_twd, left: Math.max(config.redeem_count - used, 0) };
}

function showCarrier(code) {
  const line = counter.querySelector("[data-offline-carrier]");
  line.querySelector("b").textContent = code;
  line.hidden = false;
}

function takeCoupon(code) {
  const details = counter.querySelector("[data-offline-redeem]");
  if (details.hidden) return complain("offline-redeem-refused");
  details.open = true;
  saleForm().elements.coupon.value = code;
  saleForm().elements.coupon_twd.focus({ preventScroll: true });
}

function saleForm() {
  return document.getElementById("offline-sale");
}

/** Show what is to be paid and about how many points it brings. */
export async function preview() {
  const config = await readConfig();
  const sale = readSale(config);
  const isRead = sale.amountTwd > 0;
  const dueTwd = isRead ? Math.max(sale.amountTwd - sale.redeemTwd, 0) : 0;
  const place = counter.querySelector("#preview");
  place.querySelector("[data-offline-empty]").hidden = isRead;
  const paid = place.querySelector("[data-offline-paid]");
  paid.hidden = !isRead;
  paid.querySelector("b").textContent = money(dueTwd);
  const estimate = place.querySelector("[data-offline-estimate]");
  const told = estimate.querySelector("span");
  estimate.hidden = !isRead;
  told.textContent = fill(told.dataset.words, { points: Math.floor(dueTwd / config.earn_twd) });
}

function readSale(config) {
  const { amount, points, coupon, coupon_twd: couponTwd } = saleForm().elements;
  const usedPoints = readAmount(points.value) ?? 0;
  const couponValue = readAmount(couponTwd.value) ?? 0;
  const code = coupon.value.replace(/\s+/g, "").toUpperCase();
  return {
    amountTwd: readAmount(amount.value),
    points: usedPoints,
    coupon: code,
    couponTwd: couponValue,
    redeemTwd: usedPoints * config.point_value_twd + couponValue,
  };
}

/** Put the sale on the screen into the queue. */
export async function confirm() {
  const config = await readConfig();
  const sale = readSale(config);
  const problem = isUsable(config) ? await findProblem(sale, config) : "offline-no-pass";
  if (problem) return complain(problem);
  const skewMs = await skew();
  const now = Date.now();
  const redeemed = sale.coupon ? { coupon: sale.coupon, coupon_twd: sale.couponTwd } : {};
  const told = {
    ...buyer.who,
    ...redeemed,
    key: buyer.key,
    pass: config.pass,
    told_at: now,
    skew_ms: skewMs,
    shown: buyer.masked,
    amount_twd: sale.amountTwd,
    points: sale.points,
  };
  return keep(told, { shown: buyer.masked, redeem_twd: sale.redeemTwd, digest: buyer.digest });
}

async function findProblem(sale, config) {
  const checked = saleForm().elements.number_checked;
  if (checked && !checked.checked) return "offline-number-unchecked";
  if (sale.amountTwd === null) return "offline-amount-missing";
  if (Number.isNaN(sale.amountTwd)) return "offline-amount-unreadable";
  if (sale.amountTwd < 1 || sale.amountTwd > config.largest_twd) return "offline-amount-refused";
  if (Number.isNaN(sale.redeemTwd)) return "offline-amount-unreadable";
  if (Boolean(sale.coupon) !== sale.couponTwd > 0) return "offline-coupon-incomplete";
  if (sale.coupon && !COUPON.test(sale.coupon)) return "offline-coupon-incomplete";
  if (!sale.redeemTwd) return null;
  const { mostTwd, left } = await limitsOf(config);
  const isTooMuch = sale.redeemTwd > Math.min(mostTwd, sale.amountTwd) || !left;
  return isTooMuch ? "offline-redeem-refused" : null;
}

/**
 * Keep a confirm whose answer never came: it may be recorded already, so it goes under its page's key.
 *
 * `asked` is what the page sent (FormData). Returns false where it cannot be read.
 */
export async function keepLostConfirm(asked) {
  const config = await readConfig();
  const lines = readLines(asked);
  const amountTwd = readAmount(asked.get("amount") ?? "") ?? sumOf(lines);
  const points = readAmount(asked.get("points") ?? "") ?? 0;
  if (!config || !(amountTwd > 0) || Number.isNaN(points)) return false;
  const told = {
    key: asked.get("key"),
    pass: config.pass,
    told_at: Date.now(),
    skew_ms: await skew(),
    visit: asked.get("visit"),
    shown: shownMember(),
    amount_twd: amountTwd,
    points,
    coupon_ids: asked.getAll("coupon").filter(Boolean).map(Number),
    lines,
  };
  const redeemTwd = points * config.point_value_twd;
  await keep(told, { shown: told.shown, redeem_twd: redeemTwd, is_lost: true, has_coupons: told.coupon_ids.length > 0 });
  return true;
}

function readLines(asked) {
  const columns = Object.values(LINE_FIELDS).map((name) => asked.getAll(name));
  const rows = columns[0].map((_, place) =>
    Object.fromEntries(Object.keys(LINE_FIELDS).map((field, column) => [field, columns[column][place] ?? ""])),
  );
  return rows.filter(({ sku, name, price }) => sku.trim() || name.trim() || price.trim());
}

function sumOf(lines) {
  const sums = lines.map(({ price, quantity }) => (readAmount(price) ?? 0) * (readAmount(quantity) ?? 1));
  return sums.reduce((sum, one) => sum + one, 0);
}

/** Return the member on the server's page as the queue may name them: masked. */
function shownMember() {
  const name = counter.querySelector(".who-name")?.textContent.trim() ?? "";
  const number = document.getElementById("sale")?.dataset.member ?? "";
  return `${name} ${number.replace(/ \d+ /, " •••• ")}`.trim();
}

async function keep(told, { digest = null, ...facts }) {
  const item = { key: told.key, state: "waiting", made_at: told.told_at, amount_twd: told.amount_twd, told, ...facts };
  let isNew;
  try {
    isNew = await enqueue(item, digest);
  } catch {
    return complain("offline-storage");
  }
  if (!isNew) return complain("offline-used");
  buyer = null;
  showDone(item);
  navigator.storage?.persist?.().catch(() => {});
  document.dispatchEvent(new CustomEvent("sale-queued"));
}

function showDone({ shown, amount_twd: amountTwd, redeem_twd: redeemTwd, is_lost: isLost, has_coupons: hasCoupons }) {
  showView("done", (view) => {
    view.querySelector("[data-offline-shown]").textContent = shown;
    view.querySelector("[data-offline-amount]").textContent = money(amountTwd);
    view.querySelector("[data-offline-pay]").textContent = money(amountTwd - redeemTwd);
    view.querySelector("[data-offline-lost]").hidden = !isLost;
    view.querySelector("[data-offline-redeemed]").hidden = !redeemTwd && !hasCoupons;
    const less = view.querySelector("[data-offline-less]");
    less.hidden = !redeemTwd;
    less.querySelector("dd").textContent = money(-redeemTwd);
    if (hasCoupons) view.querySelector("[data-offline-pay]").closest("div").remove(); // Not known here.
  });
}

async function readConfig() {
  return (await readMeta("config").catch(() => null)) ?? null;
}

function isUsable(config) {
  return config !== null && Date.now() < config.pass_until;
}
