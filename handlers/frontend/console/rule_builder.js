/**
 * The rule builder: groups and conditions as controls, over the textarea that holds the rule's JSON.
 *
 * The textarea is what is sent, kept as a draft and sized; whoever changes one sees the other follow.
 * After a change of shape all of it is drawn anew, and the focus goes where it was meant to be.
 */
import { make } from "./making.js";
import { emptyGroup, emptyLeaf, isGroup, readRule, writeRule } from "./rule_tree.js";
import { firstValue, valueControl } from "./rule_values.js";

const catalogues = new Map();

/** Build the builders of the page, and of whatever is swapped into it. */
export function listenToRules() {
  document.querySelectorAll("[data-rule]").forEach(build);
  document.body.addEventListener("htmx:load", ({ detail }) => detail.elt.querySelectorAll("[data-rule]").forEach(build));
}

async function build(room) {
  if ("isBuilt" in room.dataset) return;
  room.dataset.isBuilt = "";
  const catalogue = await catalogueAt(room.dataset.rule);
  if (catalogue) new Builder(room, catalogue).begin();
}

/** What may be asked is fetched once a page, however often a builder is opened. */
function catalogueAt(url) {
  if (!catalogues.has(url)) catalogues.set(url, fetch(url).then((answer) => (answer.ok ? answer.json() : null)));
  return catalogues.get(url);
}

class Builder {
  constructor(room, catalogue) {
    this.words = catalogue.words;
    this.levels = catalogue.levels;
    this.operators = catalogue.operators;
    this.fields = new Map(catalogue.fields.map((field) => [field.field, field]));
    this.topics = [...new Map(catalogue.fields.map((field) => [field.topic, field.topic_name]))];
    this.place = room.querySelector("[data-rule-builder]");
    this.area = room.querySelector("textarea");
    this.unreadable = room.querySelector("[data-rule-unreadable]");
    this.size = document.querySelector(room.dataset.ruleSize);
    this.wrongPath = room.dataset.wrongPath;
    this.isWriting = false;
  }

  begin() {
    this.area.addEventListener("input", () => this.isWriting || this.read());
    this.size?.addEventListener("htmx:afterSwap", () => {
      this.mark(this.size.querySelector("[data-wrong-path]")?.dataset.wrongPath);
    });
    this.read();
    if (this.wrongPath) this.mark(this.wrongPath);
  }

  /** Take over what stands in the textarea; what cannot be read leaves the controls as they are. */
  read() {
    try {
      this.root = readRule(this.area.value);
      if (!this.root.nodes.length) this.root.nodes.push(emptyLeaf());
      this.unreadable.textContent = "";
    } catch {
      this.unreadable.textContent = this.words.unreadable;
      this.root ??= emptyGroup();
    }
    writeRule(this.root); // So that each node knows its path.
    this.draw();
  }

  /** Write the rule into the textarea; whoever listens to it sizes it and keeps the draft. */
  write() {
    this.isWriting = true;
    this.area.value = writeRule(this.root);
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
    this.isWriting = false;
  }

  /** Change the shape of the rule, and draw it anew. */
  change(act, focus) {
    act();
    this.write();
    this.draw();
    if (focus) this.shown.get(focus)?.querySelector("select, input, button")?.focus();
  }

  draw() {
    this.shown = new Map();
    this.place.replaceChildren(this.group(this.root, 1, null));
  }

  /** Show which condition a refusal means. */
  mark(path) {
    for (const [node, element] of this.shown) {
      const isMeant = Boolean(path) && !isGroup(node) && (path === node.path || path.startsWith(`${node.path}.`));
      element.classList.toggle("is-wrong", isMeant);
    }
  }

  group(node, level, parent) {
    const words = make("select", { class: "form-select form-select-sm w-auto", "aria-label": this.words.joined });
    for (const word of ["all", "any"]) words.append(make("option", { value: word, selected: node.word === word }, this.words[word]));
    words.addEventListener("change", () => this.change(() => { node.word = words.value; }, node));
    const list = make("ol", { class: "rule-nodes" });
    for (const each of node.nodes) {
      list.append(make("li", {}, isGroup(each) ? this.group(each, level + 1, node) : this.leaf(each, node)));
    }
    const made = make(
      "div",
      { class: "rule-group", role: "group", "aria-label": this.words.group },
      make("div", { class: "rule-head" }, words, this.denial(node), parent ? this.order(node, parent) : ""),
      list,
      this.adding(node, level),
    );
    this.shown.set(node, made);
    return made;
  }

  adding(node, level) {
    const button = (label, begin) => {
      const made = make("button", { class: "btn btn-sm", type: "button" }, `＋ ${label}`);
      made.addEventListener("click", () => {
        const fresh = begin();
        this.change(() => node.nodes.push(fresh), fresh);
      });
      return made;
    };
    const row = make("div", { class: "btn-list" }, button(this.words.add_condition, emptyLeaf));
    if (level < this.levels) row.append(button(this.words.add_group, emptyGroup));
    return row;
  }

  denial(node) {
    const box = make("input", { class: "form-check-input", type: "checkbox", checked: node.not });
    box.addEventListener("change", () => this.change(() => { node.not = box.checked; }, node));
    return make("label", { class: "form-check form-check-inline mb-0 rule-denial" }, box, make("span", { class: "form-check-label" }, this.words.not));
  }

  /** Buttons that move a node within its group, or take it out. */
  order(node, parent) {
    const place = parent.nodes.indexOf(node);
    const swap = (other) => () => {
      [parent.nodes[place], parent.nodes[other]] = [parent.nodes[other], parent.nodes[place]];
    };
    const button = (sign, label, isOff, act, focus) => {
      const made = make("button", { class: "btn btn-sm btn-icon btn-ghost-secondary", type: "button", "aria-label": label, title: label, disabled: isOff }, sign);
      made.addEventListener("click", () => this.change(act, focus));
      return made;
    };
    const drop = () => parent.nodes.splice(place, 1);
    return make(
      "span",
      { class: "rule-order" },
      button("↑", this.words.up, place === 0, swap(place - 1), node),
      button("↓", this.words.down, place === parent.nodes.length - 1, swap(place + 1), node),
      button("✕", this.words.remove, false, drop, parent),
    );
  }

  leaf(node, parent) {
    const field = this.fields.get(node.field);
    const row = make("div", { class: "rule-row" }, this.fieldList(node));
    if (field) row.append(...this.question(node, field));
    const made = make("div", { class: "rule-leaf", role: "group", "aria-label": field?.name ?? this.words.condition }, row);
    if (field) made.append(this.narrowing(node, field));
    made.append(make("div", { class: "rule-head" }, this.denial(node), this.order(node, parent)));
    if (field?.reads === "history") made.append(make("div", { class: "form-hint" }, this.words.slow));
    this.shown.set(node, made);
    return made;
  }

  fieldList(node) {
    const list = make("select", { class: "form-select rule-field", "aria-label": this.words.field });
    list.append(make("option", { value: "" }, this.words.choose));
    for (const [topic, name] of this.topics) {
      const group = make("optgroup", { label: name });
      for (const field of this.fields.values()) {
        if (field.topic === topic) group.append(make("option", { value: field.field, selected: field.field === node.field }, field.name));
      }
      list.append(group);
    }
    list.addEventListener("change", () => this.change(() => this.ask(node, list.value), node));
    return list;
  }

  /** Begin a condition about another field: its first operator, and what it cannot do without. */
  ask(node, name) {
    const field = this.fields.get(name);
    node.field = name;
    node.is = field?.operators[0] ?? "";
    node.value = field ? firstValue(field, this.operators[node.is].takes) : null;
    const needed = field?.options.filter(({ required }) => required) ?? [];
    node.options = Object.fromEntries(needed.map((option) => [option.name, firstValue(option, "one")]));
  }

  question(node, field) {
    const list = make("select", { class: "form-select w-auto", "aria-label": this.words.operator });
    for (const name of field.operators) list.append(make("option", { value: name, selected: name === node.is }, this.operators[name].label));
    list.addEventListener("change", () => this.change(() => this.compare(node, field, list.value), node));
    const { takes } = this.operators[node.is] ?? { takes: "one" };
    const control = valueControl(field, takes, node.value, this.words.value, this.words, (value) => {
      node.value = value;
      this.write();
    });
    const unit = field.unit ? make("span", { class: "text-secondary" }, field.unit.replace("…", "").trim()) : "";
    return [list, make("div", { class: "rule-value" }, control), unit];
  }

  /** Compare in another way; the value stays where it is of the same shape. */
  compare(node, field, name) {
    const before = this.operators[node.is]?.takes;
    const { takes } = this.operators[name];
    node.is = name;
    if (takes === before) return;
    const kept = Array.isArray(node.value) ? node.value[0] : node.value;
    node.value = firstValue(field, takes);
    if (kept === undefined || kept === null) return;
    node.value = { one: kept, many: [kept], pair: [kept, null] }[takes];
  }

  /** The options that narrow a condition, and a list of those it does not have yet. */
  narrowing(node, field) {
    const rows = make("div", { class: "rule-options" });
    for (const option of field.options) if (option.name in node.options) rows.append(this.option(node, option));
    const others = field.options.filter(({ name }) => !(name in node.options));
    if (!others.length) return rows;
    const list = make("select", { class: "form-select form-select-sm w-auto", "aria-label": this.words.narrow });
    list.append(make("option", { value: "" }, this.words.narrow));
    for (const option of others) list.append(make("option", { value: option.name }, option.label));
    list.addEventListener("change", () => {
      const option = others.find(({ name }) => name === list.value);
      if (option) this.change(() => { node.options[option.name] = firstValue(option, takesOf(option)); }, node);
    });
    rows.append(list);
    return rows;
  }

  option(node, option) {
    const value = node.options[option.name];
    const shape = option.many && !Array.isArray(value) ? [value] : value;
    const control = valueControl(option, takesOf(option), shape, option.label, this.words, (told) => {
      node.options[option.name] = told;
      this.write();
    });
    const row = make("div", { class: "rule-option" }, make("span", { class: "small" }, option.label), control);
    if (option.required) return row;
    const label = `${this.words.remove} ${option.label}`;
    const drop = make("button", { class: "btn btn-sm btn-icon btn-ghost-secondary", type: "button", "aria-label": label }, "✕");
    drop.addEventListener("click", () => this.change(() => { delete node.options[option.name]; }, node));
    row.append(drop);
    return row;
  }
}

const takesOf = (option) => (option.many ? "many" : "one");
