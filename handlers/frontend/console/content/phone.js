/** A phone that shows messages as LINE's apps do, drawn by the simulator's own renderer. */
import { element } from "../../../../bot/simulator/page/element.js";
import { isWide, renderMessage } from "../../../../bot/simulator/page/messages.js";

/** Draw the phones that a page brings with their messages inside. */
export function showPhones(part) {
  for (const phone of part.querySelectorAll("[data-phone]")) {
    const told = phone.querySelector("script");
    if (told) drawPhone(phone, JSON.parse(told.textContent));
  }
}

/** Put messages into a phone in the place of what it showed. */
export function drawPhone(phone, messages, language = document.documentElement.lang) {
  const quick = messages.at(-1)?.quickReply?.items ?? [];
  phone.replaceChildren(
    element(
      "div",
      { class: "phone-chat", tabindex: "0", role: "region", "aria-label": phone.getAttribute("aria-label") },
      messages.map((message) => entry(message, language)),
    ),
    element("div", { class: "phone-quick" }, quick.map(chip)),
  );
}

function entry(message, language) {
  const drawn = renderMessage(message, { language: language.startsWith("zh") ? "zh-TW" : language });
  return element("div", { class: isWide(message) ? "phone-entry phone-wide" : "phone-entry" }, drawn);
}

function chip({ action }) {
  return element("span", { class: "phone-chip" }, String(action?.label ?? ""));
}
