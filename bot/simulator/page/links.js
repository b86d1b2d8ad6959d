/** Which addresses may be shown or opened. What comes in a message is never trusted to be one. */

const IMAGE_SCHEMES = new Set(["http:", "https:", "blob:"]);
const INLINE_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,/i;
const URL_IN_TEXT = /https?:\/\/[^\s<>"'「」『』（）【】，。！？、；：]+/gi;
const TRAILING_PUNCTUATION = /[.,!?;:)\]}]+$/;

/** Return a picture's or a video's address, or null for anything that is not one. */
export function mediaUrl(value) {
  if (typeof value !== "string") return null;
  if (INLINE_IMAGE.test(value)) return value;
  const url = parse(value, document.baseURI);
  return url && IMAGE_SCHEMES.has(url.protocol) ? url.href : null;
}

/**
 * Tell what opening an address means on a phone.
 *
 * Returns {kind: "web", url} | {kind: "tel", number} | {kind: "line", path, query} (LINE's own
 * scheme, https://line.me/R/… or line://…) | {kind: "refused"}: what LINE does not open, such as
 * javascript:.
 */
export function destination(value) {
  const url = parse(value);
  if (url === null) return { kind: "refused" };
  if (url.protocol === "tel:") return { kind: "tel", number: decode(url.pathname) };
  if (url.protocol === "line:") return lineScheme(`${url.host}${url.pathname}`, url.search);
  if (url.protocol !== "https:" && url.protocol !== "http:") return { kind: "refused" };
  if (url.host === "line.me" && url.pathname.startsWith("/R/")) {
    return lineScheme(url.pathname.slice("/R/".length), url.search);
  }
  return { kind: "web", url: url.href };
}

/** Cut a text into strings and {url} objects where it names web addresses. */
export function splitLinks(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(URL_IN_TEXT)) {
    const address = match[0].replace(TRAILING_PUNCTUATION, "");
    if (parse(address) === null) continue;
    parts.push(text.slice(end, match.index), { url: address });
    end = match.index + address.length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

function lineScheme(path, search) {
  return {
    kind: "line",
    path: decode(path).replace(/^\/+|\/+$/g, ""),
    query: decode(search.slice(1)),
  };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray per cent sign: show it as it was written.
  }
}

function parse(value, base) {
  try {
    return new URL(value, base);
  } catch {
    return null;
  }
}
