/** The foot of the chat: typing area, stickers, quick replies, and the rich menu with its bar. */
import { element } from "./element.js";
import { face, icon } from "./icons.js";
import { mediaUrl } from "./links.js";
import { lay } from "./messages.js";

const TEXT_LIMIT = 5000; // LINE, text message
const PICTURE_SIDE = 1280; // px: pictures are made smaller before they are sent, as LINE does.
const PICTURE_QUALITY = 0.85;

/** From LINE's list of sendable stickers: package, then its stickers. */
const STICKERS = [
  ["446", ["1988", "1989", "1990", "1991", "1992", "1993"]],
  ["789", ["10855", "10856", "10857", "10858", "10859", "10860"]],
];

/**
 * The chat's foot.
 *
 * `on` has {text, sticker, image, location, action}: what to do with a typed text, a chosen sticker
 * ({packageId, stickerId}), a picture (base64), the wish to send a location, and a tapped LINE
 * action.
 */
export class Composer {
  constructor({ texts, on }) {
    this.texts = texts;
    this.on = on;
    this.menu = null;
    this.isMenuOpen = false;
    this.isTyping = true;
    this.pills = element("div", {
      class: "pills",
      role: "group",
      "aria-label": texts.quickReplies,
      hidden: true,
    });
    this.stickers = this.drawStickers();
    this.typing = this.drawTyping();
    this.menuBar = element("div", { class: "menu-bar" });
    this.menuImage = element("div", { class: "rich-menu" });
    this.node = element(
      "div",
      { class: "foot" },
      this.pills,
      this.typing,
      this.stickers,
      this.menuImage,
      this.menuBar,
    );
    this.show();
  }

  /**
   * Show the account's rich menu, or none. A menu that replaces another stays as open as that was.
   */
  setMenu(menu) {
    if (this.menu === null || menu === null) {
      this.isTyping = menu === null;
      this.isMenuOpen = menu?.selected ?? false;
    }
    this.menu = menu;
    this.drawMenu();
    this.show();
  }

  /** Do what a postback's inputOption wants. */
  applyInputOption(option, fillInText) {
    if (option === "closeRichMenu") this.isMenuOpen = false;
    if (option === "openRichMenu" && this.menu !== null) {
      this.isTyping = false;
      this.isMenuOpen = true;
    }
    if (option === "openKeyboard") this.fill(fillInText ?? "");
    this.show();
  }

  /** Open the keyboard with a text in it. */
  fill(text) {
    this.isTyping = true;
    this.show();
    this.field.value = text;
    this.field.focus();
    this.adaptField();
  }

  /** Show the buttons above the foot; an empty list shows none. */
  setQuickReplies(items) {
    this.pills.hidden = items.length === 0;
    this.pills.replaceChildren(...items.map((item) => this.drawPill(item)));
    this.pills.scrollLeft = 0;
  }

  /** Let the person choose a picture: from the camera, where there is one, or from those kept. */
  choosePicture(fromCamera) {
    const input = element("input", {
      type: "file",
      accept: "image/*",
      capture: fromCamera ? "environment" : null,
      hidden: true,
    });
    input.addEventListener("change", () => this.sendPicture(input));
    // A test, and some browsers, only find an input that stands in the page.
    this.node.append(input);
    input.addEventListener("cancel", () => input.remove());
    input.click();
  }

  async sendPicture(input) {
    const [file] = input.files;
    input.remove();
    if (file) this.on.image(await smaller(file));
  }

  show() {
    const hasMenu = this.menu !== null;
    this.typing.hidden = hasMenu && !this.isTyping;
    this.toMenu.hidden = !hasMenu;
    this.menuBar.hidden = !hasMenu || this.isTyping;
    this.menuImage.hidden = this.menuBar.hidden || !this.isMenuOpen;
    if (this.typing.hidden) this.toggleStickers(false);
    this.barToggle?.setAttribute("aria-expanded", String(this.isMenuOpen));
    this.barToggle
      ?.querySelector(".bar-arrow")
      .replaceChildren(icon(this.isMenuOpen ? "down" : "up"));
  }

  // --- Typing ------------------------------------------------------------------------------------

  drawTyping() {
    const { texts } = this;
    const tool = (name, label, click) =>
      element(
        "button",
        { type: "button", class: "tool", "aria-label": label, title: label, on: { click } },
        icon(name),
      );
    this.toMenu = tool("more", texts.openMenu, () => this.leaveKeyboard());
    this.field = element("textarea", {
      class: "field",
      rows: "1",
      maxlength: TEXT_LIMIT,
      placeholder: texts.message,
      "aria-label": texts.writeMessage,
      enterkeyhint: "send",
    });
    this.field.addEventListener("input", () => this.adaptField());
    this.field.addEventListener("keydown", (event) => this.sendOnEnter(event));
    this.sendButton = element(
      "button",
      {
        type: "submit",
        class: "tool send",
        "aria-label": texts.send,
        title: texts.send,
        hidden: true,
      },
      icon("send"),
    );
    this.stickerButton = tool("smile", texts.sticker, () =>
      this.toggleStickers(this.stickers.hidden),
    );
    const submit = (event) => {
      event.preventDefault();
      this.sendText();
    };
    return element(
      "form",
      { class: "typing", on: { submit } },
      this.toMenu,
      tool("place", texts.location, () => this.on.location()),
      tool("camera", texts.camera, () => this.choosePicture(true)),
      tool("photo", texts.photo, () => this.choosePicture(false)),
      element("div", { class: "field-frame" }, this.field, this.stickerButton),
      this.sendButton,
    );
  }

  /**
   * Enter sends and Shift+Enter breaks the line, but an Enter that ends a Chinese composition does
   * neither.
   */
  sendOnEnter(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.sendText();
  }

  sendText() {
    const text = this.field.value.trim();
    if (text === "") return;
    this.field.value = "";
    this.adaptField();
    this.on.text(text);
  }

  adaptField() {
    this.sendButton.hidden = this.field.value.trim() === "";
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  leaveKeyboard() {
    this.isTyping = false;
    this.isMenuOpen = true;
    this.show();
    this.barToggle.focus();
  }

  drawStickers() {
    const buttons = STICKERS.flatMap(([packageId, ids]) =>
      ids.map((stickerId) => {
        const label = `${this.texts.sticker} ${stickerId}`;
        const choose = () => {
          this.toggleStickers(false);
          this.on.sticker({ packageId, stickerId });
        };
        return element(
          "button",
          { type: "button", class: "sticker", "aria-label": label, on: { click: choose } },
          face(`${packageId}/${stickerId}`),
        );
      }),
    );
    return element(
      "div",
      { class: "stickers", role: "group", "aria-label": this.texts.sticker, hidden: true },
      buttons,
    );
  }

  toggleStickers(isOpen) {
    this.stickers.hidden = !isOpen;
    this.stickerButton.setAttribute("aria-expanded", String(isOpen));
  }

  // --- Quick replies -----------------------------------------------------------------------------

  drawPill({ imageUrl, action }) {
    const address = imageUrl ? mediaUrl(imageUrl) : null;
    const names = {
      camera: "camera",
      cameraRoll: "photo",
      location: "place",
      datetimepicker: "calendar",
    };
    const sign = names[action?.type];
    const pill = element(
      "button",
      { type: "button", class: "pill-button", on: { click: () => this.on.action(action) } },
      address
        ? element("img", { class: "pill-icon", src: address, alt: "" })
        : sign
          ? icon(sign)
          : null,
      String(action?.label ?? ""),
    );
    return pill;
  }

  // --- Rich menu ---------------------------------------------------------------------------------

  drawMenu() {
    if (this.menu === null) {
      this.menuBar.replaceChildren();
      this.menuImage.replaceChildren();
      this.barToggle = null;
      return;
    }
    const { texts, menu } = this;
    const toKeyboard = () => {
      this.isTyping = true;
      this.show();
      this.field.focus();
    };
    const toggle = () => {
      this.isMenuOpen = !this.isMenuOpen;
      this.show();
    };
    this.barToggle = element(
      "button",
      { type: "button", class: "bar-toggle", on: { click: toggle } },
      element("span", { class: "bar-text" }, String(menu.chatBarText ?? texts.menu)),
      element("span", { class: "bar-arrow" }),
    );
    this.menuBar.replaceChildren(
      element(
        "button",
        {
          type: "button",
          class: "tool",
          "aria-label": texts.openKeyboard,
          on: { click: toKeyboard },
        },
        icon("keyboard"),
      ),
      this.barToggle,
    );
    this.menuImage.style.aspectRatio = `${menu.size.width} / ${menu.size.height}`;
    this.menuImage.dataset.menu = menu.richMenuId;
    this.menuImage.replaceChildren(
      element("img", {
        class: "rich-menu-picture",
        src: mediaUrl(menu.imageUrl),
        alt: String(menu.chatBarText ?? ""),
      }),
      ...menu.areas.map((each) => this.drawArea(each)),
    );
  }

  drawArea({ bounds, action }) {
    const label =
      action?.label ?? action?.text ?? action?.displayText ?? action?.uri ?? action?.data;
    const area = element("button", {
      type: "button",
      class: "rich-menu-area",
      "aria-label": label,
      on: { click: () => this.on.action(action) },
    });
    return lay(area, bounds, this.menu.size);
  }
}

/** Return a picture file as base64 JPEG, no side longer than LINE's own. */
async function smaller(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, PICTURE_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = element("canvas", {
    width: Math.round(bitmap.width * scale),
    height: Math.round(bitmap.height * scale),
  });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.toDataURL("image/jpeg", PICTURE_QUALITY).split(",")[1];
}
