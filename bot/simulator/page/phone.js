/**
 * The simulator's phone: LINE on one person's screen.
 *
 * `/` lists the people, `/?user=U…` opens one's chat (`&text=…` stands ready in the typing area),
 * `/?new=1` makes a new person, not yet a friend, and opens the chat.
 */
import { createPerson } from "./api.js";
import { openChat } from "./chat.js";
import { element } from "./element.js";
import { chatAddress, openPeople } from "./people.js";
import { textsFor } from "./texts.js";

async function start(desk) {
  const screen = element("main", { class: "screen" });
  desk.replaceChildren(element("div", { class: "phone" }, screen));
  const parameters = new URLSearchParams(location.search);
  const draft = parameters.get("text");
  let user = parameters.get("user");
  try {
    if (user === null && parameters.has("new")) {
      user = (await createPerson()).id;
      // A reload must not make another person.
      history.replaceState(null, "", chatAddress(user, draft));
    }
    await (user === null ? openPeople(screen) : openChat({ screen, desk, user, draft }));
  } catch (error) {
    console.error("cannot open the page", error);
    const words = textsFor(navigator.language);
    screen.replaceChildren(
      element(
        "div",
        { class: "failure" },
        element("p", {}, words.loadFailed),
        element("p", {}, error.message),
        element("a", { href: "/" }, words.backToList),
      ),
    );
  }
}

start(document.getElementById("desk"));
