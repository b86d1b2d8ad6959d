/** What a clerk types, read without the server: numbers of members and phones, and amounts. */

const MEMBER = /^\d{9}$/;
const PHONE = /^(?:\+886|0)9\d{8}$/;
const TERM = /^\d{1,7}(?:[*+]\d{1,7})*$/;

/** Return the number with how to show it whole and masked, or null where it can be none. */
export function readNumber(typed) {
  const digits = typed.normalize("NFKC").replace(/[^\d+]/g, "");
  if (MEMBER.test(digits) && hasLuhnDigit(digits)) {
    const [first, middle, last] = [digits.slice(0, 4), digits.slice(4, 8), digits.slice(8)];
    return { typed: digits, shown: `${first} ${middle} ${last}`, masked: `${first} •••• ${last}` };
  }
  if (!PHONE.test(digits)) return null;
  const local = digits.replace("+886", "0");
  return {
    typed: local,
    shown: `${local.slice(0, 4)} ${local.slice(4, 7)} ${local.slice(7)}`,
    masked: `09•• ••• ${local.slice(7)}`,
  };
}

/** Luhn's check, as the member number carries it: typing errors show. */
function hasLuhnDigit(digits) {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    return total + Math.floor(value / 10) + (value % 10);
  }, 0);
  return sum % 10 === 0;
}

/** Return the whole NT$ that were typed (`65×2+30`), null for nothing, NaN for what is no amount. */
export function readAmount(typed) {
  const text = typed
    .normalize("NFKC")
    .replace(/NT\$|TWD|元|[\s,$]/gi, "")
    .replace(/[×xX✕]/g, "*")
    .replace(/^[+*]+|[+*]+$/g, "");
  if (!text) return null;
  if (!TERM.test(text)) return Number.NaN;
  return text
    .split("+")
    .map((term) => term.split("*").reduce((product, factor) => product * Number(factor), 1))
    .reduce((sum, term) => sum + term, 0);
}
