/** The items of a sale: rows that are added, scanned and dropped, and a sum that fills the amount. */
const MONEY = new Intl.NumberFormat("en-US");

/** Call `onChange()` whenever the items have changed the sale. */
export function listenToItems(onChange) {
  document.addEventListener("click", ({ target }) => {
    if (target.closest("[data-add-item]")) addRow();
    const dropped = target.closest("[data-drop-item]")?.closest("[data-item]");
    if (!dropped) return;
    dropped.remove();
    sumUp();
    onChange();
  });
  document.addEventListener("input", ({ target, isComposing }) => {
    if (isComposing || !target.closest?.("#item-rows [data-item]")) return;
    if (target.inputMode === "numeric") target.value = target.value.normalize("NFKC");
    sumUp();
    onChange();
  });
  document.addEventListener("items-changed", () => {
    rows()[0]?.closest("details").setAttribute("open", "");
    joinTwins();
    sumUp();
    onChange();
  });
  document.addEventListener("keydown", stepOn);
}

function rows() {
  return [...document.querySelectorAll("#item-rows [data-item]")];
}

function cell(row, name) {
  return row.querySelector(`[name=line_${name}]`);
}

function addRow() {
  const list = document.getElementById("item-rows");
  list.append(document.getElementById("item-row").content.cloneNode(true));
  cell(list.lastElementChild, "name").focus();
}

/** Count the same thing scanned twice as two of it. */
function joinTwins() {
  const newest = rows().at(-1);
  const sku = newest && cell(newest, "sku").value;
  const twin = sku && rows().find((row) => row !== newest && cell(row, "sku").value === sku);
  if (!twin) return;
  cell(twin, "quantity").value = String(whole(cell(twin, "quantity")) + 1);
  newest.remove();
}

function whole(field) {
  return /^\d+$/.test(field.value.trim()) ? Number(field.value) : 0;
}

/** Show the sum, and put it into the amount: what is sold says what it costs. */
function sumUp() {
  const sum = rows().reduce((total, row) => total + whole(cell(row, "price")) * whole(cell(row, "quantity")), 0);
  document.querySelector("[data-items-sum]").textContent = sum ? `NT$${MONEY.format(sum)}` : "";
  document.getElementById("amount").value = sum ? String(sum) : "";
}

/** Enter goes on to the next field of a row, and after the last one to the amount. */
function stepOn(event) {
  if (event.key !== "Enter" || event.isComposing || !event.target.closest?.("#item-rows [data-item]")) return;
  event.preventDefault();
  const fields = [...document.querySelectorAll("#item-rows input:not([type=hidden])")];
  (fields[fields.indexOf(event.target) + 1] ?? document.getElementById("amount")).focus();
}
