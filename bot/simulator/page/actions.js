/**
 * What a tap on a LINE action does. The simulator's server turns an action into events; what LINE's
 * app does by itself (opening, copying, asking for a date, the camera) is done here.
 */
import { destination } from "./links.js";
import { choose, notify, pickDateTime, pickLocation } from "./sheets.js";

/**
 * Return a function that performs a LINE action object.
 *
 * `phone`: {screen, composer, account, texts, act(deed) -> promise of true when it was sent}.
 */
export function performer(phone) {
  const { texts } = phone;
  const send = (action, params) =>
    phone.act({ kind: "action", action, ...(params ? { params } : {}) });
  const deeds = {
    message: (action) => send(action),
    richmenuswitch: (action) => send(action),
    postback: async (action) => {
      phone.composer.applyInputOption(action.inputOption, action.fillInText);
      await send(action);
    },
    datetimepicker: async (action) => {
      const params = await pickDateTime(phone.screen, action, texts);
      if (params !== null) await send(action, params);
    },
    uri: (action) => open(action.uri, phone),
    clipboard: (action) => copy(action.clipboardText, phone),
    camera: () => phone.composer.choosePicture(true),
    cameraRoll: () => phone.composer.choosePicture(false),
    location: () => sendLocation(phone),
  };
  return async (action) => {
    if (Object.hasOwn(deeds, action?.type)) await deeds[action.type](action);
  };
}

/** Ask for a place and send it. */
export async function sendLocation(phone) {
  const place = await pickLocation(phone.screen, phone.texts);
  if (place !== null) await phone.act({ kind: "location", ...place });
}

/**
 * Open an address as LINE does: pages in a new tab, LINE's own links here, anything odd not at all.
 */
function open(address, phone) {
  const target = destination(address);
  if (target.kind === "web") window.open(target.url, "_blank", "noopener,noreferrer");
  else if (target.kind === "tel") notify(phone.screen, phone.texts.telephone + target.number);
  else if (target.kind === "line") openInLine(target, phone);
  else notify(phone.screen, phone.texts.linkRefused);
}

/** LINE's URL scheme (LINE, "Use LINE features with the LINE URL scheme", read 2026-11). */
function openInLine({ path, query }, phone) {
  const { account, composer, screen, texts } = phone;
  const [first, second, third] = path.split("/");
  if (first === "nv" && second === "camera") composer.choosePicture(true);
  else if (first === "nv" && second === "cameraRoll") composer.choosePicture(false);
  else if (first === "nv" && second === "location") sendLocation(phone);
  else if (first === "oaMessage" && second === account.basicId) composer.fill(query);
  else if (first === "ti" && second === "p" && third === account.basicId)
    composer.node.scrollIntoView();
  else if (first === "share") share(query.replace(/^text=/, ""), phone);
  else notify(screen, `${texts.linkUnsupported}${path}`);
}

/** LINE asks whom to send it to; here there is nobody else, so the text can be copied. */
async function share(text, phone) {
  const { texts } = phone;
  const chosen = await choose(phone.screen, texts.share, [{ label: text, value: text }], texts);
  if (chosen !== null) await copy(chosen, phone);
}

async function copy(text, { screen, texts }) {
  try {
    await navigator.clipboard.writeText(String(text ?? ""));
    notify(screen, texts.copied);
  } catch {
    notify(screen, texts.copyFailed); // No permission, or a page that is not local and not https.
  }
}
