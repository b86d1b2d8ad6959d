/** The list of people: whose phone shall be opened? */
import { createPerson, listPeople } from "./api.js";
import { element } from "./element.js";
import { icon } from "./icons.js";
import { openSheet } from "./sheets.js";
import { LANGUAGES, textsFor } from "./texts.js";
import { avatar } from "./timeline.js";

const PEOPLE_SHOWN = 50;
const SEARCH_PAUSE_MS = 200;

/** Show the people in `screen`; choosing one leads to their chat. */
export async function openPeople(screen) {
  const texts = textsFor(navigator.language);
  const list = element("ul", { class: "people" });
  const search = element("input", {
    type: "search",
    class: "people-search",
    placeholder: texts.search,
    "aria-label": texts.search,
  });
  const show = async () => {
    const { people } = await listPeople(search.value.trim(), PEOPLE_SHOWN);
    list.replaceChildren(...people.map((person) => drawPerson(person, texts)));
    if (people.length === 0) list.append(element("li", { class: "people-none" }, texts.noPeople));
  };
  let pause = null;
  search.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(show, SEARCH_PAUSE_MS);
  });
  screen.classList.add("is-people");
  screen.replaceChildren(
    element(
      "header",
      { class: "header people-header" },
      element("h1", { class: "header-name" }, texts.friends),
      element(
        "button",
        {
          type: "button",
          class: "round-button",
          "aria-label": texts.createPerson,
          title: texts.createPerson,
          on: { click: () => addPerson(screen, texts) },
        },
        icon("friend"),
      ),
    ),
    element("p", { class: "people-hint" }, texts.choosePerson),
    search,
    list,
  );
  await show();
}

/** Return the address of a person's chat. */
export function chatAddress(id, draft = null) {
  return `/?${new URLSearchParams({ user: id, ...(draft ? { text: draft } : {}) })}`;
}

function drawPerson({ id, name, language, friend }, texts) {
  return element(
    "li",
    {},
    element(
      "a",
      { class: "people-link", href: chatAddress(id), data: { person: id } },
      avatar(name, null, "avatar avatar-person"),
      element("span", { class: "people-name" }, name),
      element(
        "span",
        { class: "people-state" },
        [LANGUAGES[language] ?? language, friend ? texts.friend : texts.friendNo].join("・"),
      ),
    ),
  );
}

async function addPerson(screen, texts) {
  const wanted = await openSheet(screen, texts.createPerson, (close) => {
    const name = element("input", {
      class: "sheet-input",
      maxlength: 20,
      placeholder: texts.randomName,
      "aria-label": texts.name,
      data: { first: "" },
    });
    const language = element(
      "select",
      { class: "sheet-input", "aria-label": texts.language },
      Object.entries(LANGUAGES).map(([code, label]) => element("option", { value: code }, label)),
    );
    const submit = (event) => {
      event.preventDefault();
      close({ name: name.value.trim(), language: language.value });
    };
    return element(
      "form",
      { on: { submit } },
      element(
        "div",
        { class: "sheet-head" },
        element(
          "button",
          { type: "button", class: "sheet-text-button", on: { click: () => close(null) } },
          texts.cancel,
        ),
        element("div", { class: "sheet-title" }, texts.createPerson),
        element("button", { type: "submit", class: "sheet-text-button sheet-done" }, texts.ok),
      ),
      element("div", { class: "sheet-fields" }, name, language),
    );
  });
  if (wanted === null) return;
  const person = await createPerson(wanted);
  location.assign(chatAddress(person.id));
}
