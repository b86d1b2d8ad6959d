/** The chat's messages, oldest above: bubbles, times, days, read marks, the typing animation. */
import { element } from "./element.js";
import { isWide, renderMessage } from "./messages.js";
import { clockTime, dayHeading, textsFor } from "./texts.js";

const SHOWN_LIMIT = 200; // Entries kept on the page, as many as the simulator keeps.
const MINUTE_MS = 60_000;
const NEAR_FOOT = 80; // px: who is this close to the foot wants to stay there.
const MS_PER_SECOND = 1000;

/** Return the picture of an account or person: its icon, else its first letter. */
export function avatar(name, iconUrl, classes = "avatar") {
  const letter = element(
    "span",
    { class: "avatar-letter", "aria-hidden": "true" },
    [...String(name || "?")][0],
  );
  const node = element("span", { class: classes }, letter);
  if (iconUrl) {
    const picture = element("img", { src: iconUrl, alt: "" });
    picture.addEventListener("load", () => letter.remove());
    picture.addEventListener("error", () => picture.remove());
    node.append(picture);
  }
  return node;
}

/** A chat's scrolling list. `onAction(action, node)` is called for taps on messages. */
export class Timeline {
  constructor({ account, language, onAction }) {
    this.account = account;
    this.language = language;
    this.onAction = onAction;
    this.entries = [];
    this.nodes = new Map(); // entry id -> its node
    this.list = element("ol", { class: "entries" });
    // A log, so new messages are read out; reachable by keyboard, so it can be scrolled.
    this.node = element(
      "div",
      { class: "timeline", role: "log", tabindex: "0", "aria-label": account.name },
      this.list,
    );
    this.isAtFoot = true;
    this.node.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.node;
      this.isAtFoot = scrollHeight - scrollTop - clientHeight < NEAR_FOOT;
    });
    // Pictures that load late and menus that open must not push the newest message out of sight.
    const keepFoot = new ResizeObserver(() => this.isAtFoot && this.scrollToFoot());
    keepFoot.observe(this.list);
    keepFoot.observe(this.node);
  }

  /** Add an entry below; one that is shown already is left alone. */
  add(entry) {
    if (this.nodes.has(entry.id)) return;
    const previous = this.entries.at(-1) ?? null;
    this.addDayHeading(entry, previous);
    const node = this.draw(entry, previous);
    if (previous && isSameMoment(previous, entry))
      this.nodes.get(previous.id).classList.add("entry-joined");
    this.entries.push(entry);
    this.nodes.set(entry.id, node);
    if (entry.from === "account") this.stopLoading();
    this.list.append(node);
    this.forgetOldest();
    if (this.isAtFoot || entry.from === "person") this.scrollToFoot();
  }

  /**
   * Show what the simulator keeps: where entries were missed, draw all anew in their order, and
   * return true.
   */
  catchUp(entries) {
    if (entries.every(({ id }) => this.nodes.has(id))) return false;
    this.entries = [];
    this.nodes.clear();
    this.list.replaceChildren();
    for (const entry of entries) this.add(entry);
    return true;
  }

  /**
   * Return the quick replies of the newest message if it is the account's: [{imageUrl, action}].
   */
  quickReplies() {
    const newest = this.entries.findLast(({ from }) => from !== "system");
    return newest?.from === "account" ? (newest.message?.quickReply?.items ?? []) : [];
  }

  /** Show the typing animation for some seconds, or until the account's next message. */
  startLoading(seconds) {
    this.stopLoading();
    this.loading = element(
      "li",
      { class: "entry entry-account" },
      avatar(this.account.name, this.account.iconUrl),
      element(
        "div",
        { class: "loading", role: "status", "aria-label": textsFor(this.language).typing },
        ...Array.from({ length: 3 }, () => element("i")),
      ),
    );
    this.list.append(this.loading);
    this.loadingTimer = setTimeout(() => this.stopLoading(), seconds * MS_PER_SECOND);
    if (this.isAtFoot) this.scrollToFoot();
  }

  stopLoading() {
    clearTimeout(this.loadingTimer);
    this.loading?.remove();
    this.loading = null;
  }

  scrollToFoot() {
    this.node.scrollTop = this.node.scrollHeight;
    this.isAtFoot = true;
  }

  addDayHeading(entry, previous) {
    const { key, heading } = dayHeading(entry.at, Date.now(), this.language);
    if (previous && dayHeading(previous.at, Date.now(), this.language).key === key) return;
    this.list.append(element("li", { class: "pill", data: { day: key } }, heading));
  }

  draw(entry, previous) {
    if (entry.from === "system") {
      return element("li", { class: "pill" }, String(entry.message?.text ?? ""));
    }
    const isPerson = entry.from === "person";
    const isFollowing =
      previous !== null && isSameMoment(previous, entry) && isSameSender(previous, entry);
    const content = element(
      "div",
      { class: isWide(entry.message) ? "content content-wide" : "content" },
      isPerson || isFollowing
        ? null
        : element("div", { class: "sender" }, entry.message.sender?.name ?? this.account.name),
      element("div", { class: "line" }, this.drawMessage(entry), this.drawTime(entry)),
    );
    const node = element("li", {
      class: `entry entry-${isPerson ? "person" : "account"}`,
      data: { entry: entry.id },
    });
    if (isFollowing) node.classList.add("entry-following");
    if (!isPerson) node.append(this.drawIcon(entry, isFollowing));
    node.append(content);
    return node;
  }

  drawIcon({ message }, isFollowing) {
    if (isFollowing) return element("span", { class: "avatar avatar-none" });
    return avatar(
      message.sender?.name ?? this.account.name,
      message.sender?.iconUrl ?? this.account.iconUrl,
    );
  }

  /** One message nobody can draw must not take the chat with it. */
  drawMessage({ message, from }) {
    try {
      return renderMessage(message, { onAction: this.onAction, language: this.language });
    } catch (error) {
      console.error("cannot draw a message", from, error);
      return element(
        "div",
        { class: "msg msg-bubble msg-unknown" },
        textsFor(this.language).cannotShow,
      );
    }
  }

  drawTime({ at, from, via }) {
    return element(
      "div",
      { class: "time", title: via ?? null },
      from === "person" ? element("span", { class: "read" }, textsFor(this.language).read) : null,
      element("time", { datetime: new Date(at).toISOString() }, clockTime(at, this.language)),
    );
  }

  forgetOldest() {
    while (this.entries.length > SHOWN_LIMIT) {
      const oldest = this.entries.shift();
      this.nodes.get(oldest.id).remove();
      this.nodes.delete(oldest.id);
    }
  }
}

function isSameMoment(one, other) {
  return (
    one.from === other.from && Math.floor(one.at / MINUTE_MS) === Math.floor(other.at / MINUTE_MS)
  );
}

function isSameSender(one, other) {
  return (one.message?.sender?.name ?? "") === (other.message?.sender?.name ?? "");
}
