/**
 * Dragging in the editor of journeys: from the palette into a way, and steps from place to place.
 * What is dropped is posted like a button's form, and the answer is the whole editor anew.
 */
import Sortable from "sortablejs";

const SHARED = { group: "flow", draggable: ".flow-step", animation: 120, fallbackOnBody: true, ghostClass: "is-dragged" };

/** Make the flow of the page, and of whatever is swapped into it, one that can be dragged. */
export function listenToFlow() {
  prepare(document);
  document.body.addEventListener("htmx:load", ({ detail }) => prepare(detail.elt));
  document.body.addEventListener("htmx:afterSwap", lead);
  document.body.addEventListener("htmx:afterRequest", restore);
}

function prepare(part) {
  const editor = part.id === "editor" ? part : part.querySelector("#editor");
  if (!editor) return;
  const palette = editor.querySelector("#palette");
  Sortable.create(palette, { sort: false, draggable: ".palette-step", group: { name: "flow", pull: "clone", put: false } });
  for (const way of editor.querySelectorAll("ol.flow")) {
    const isLoose = "loose" in way.dataset;
    Sortable.create(way, { ...SHARED, handle: ".flow-grip", group: { name: "flow", put: !isLoose }, onAdd: drop, onUpdate: drop });
  }

  function drop({ item, to }) {
    const place = placeOf(item, to);
    const { do: kind, id } = item.dataset;
    const url = kind ? editor.dataset.insert : editor.dataset.move;
    window.htmx.ajax("POST", url, { target: "#editor", swap: "outerHTML", values: kind ? { do: kind, ...place } : { id, ...place } });
  }
}

/** Return behind which step, by which of its ways, something was dropped. */
function placeOf(item, way) {
  let before = item.previousElementSibling;
  while (before && !before.matches(".flow-step")) before = before.previousElementSibling;
  return before ? { at: before.dataset.id, branch: before.dataset.main } : { at: way.dataset.at, branch: way.dataset.branch };
}

/** Where a drop was refused, the notice stands on the page, and the flow is drawn as it is kept. */
function restore({ detail }) {
  const { dataset } = document.getElementById("editor") ?? {};
  const isDrop = [dataset?.move, dataset?.insert].includes(detail.pathInfo.requestPath);
  if (isDrop && !detail.successful) window.htmx.ajax("GET", location.pathname, { target: "#editor", swap: "outerHTML" });
}

/** On a narrow screen what is open stands below the flow: lead there. */
function lead({ detail }) {
  if (detail.target.id !== "editor") return;
  const heading = document.querySelector("#panel [autofocus]");
  heading?.focus({ preventScroll: true });
  const isBelow = window.matchMedia("(max-width: 991.98px)").matches;
  if (heading && isBelow) heading.scrollIntoView({ block: "start" });
}
