/** Notices that the server cannot send, and the token it sends with those it can. */

/** Show the prepared notice `name` where the open view shows its notices. */
export function showNotice(name) {
  const place = document.getElementById("notice");
  const prepared = document.getElementById(name);
  if (!place || !prepared) return;
  place.replaceChildren(prepared.content.cloneNode(true));
  place.scrollIntoView({ block: "nearest" });
}

/** Put the CSRF token that came with a refusal into the open forms, so that the next try holds. */
export function takeFreshToken(request) {
  const token = request?.getResponseHeader?.("X-Fresh-CSRF-Token");
  if (!token) return;
  for (const field of document.querySelectorAll("input[name=csrf_token]")) field.value = token;
}
