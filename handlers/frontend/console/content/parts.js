/** What content is made of: which parts there are, and what each is when it is new. */

let asked = null;

/** Return the parts a server offers; asked once a page. */
export function partsFrom(url) {
  asked ??= fetch(url, { headers: { Accept: "application/json" } }).then((answer) => {
    if (!answer.ok) throw new Error(`content parts: ${answer.status}`);
    return answer.json();
  });
  return asked;
}

/** Return a new message of a kind; of a card, with what it cannot do without. */
export function newMessage(kind, parts, card = null) {
  if (kind === "text") return { type: "text", text: { "zh-TW": "" } };
  if (kind === "image") return { type: "image", url: "" };
  if (kind === "coupon") return { type: "coupon", template: parts.coupons[0]?.[0] ?? "" };
  if (kind === "survey") return { type: "survey", survey: parts.surveys[0]?.[0] ?? "" };
  return { type: "card", template: card.code, fields: newFields(card.slots, parts) };
}

/** Return the fields that a card, or one of its products, must have, empty. */
export function newFields(slots, parts) {
  const needed = slots.filter((slot) => slot.required);
  return Object.fromEntries(needed.map((slot) => [slot.name, newValue(slot, parts)]));
}

/** Return an empty value for a slot. */
export function newValue(slot, parts) {
  if (slot.kind === "text") return { "zh-TW": "" };
  if (slot.kind === "button") return { label: { "zh-TW": "" }, url: "" };
  if (slot.kind === "coupon") return parts.coupons[0]?.[0] ?? "";
  if (slot.kind === "items") return [newFields(slot.slots, parts)];
  if (slot.kind === "colour") return "#1f6b4c";
  return "";
}
