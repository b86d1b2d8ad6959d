/** The queue on the page: how many in the bar, and each with its state and what to do about it. */
import { fill, money, showView, words } from "./offline_page.js";
import { listQueue, readMeta, removeItem } from "./offline_store.js";

/** Show the queue without the server's page. */
export function showQueue() {
  showView("queue");
  return drawQueue();
}

/** Draw count and list anew, wherever the page has a place for them. */
export async function drawQueue() {
  const queue = await listQueue().catch(() => []);
  const open = queue.filter(({ state }) => state === "waiting" || state === "refused");
  const count = document.getElementById("offline-count");
  count.hidden = !open.length;
  count.querySelector("b").textContent = open.length;
  count.classList.toggle("has-problem", open.some(({ state }) => state === "refused"));
  const sent = await readMeta("sent").catch(() => null);
  for (const place of document.querySelectorAll("[data-offline-list]")) drawList(place, queue, sent);
}

function drawList(place, queue, sent) {
  const waiting = queue.filter(({ state }) => state === "waiting");
  const total = place.querySelector("[data-offline-total]");
  total.hidden = !waiting.length;
  total.textContent = waiting.length;
  place.querySelector("[data-offline-none]").hidden = queue.length > 0;
  place.querySelector("[data-offline-upload]").hidden = !waiting.length;
  place.querySelector("[data-offline-last]").textContent = sent
    ? fill(words.last, { time: timeOf(sent.at) }) + (sent.outcome === "refused" ? ` · ${words.sign_in}` : "")
    : "";
  place.querySelector("ol").replaceChildren(...[...queue].reverse().map(row));
}

function row(item) {
  const drawn = document.getElementById("offline-row").content.firstElementChild.cloneNode(true);
  const isTyped = item.state === "refused" && item.told?.typed; // Only we hold it: it must be copied.
  drawn.dataset.state = item.problem ? "refused" : item.state;
  drawn.querySelector("[data-shown]").textContent = isTyped ? item.told.typed : (item.name ?? item.shown);
  drawn.querySelector("[data-when]").textContent = timeOf(item.made_at);
  drawn.querySelector("[data-amount]").textContent = money(item.amount_twd);
  drawn.querySelector("[data-state]").textContent = stateOf(item);
  drawn.querySelector("[data-advice]").textContent = item.advice ?? "";
  const clear = drawn.querySelector("[data-clear]");
  clear.hidden = item.state === "waiting";
  clear.textContent = words.clear;
  clear.addEventListener("click", () => removeItem(item.key));
  return drawn;
}

function stateOf({ state, title, points }) {
  if (state === "waiting") return title ?? words.waiting;
  const earned = points ? ` ${fill(words.earned, { points })}` : "";
  return (title ?? words[state]) + earned;
}

function timeOf(moment) {
  const options = { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Date(moment).toLocaleString(document.documentElement.lang, options);
}
