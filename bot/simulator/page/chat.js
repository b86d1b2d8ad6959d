/**
 * One open chat between a person and the account: the screen, kept up to date over the websocket.
 */
import { performer, sendLocation } from "./actions.js";
import { act, getChat, listen } from "./api.js";
import { Composer } from "./composer.js";
import { Drawer } from "./drawer.js";
import { element } from "./element.js";
import { icon } from "./icons.js";
import { choose, notify } from "./sheets.js";
import { fill, textsFor } from "./texts.js";
import { Timeline, avatar } from "./timeline.js";

/**
 * Open the chat of `user` in `screen`; `draft` stands in the typing area. `desk` is where the
 * drawer goes.
 */
export async function openChat({ screen, desk, user, draft }) {
  const chat = new Chat({ screen, desk, ...(await getChat(user)) });
  chat.start();
  if (draft) chat.composer.fill(draft);
}

class Chat {
  constructor({ screen, desk, person, account, entries, menu, quota }) {
    this.screen = screen;
    this.person = person;
    this.account = account;
    this.texts = textsFor(person.language);
    document.documentElement.lang = person.language;
    document.title = `${account.name}｜${person.name}`;

    const perform = (action) => this.perform(action);
    this.timeline = new Timeline({ account, language: person.language, onAction: perform });
    this.composer = new Composer({
      texts: this.texts,
      on: {
        text: (text) => this.act({ kind: "text", text }),
        sticker: (sticker) => this.act({ kind: "sticker", ...sticker }),
        image: (base64) => this.act({ kind: "image", base64 }),
        location: () => sendLocation(this),
        action: perform,
      },
    });
    this.performAction = performer(this);
    this.drawer = new Drawer({ desk, texts: this.texts, person, quota });
    for (const entry of entries) this.timeline.add(entry);
    this.composer.setMenu(menu);
    this.composer.setQuickReplies(this.timeline.quickReplies());
  }

  start() {
    this.lineDown = element(
      "div",
      { class: "line-down", role: "status", hidden: true },
      this.texts.disconnected,
    );
    this.gate = element("div", { class: "gate" });
    this.screen.replaceChildren(
      this.drawHeader(),
      this.lineDown,
      this.timeline.node,
      this.composer.node,
      this.gate,
    );
    this.showPerson();
    this.timeline.scrollToFoot();
    listen(this.person.id, {
      onFrame: (frame) => this.receive(frame),
      onState: (isConnected) => this.showState(isConnected),
    });
  }

  // --- What the person does ----------------------------------------------------------------------

  /** Tell the simulator what the person did; return whether it was told. */
  async act(deed) {
    this.composer.setQuickReplies([]);
    try {
      const { webhookEventId } = await act(this.person.id, deed);
      this.drawer.lastEventId = webhookEventId ?? this.drawer.lastEventId;
      return true;
    } catch (error) {
      console.error("the simulator refused", deed.kind, error.status);
      notify(this.screen, this.texts.sendFailed);
      return false;
    }
  }

  async perform(action) {
    if (this.person.friend) await this.performAction(action);
  }

  // --- What the simulator tells ------------------------------------------------------------------

  receive(frame) {
    const take = {
      entry: ({ entry }) => this.addEntry(entry),
      menu: ({ menu }) => this.composer.setMenu(menu),
      person: ({ person }) => this.setPerson(person),
      quota: ({ quota }) => this.drawer.setQuota(quota),
      loading: ({ seconds }) => this.timeline.startLoading(seconds),
      webhook: (answer) => this.drawer.addWebhook(answer),
    }[frame.type];
    take?.(frame);
  }

  addEntry(entry) {
    this.timeline.add(entry);
    this.composer.setQuickReplies(this.timeline.quickReplies());
    if (entry.from === "account") this.drawer.scheduleRequests();
  }

  setPerson(person) {
    this.person = person;
    this.showPerson();
  }

  /**
   * Whenever the line stands, ask what was said while it did not: also between the first look and
   * now.
   */
  async showState(isConnected) {
    this.lineDown.hidden = isConnected;
    this.screen.toggleAttribute("data-live", isConnected);
    if (!isConnected) return;
    try {
      this.catchUp(await getChat(this.person.id));
    } catch (error) {
      // The line breaks next, and then we ask again.
      console.error("cannot catch up", error.status);
    }
  }

  catchUp({ person, entries, menu, quota }) {
    this.setPerson(person);
    this.composer.setMenu(menu);
    this.drawer.setQuota(quota);
    if (this.timeline.catchUp(entries)) this.composer.setQuickReplies(this.timeline.quickReplies());
  }

  // --- Drawing -----------------------------------------------------------------------------------

  drawHeader() {
    const { account, texts } = this;
    return element(
      "header",
      { class: "header" },
      element(
        "a",
        {
          class: "round-button",
          href: "/",
          "aria-label": texts.backToList,
          title: texts.backToList,
        },
        icon("back"),
      ),
      element(
        "span",
        {
          class: account.verified ? "header-badge is-verified" : "header-badge",
          title: texts.accountOffers,
        },
        icon("shield"),
      ),
      element(
        "h1",
        { class: "header-name", "aria-label": fill(texts.chatWith, { name: account.name }) },
        account.name,
      ),
      element(
        "button",
        {
          type: "button",
          class: "round-button header-more",
          "aria-label": texts.more,
          on: { click: () => this.openMore() },
        },
        icon("more"),
      ),
    );
  }

  async openMore() {
    const { texts, person } = this;
    const choices = [
      person.friend
        ? { label: texts.block, value: () => this.act({ kind: "unfollow" }), isDanger: true }
        : {
            label: person.blocked ? texts.unblock : texts.addFriend,
            value: () => this.act({ kind: "follow" }),
          },
      { label: texts.drawer, value: () => this.drawer.open() },
      { label: texts.backToList, value: () => location.assign("/") },
    ];
    const chosen = await choose(this.screen, this.account.name, choices, texts);
    await chosen?.();
  }

  /**
   * Who is no friend meets the account's profile before the chat; who blocked it sees the chat,
   * closed.
   */
  showPerson() {
    const { person } = this;
    const isClosed = !person.friend;
    const isStranger = isClosed && !person.blocked;
    this.screen.classList.toggle("is-stranger", isStranger);
    this.composer.node.hidden = isClosed;
    this.timeline.node.hidden = isStranger;
    this.gate.hidden = !isClosed;
    this.gate.className = isStranger ? "gate gate-profile" : "gate gate-blocked";
    this.gate.replaceChildren(...(isStranger ? this.drawProfile() : this.drawBlocked()));
    this.drawer.setPerson(person);
  }

  drawProfile() {
    const { account, texts } = this;
    return [
      avatar(account.name, account.iconUrl, "avatar avatar-large"),
      element("div", { class: "gate-name" }, account.name),
      element(
        "div",
        { class: "gate-id" },
        [texts.accountOffers, account.basicId].filter(Boolean).join("　"),
      ),
      element("p", { class: "gate-hint" }, texts.addFriendHint),
      element(
        "button",
        { type: "button", class: "gate-button", on: { click: () => this.act({ kind: "follow" }) } },
        icon("friend"),
        texts.addFriend,
      ),
    ];
  }

  drawBlocked() {
    const { texts } = this;
    return [
      element("span", {}, texts.blockedNotice),
      element(
        "button",
        {
          type: "button",
          class: "gate-unblock",
          on: { click: () => this.act({ kind: "follow" }) },
        },
        texts.unblock,
      ),
    ];
  }
}
