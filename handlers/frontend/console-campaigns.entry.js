/** The form of a campaign: its rule, variants that come and go, and what a choice shows. */
import { listenToChoices } from "./console/choices.js";
import { listenToRules } from "./console/rule_builder.js";

const CODES = "ABCDEFGH";
const WHOLE = 100;

function start(form) {
  form.addEventListener("click", ({ target }) => {
    const adder = target.closest("[data-add-variant]");
    if (adder) addVariant(form, adder);
    const remover = target.closest("[data-remove-variant]");
    if (remover) removeVariant(form, remover.closest("[data-variant]"));
  });
  showTest(form);
}

function variantsOf(form) {
  return [...form.querySelectorAll("[data-variant]")];
}

function codeOf(variant) {
  return variant.querySelector("[name=variant_code]").value;
}

/** A test, and variants for groups of their own, need two variants at the least. */
function showTest(form) {
  const variants = variantsOf(form);
  form.querySelector(".campaign-test").hidden = variants.length < 2;
  form.querySelector("[data-add-variant]").disabled = variants.length >= CODES.length;
  for (const variant of variants) variant.classList.toggle("is-alone", variants.length < 2);
}

async function addVariant(form, adder) {
  const used = variantsOf(form).map(codeOf);
  const place = [...CODES].findIndex((code) => !used.includes(code));
  if (place < 0) return;
  const variants = form.querySelector("#variants");
  await window.htmx.ajax("GET", `${adder.dataset.url}?place=${place}`, { target: variants, swap: "beforeend" });
  const added = variantsOf(form).at(-1);
  copyContent(variantsOf(form)[0], added);
  shareEvenly(form);
  added.querySelector("[name=variant_share]").focus();
}

/** A new variant begins with what the first one says: one changes what is to be compared. */
function copyContent(first, added) {
  const [from, to] = [first, added].map((each) => each.querySelector("[name=variant_content]"));
  to.value = from.value;
  to.dispatchEvent(new Event("change", { bubbles: true }));
}

function removeVariant(form, variant) {
  variant.remove();
  shareEvenly(form);
  form.querySelector("[data-add-variant]").focus();
}

function shareEvenly(form) {
  const variants = variantsOf(form);
  const share = Math.floor(WHOLE / variants.length);
  variants.forEach((variant, place) => {
    const rest = place === 0 ? WHOLE - share * variants.length : 0;
    variant.querySelector("[name=variant_share]").value = share + rest;
  });
  showTest(form);
  form.dispatchEvent(new Event("change"));
}

const form = document.querySelector("[data-campaign-form]");
if (form) start(form);
listenToChoices();
listenToRules();
