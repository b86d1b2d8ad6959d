/**
 * The editor of content: messages in their order, each with its fields, beside a phone that shows
 * what a member gets. The content lies as JSON in the textarea the page brings, which is what the
 * form sends; without this script it is written there by hand.
 */
import { element } from "../../../../bot/simulator/page/element.js";
import { addressField, choiceField, slotFields, smallButton, textField } from "./fields.js";
import { newMessage, partsFrom } from "./parts.js";
import { drawPhone } from "./phone.js";

const PAUSE_MS = 350; // A moment after somebody typed the phone follows.
const LONGEST_TEXT = 5000;
const known = new WeakSet();

/** Mount the editor on every place of a page that asks for one. */
export async function mountEditors(part) {
  for (const root of part.querySelectorAll("[data-content-editor]")) {
    if (known.has(root)) continue;
    known.add(root);
    try {
      new Editor(root, await partsFrom(root.dataset.parts)).start();
    } catch (error) {
      console.error(error); // The textarea stays, so that nothing is lost.
    }
  }
}

class Editor {
  constructor(root, parts) {
    this.root = root;
    this.parts = parts;
    this.words = parts.words;
    this.more = JSON.parse(root.dataset.variables || "[]");
    this.field = root.querySelector("textarea");
    this.content = read(this.field.value);
    this.language = "zh-TW";
    this.drawn = 0;
    this.isTouched = false; // What is still empty is no mistake before anybody typed.
  }

  start() {
    const title = this.root.querySelector("label");
    this.list = element("div", { class: "content-list" });
    this.tabs = element("div", { class: "btn-group content-languages", role: "group", "aria-label": this.words.language });
    this.phone = element("div", { class: "phone", role: "group", "aria-label": this.words.preview });
    this.state = element("p", { class: "form-hint", "aria-live": "polite" });
    this.member = element("input", { class: "form-control form-control-sm", inputmode: "numeric", placeholder: this.words.example, on: { input: () => this.drawSoon() } });
    const raw = element("details", { class: "content-source" }, element("summary", {}, this.words.raw));
    title.replaceWith(element("div", { class: "form-label" }, title.textContent));
    this.field.before(
      element(
        "div",
        { class: "content-desk" },
        element("div", { class: "content-side" }, this.tabs, this.list),
        element(
          "div",
          { class: "content-preview" },
          this.phone,
          this.state,
          element("label", { class: "form-label small" }, this.words.preview_of, this.member),
        ),
      ),
    );
    this.field.setAttribute("aria-label", this.words.raw);
    raw.append(this.field);
    this.root.append(raw);
    this.field.addEventListener("change", () => this.readAnew());
    this.build();
    this.draw();
  }

  /** Take over what was written into the raw content by hand. */
  readAnew() {
    try {
      this.content = read(this.field.value);
      this.build();
      this.drawSoon();
    } catch {
      this.state.textContent = this.words.not_drawn;
    }
  }

  /** Build the form anew; the focus goes to the field of `path`, where one is told. */
  redraw(path = null) {
    this.changed();
    this.build();
    if (path) this.root.querySelector(`[data-path="${CSS.escape(path)}"]`)?.focus();
  }

  build() {
    this.tabs.replaceChildren(
      ...this.parts.languages.map(([code, name]) =>
        element(
          "button",
          {
            class: code === this.language ? "btn active" : "btn",
            type: "button",
            "aria-pressed": String(code === this.language),
            on: { click: () => this.speak(code) },
          },
          name,
        ),
      ),
    );
    this.list.replaceChildren(...this.content.messages.map((message, place) => this.message(message, place)), this.adding());
  }

  speak(language) {
    this.language = language;
    this.build();
    this.draw();
    this.tabs.querySelector(".active").focus();
  }

  message(message, place) {
    const { words, content } = this;
    const path = `messages[${place}]`;
    const name = words.message.replace("{number}", place + 1);
    const last = content.messages.length - 1;
    return element(
      "fieldset",
      { class: "content-message", data: { place } },
      element("legend", { class: "visually-hidden" }, name),
      element(
        "div",
        { class: "content-bar" },
        element("strong", {}, `${name}　${this.kindName(message)}`),
        element(
          "span",
          { class: "btn-list" },
          smallButton(words.up, () => this.move(place, place - 1), { disabled: place === 0, "aria-label": `${name} ${words.up}` }),
          smallButton(words.down, () => this.move(place, place + 1), { disabled: place === last, "aria-label": `${name} ${words.down}` }),
          smallButton(words.remove, () => this.remove(place), { disabled: last === 0, "aria-label": `${name} ${words.remove}` }),
        ),
      ),
      element("div", { class: "content-error", role: "alert", data: { path } }),
      this.fieldsOf(message, path),
    );
  }

  kindName(message) {
    if (message.type !== "card") return this.words[message.type] ?? message.type;
    return this.parts.cards.find(({ code }) => code === message.template)?.name ?? message.template;
  }

  fieldsOf(message, path) {
    const { words, parts } = this;
    const place = { owner: message, isRequired: true };
    if (message.type === "text")
      return textField(this, { ...place, name: "text", path: `${path}.text`, label: words.text, longest: LONGEST_TEXT, rows: 4 });
    if (message.type === "image")
      return addressField(this, { ...place, name: "url", path: `${path}.url`, label: words.image_url });
    if (message.type === "coupon")
      return choiceField(this, { ...place, name: "template", path: `${path}.template`, label: words.coupon, options: parts.coupons });
    if (message.type === "survey")
      return choiceField(this, { ...place, name: "survey", path: `${path}.survey`, label: words.survey, options: parts.surveys });
    const card = parts.cards.find(({ code }) => code === message.template);
    return card ? slotFields(this, card.slots, message.fields, `${path}.fields`) : null;
  }

  adding() {
    const { words, parts, content } = this;
    if (content.messages.length >= parts.most_messages) return element("p", { class: "form-hint" }, words.most);
    const cards = element(
      "select",
      {
        class: "form-select form-select-sm content-cards",
        "aria-label": words.add_card,
        on: { change: () => cards.value && this.add("card", parts.cards.find(({ code }) => code === cards.value)) },
      },
      element("option", { value: "" }, `＋ ${words.card}…`),
      parts.cards.map(({ code, name }) => element("option", { value: code }, name)),
    );
    const kinds = ["text", "image", "coupon", "survey"].filter(
      (kind) => (kind !== "coupon" || parts.coupons.length) && (kind !== "survey" || parts.surveys.length),
    );
    return element(
      "div",
      { class: "content-adding", role: "group", "aria-label": words.add },
      cards,
      kinds.map((kind) => smallButton(`＋ ${words[kind]}`, () => this.add(kind))),
    );
  }

  add(kind, card = null) {
    const { messages } = this.content;
    const isAsked = messages.at(-1)?.type === "survey"; // LINE shows its answers below the last alone.
    messages.splice(isAsked ? -1 : messages.length, 0, newMessage(kind, this.parts, card));
    this.redraw();
    this.focusOn(messages.length - (isAsked ? 2 : 1));
  }

  move(from, to) {
    const { messages } = this.content;
    messages.splice(to, 0, ...messages.splice(from, 1));
    this.redraw();
    this.focusOn(to);
  }

  remove(place) {
    this.content.messages.splice(place, 1);
    this.redraw();
    this.focusOn(Math.max(place - 1, 0));
  }

  focusOn(place) {
    const message = this.list.querySelector(`[data-place="${place}"]`);
    const field = message?.querySelector("textarea, input, select");
    (field ?? message?.querySelector("button:not(:disabled)"))?.focus();
  }

  /** Put the content into the form's field, and let the phone and the draft follow. */
  changed() {
    this.isTouched = true;
    this.field.value = JSON.stringify(this.content);
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
    this.drawSoon();
  }

  drawSoon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.draw(), PAUSE_MS);
  }

  async draw() {
    const number = (this.drawn += 1);
    const told = await this.ask().catch(() => null);
    if (number !== this.drawn) return; // Something was typed meanwhile.
    this.showRefusal(told?.refused);
    if (told === null) this.state.textContent = this.words.offline;
    if (told?.messages) drawPhone(this.phone, told.messages, this.language);
  }

  async ask() {
    const answer = await fetch(this.root.dataset.draw, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content,
      },
      body: JSON.stringify({ content: this.content, language: this.language, variables: this.more, member: this.member.value }),
    });
    if (!answer.ok) throw new Error(`content draw: ${answer.status}`);
    return answer.json();
  }

  /** Say what is wrong beside the field that it is about, or beside its message. */
  showRefusal(refused) {
    for (const node of this.root.querySelectorAll(".is-invalid")) node.classList.remove("is-invalid");
    for (const node of this.root.querySelectorAll(".content-error, .invalid-feedback")) node.textContent = "";
    this.state.textContent = refused ? this.words.not_drawn : "";
    if (!refused || !this.isTouched) return;
    const control = this.controlOf(refused.path);
    if (!control) {
      this.state.textContent = refused.text;
    } else if (control.classList.contains("content-error")) {
      control.textContent = refused.text;
    } else {
      control.classList.add("is-invalid");
      const place = document.getElementById(control.getAttribute("aria-describedby"));
      if (place) place.textContent = refused.text;
    }
  }

  controlOf(path) {
    for (let at = path; at; at = at.replace(/\.?[^.]*$/, "")) {
      const found = this.root.querySelector(`[data-path="${CSS.escape(at)}"]`);
      if (found) return found;
    }
    return null;
  }
}

function read(text) {
  const told = JSON.parse(text);
  if (!Array.isArray(told?.messages) || told.messages.length === 0) throw new Error("not content");
  return told;
}
