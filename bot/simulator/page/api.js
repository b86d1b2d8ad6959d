/** The simulator's phone API: plain JSON under /_sim, and one websocket an open chat. */

const PREFIX = "/_sim";
// Waits before the websocket tries again; the last one repeats.
const RETRY_MS = [500, 1000, 2000, 5000];

/** What the simulator refused, or could not be asked; `status` is null when there was no answer. */
export class SimulatorError extends Error {
  constructor(message, status) {
    super(message);
    this.name = "SimulatorError";
    this.status = status;
  }
}

/** Return {people, account}; `query` searches names and ids. */
export function listPeople(query, limit) {
  return call("GET", `/people?${new URLSearchParams({ q: query, limit })}`);
}

/** Make a person who is not yet a friend; an empty name lets the simulator choose one. */
export function createPerson({ name, language } = {}) {
  return call("POST", "/people", { ...(name ? { name } : {}), ...(language ? { language } : {}) });
}

/** Return {person, account, entries, menu, quota}. */
export function getChat(user) {
  return call("GET", `/chat?${new URLSearchParams({ user })}`);
}

/** Do as the person does (`deed` has a `kind`); return {webhookEventId}. */
export function act(user, deed) {
  return call("POST", "/act", { user, act: deed });
}

/**
 * Send an event once more, as LINE does when a delivery failed; return {status, ms} of the answer.
 */
export function redeliver(webhookEventId) {
  return call("POST", "/redeliver", { webhookEventId });
}

/** Send an empty webhook whose signature is wrong; return {status, ms}. */
export function sendBadSignature() {
  return call("POST", "/raw", { events: [], signature: "bad" });
}

/** Return {rules, latency_ms, webhook ("on" or "off")}. */
export function getFaults() {
  return call("GET", "/faults");
}

/** Change what `faults` names, in the shape of `getFaults`; return them all. */
export function putFaults(faults) {
  return call("PUT", "/faults", faults);
}

/** Set the month's quota: {type, value, used}. */
export function putQuota(quota) {
  return call("PUT", "/quota", quota);
}

/** Return the newest API requests the bot made. */
export async function listRequests(limit) {
  const { requests } = await call("GET", `/requests?${new URLSearchParams({ limit })}`);
  return requests;
}

/** Forget the requests so far. */
export function clearRequests() {
  return call("DELETE", "/requests");
}

/**
 * Listen to a chat until the page goes.
 *
 * `onFrame(frame)` gets every frame. `onState(isConnected)` tells when the line stands and when it
 * breaks: what was said before it stood is to be fetched with `getChat`.
 */
export function listen(user, { onFrame, onState }) {
  let failures = 0;
  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(
      `${scheme}//${location.host}${PREFIX}/live?${new URLSearchParams({ user })}`,
    );
    socket.addEventListener("open", () => {
      failures = 0;
      onState(true);
    });
    socket.addEventListener("message", (event) => onFrame(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      onState(false);
      setTimeout(connect, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
      failures += 1;
    });
  };
  connect();
}

async function call(method, path, body) {
  const request = { method, headers: { accept: "application/json" } };
  if (body !== undefined) {
    request.headers["content-type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`${PREFIX}${path}`, request);
  } catch (error) {
    throw new SimulatorError(error.message, null);
  }
  const text = await response.text();
  if (!response.ok) throw new SimulatorError(text.slice(0, 300), response.status);
  return text ? JSON.parse(text) : null;
}
