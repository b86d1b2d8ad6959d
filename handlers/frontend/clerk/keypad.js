/** The big keys under the amount. */
const LONGEST = 40; // The server reads no more.

/** Press `key` ("0" to "9", "00", "+", "×", "back" or "clear") on the amount's field. */
export function pressKey(field, key) {
  const edits = { back: (text) => text.slice(0, -1), clear: () => "" };
  const edit = edits[key] ?? ((text) => append(text, key));
  field.value = edit(field.value);
  field.scrollLeft = field.scrollWidth;
}

function append(text, key) {
  if (/^0+$/.test(key) && /(^|[+×])$/.test(text)) return text; // A number begins with another digit.
  if (/^[+×]$/.test(key)) return text ? text.replace(/[+×]$/, "") + key : text;
  return (text + key).slice(0, LONGEST);
}
