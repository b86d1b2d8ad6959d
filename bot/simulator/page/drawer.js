/**
 * The developer's drawer beside the phone: how the bot answered, the quota, faults on demand, API
 * calls.
 */
import {
  clearRequests,
  getFaults,
  listRequests,
  putFaults,
  putQuota,
  redeliver,
  sendBadSignature,
} from "./api.js";
import { element } from "./element.js";
import { closeButton } from "./sheets.js";
import { LANGUAGES } from "./texts.js";

const WEBHOOKS_SHOWN = 12;
const REQUESTS_SHOWN = 15;
const REQUESTS_PAUSE_MS = 400; // A burst of messages asks once.
const FAULTS = [
  "500_before",
  "500_after",
  "drop_before",
  "drop_after",
  "hang",
  "slow",
  "429_rate",
  "429_monthly",
  "409",
  "401",
];
const SLOW_MS = 3000;
const PATHS = [
  "/v2/bot/message/",
  "/v2/bot/message/reply",
  "/v2/bot/message/push",
  "/v2/bot/message/multicast",
  "/v2/bot/profile",
  "/v2/bot/richmenu",
  "/v2/bot/user",
  "/",
];

/** The drawer of one chat. `lastEventId` is what "redeliver" sends again. */
export class Drawer {
  constructor({ desk, texts, person, quota }) {
    this.texts = texts;
    this.lastEventId = null;
    this.person = element("dl", { class: "facts" });
    this.webhooks = element("ol", { class: "log" });
    this.quota = element("div", { class: "quota" });
    this.rules = element("ul", { class: "rules" });
    this.requests = element("ol", { class: "log" });
    this.said = element("p", { class: "drawer-said", role: "status" });
    this.node = element(
      "aside",
      { class: "drawer", "aria-label": texts.drawer },
      element(
        "header",
        { class: "drawer-head" },
        element("h2", {}, texts.drawer),
        closeButton(texts.close, () => this.close()),
      ),
      this.said,
      this.section(texts.person, this.person),
      this.section(texts.drawerWebhook, this.drawEventButtons(), this.webhooks),
      this.section(texts.drawerQuota, this.quota),
      this.section(texts.drawerFaults, this.drawSwitches(), this.drawFaultForm(), this.rules),
      this.section(texts.drawerRequests, this.drawClear(), this.requests),
    );
    desk.querySelector(".drawer")?.remove();
    desk.append(this.node);
    this.setPerson(person);
    this.setQuota(quota);
    this.showNothing(this.webhooks);
    this.scheduleRequests();
  }

  /** On a phone the drawer covers the screen until it is closed. */
  open() {
    this.node.classList.add("drawer-open");
    this.node.querySelector("button").focus();
  }

  close() {
    this.node.classList.remove("drawer-open");
  }

  setPerson({ name, id, language, friend, blocked }) {
    const { texts } = this;
    const state = blocked ? texts.blockedNotice : friend ? texts.friend : texts.friendNo;
    const facts = [
      [texts.name, name],
      ["ID", id],
      [texts.language, `${LANGUAGES[language] ?? language}（${language}）`],
      [texts.state, state],
    ];
    this.person.replaceChildren(
      ...facts.flatMap(([term, fact]) => [element("dt", {}, term), element("dd", {}, fact)]),
    );
  }

  /** Show how the bot answered a webhook: {status (null: not at all), ms, eventType}. */
  addWebhook({ status, ms, eventType }) {
    this.webhooks.querySelector(".log-nothing")?.remove();
    const isGood = status !== null && status >= 200 && status < 300;
    this.webhooks.prepend(
      element(
        "li",
        {},
        element(
          "span",
          { class: isGood ? "badge badge-good" : "badge badge-bad" },
          status ?? this.texts.drawerNoAnswer,
        ),
        element("span", { class: "log-what" }, eventType),
        element("span", { class: "log-number" }, `${Math.round(ms)} ms`),
      ),
    );
    while (this.webhooks.children.length > WEBHOOKS_SHOWN) this.webhooks.lastElementChild.remove();
    this.scheduleRequests();
  }

  setQuota(quota) {
    if (this.quota.contains(document.activeElement)) return; // Somebody is changing it.
    const { texts } = this;
    const isLimited = quota?.type === "limited";
    const used = quota?.used ?? 0;
    const limit = element("input", {
      type: "number",
      min: 0,
      class: "small-input",
      "aria-label": texts.drawerQuota,
    });
    limit.value = isLimited ? quota.value : "";
    limit.placeholder = texts.drawerQuotaUnlimited;
    limit.addEventListener("change", () => {
      const wanted =
        limit.value === ""
          ? { type: "none", used }
          : { type: "limited", value: Number(limit.value), used };
      limit.blur();
      this.attempt(() => putQuota(wanted));
    });
    this.quota.replaceChildren(
      isLimited
        ? element("meter", {
            min: 0,
            max: Math.max(1, quota.value),
            value: used,
            high: quota.value * 0.9 || null,
            "aria-label": texts.drawerQuota,
          })
        : "",
      element("span", { class: "log-number" }, `${texts.drawerUsed} ${used} / `),
      limit,
    );
  }

  /** Fetch the newest API requests, and what is left of the faults, soon. */
  scheduleRequests() {
    clearTimeout(this.requestsTimer);
    this.requestsTimer = setTimeout(() => this.attempt(() => this.refresh()), REQUESTS_PAUSE_MS);
  }

  async refresh() {
    this.showRequests(await listRequests(REQUESTS_SHOWN));
    this.showFaults(await getFaults());
  }

  showRequests(requests) {
    const newestFirst = [...requests].sort((one, other) => other.at - one.at);
    this.requests.replaceChildren(
      ...newestFirst.map(({ method, path, status, messages }) =>
        element(
          "li",
          {},
          element(
            "span",
            { class: status < 300 ? "badge badge-good" : "badge badge-bad" },
            status ?? "–",
          ),
          element("span", { class: "log-what", title: path }, `${method} ${path}`),
          element("span", { class: "log-number" }, messages ? `×${messages}` : ""),
        ),
      ),
    );
    if (requests.length === 0) this.showNothing(this.requests);
  }

  // --- Parts -------------------------------------------------------------------------------------

  section(title, ...content) {
    return element("section", {}, element("h3", {}, title), content);
  }

  showNothing(log) {
    log.replaceChildren(element("li", { class: "log-nothing" }, this.texts.drawerNothing));
  }

  button(label, click) {
    return element(
      "button",
      { type: "button", class: "drawer-button", on: { click: () => this.attempt(click) } },
      label,
    );
  }

  drawEventButtons() {
    const again = async () => {
      if (this.lastEventId === null) return;
      const { status, ms } = await redeliver(this.lastEventId);
      this.addWebhook({ status, ms, eventType: this.texts.drawerRedeliver });
    };
    const bad = async () => {
      const { status, ms } = await sendBadSignature();
      this.addWebhook({ status, ms, eventType: this.texts.drawerBadSignature });
    };
    return element(
      "div",
      { class: "drawer-row" },
      this.button(this.texts.drawerRedeliver, again),
      this.button(this.texts.drawerBadSignature, bad),
    );
  }

  drawSwitches() {
    this.webhookSwitch = element("input", { type: "checkbox" });
    this.latency = element("input", { type: "number", min: 0, class: "small-input" });
    this.webhookSwitch.addEventListener("change", () =>
      this.changeFaults({ webhook: this.webhookSwitch.checked ? "on" : "off" }),
    );
    this.latency.addEventListener("change", () =>
      this.changeFaults({ latency_ms: Number(this.latency.value) || 0 }),
    );
    return element(
      "div",
      { class: "drawer-row" },
      element("label", {}, this.webhookSwitch, this.texts.drawerWebhookOn),
      element("label", {}, this.texts.drawerLatency, this.latency),
    );
  }

  drawFaultForm() {
    const { texts } = this;
    const fault = element(
      "select",
      { "aria-label": texts.drawerFault },
      FAULTS.map((name) => element("option", {}, name)),
    );
    const path = element(
      "select",
      { "aria-label": texts.drawerFaultPath },
      PATHS.map((name) => element("option", {}, name)),
    );
    const times = element("input", {
      type: "number",
      min: 1,
      class: "small-input",
      placeholder: texts.drawerFaultForever,
      "aria-label": texts.drawerFaultTimes,
    });
    times.value = 1;
    const submit = (event) => {
      event.preventDefault();
      const rule = {
        match: { path: path.value },
        fault: fault.value,
        times: times.value === "" ? null : Number(times.value),
      };
      if (fault.value === "slow") rule.ms = SLOW_MS;
      this.addFault(rule);
    };
    return element(
      "form",
      { class: "fault-form", on: { submit } },
      fault,
      path,
      element(
        "span",
        { class: "drawer-row" },
        times,
        element("button", { class: "drawer-button" }, texts.drawerFaultAdd),
      ),
    );
  }

  drawClear() {
    const clear = async () => {
      await clearRequests();
      this.showRequests([]);
    };
    return element("div", { class: "drawer-row" }, this.button(this.texts.drawerClear, clear));
  }

  showFaults({ rules, latency_ms: latency, webhook }) {
    const { texts } = this;
    this.webhookSwitch.checked = webhook !== "off";
    if (document.activeElement !== this.latency) this.latency.value = latency;
    const waiting = rules.filter(({ times }) => times !== 0);
    this.rules.replaceChildren(...waiting.map((rule) => element("li", {}, this.describe(rule))));
    if (waiting.length > 0) {
      this.rules.append(
        element(
          "li",
          {},
          this.button(texts.drawerReset, () => this.changeFaults({ rules: [] })),
        ),
      );
    }
  }

  describe({ match, fault, times, every }) {
    const often = times ?? this.texts.drawerFaultForever;
    const thinned = every > 1 ? ` 1/${every}` : "";
    return `${fault}　${match.method ?? ""} ${match.path}　${often}${thinned}`;
  }

  /** What is left of the other rules only the simulator knows. */
  addFault(rule) {
    return this.attempt(async () => {
      const { rules } = await getFaults();
      await this.changeFaults({ rules: [...rules, rule] });
    });
  }

  changeFaults(change) {
    return this.attempt(async () => this.showFaults(await putFaults(change)));
  }

  /** Do something with the simulator and say so when it fails. */
  async attempt(deed) {
    try {
      await deed();
      this.said.textContent = "";
    } catch (error) {
      this.said.textContent = `${error.status ?? ""} ${error.message}`.trim();
    }
  }
}
