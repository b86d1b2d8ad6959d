/** Pages where messages are written or shown: the editor of content, and phones that show it. */
import { mountEditors } from "./console/content/editor.js";
import { showPhones } from "./console/content/phone.js";

const mount = (part) => {
  mountEditors(part);
  showPhones(part);
};

mount(document.body);
document.body.addEventListener("htmx:load", ({ detail }) => mount(detail.elt));
