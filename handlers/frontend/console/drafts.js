/** What is typed into a form with data-draft is kept at the server a moment later. */
const PAUSE_MS = 900;
const known = new WeakSet();

export function keepDrafts(part) {
  const forms = [...part.querySelectorAll("form[data-draft]")];
  if (part.matches?.("form[data-draft]")) forms.push(part);
  forms.filter((form) => !known.has(form)).forEach(watch);
}

function watch(form) {
  known.add(form);
  let waiting;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => save(form), PAUSE_MS);
  };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  form.addEventListener("submit", () => clearTimeout(waiting));
}

async function save(form) {
  const body = new FormData(form);
  for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
  const headers = {
    "HX-Request": "true",
    "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content,
  };
  try {
    const answer = await fetch(`/console/drafts/${form.dataset.draft}`, { method: "POST", body, headers });
    const state = form.querySelector("[data-draft-state]");
    if (state) state.innerHTML = await answer.text();
  } catch {
    // Without a network the words stay in the form; the next change tries again.
  }
}
