/** Build DOM nodes. Text only ever becomes text: nothing here parses a string as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 *
 * `properties`: `class`, `on` ({event: listener}), `style` ({css-property: value}, set from script,
 * so a strict Content-Security-Policy allows it), `data` ({key: value}); anything else is an
 * attribute (true = present, null and false = absent). `children`: nodes, strings and lists of
 * them; null and false are left out.
 */
export function element(tag, properties = {}, ...children) {
  return furnish(document.createElement(tag), properties, children);
}

/** Make an element of the SVG namespace; arguments as for `element`. */
export function svgElement(tag, properties = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), properties, children);
}

/** Set CSS properties from script; a value that is null or undefined is left alone. */
export function setStyle(node, style) {
  for (const [property, value] of Object.entries(style)) {
    if (value !== null && value !== undefined) node.style.setProperty(property, value);
  }
}

/** Set or remove attributes: null, undefined and false remove, true is an empty attribute. */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

function furnish(node, properties, children) {
  const { class: classes, on = {}, style = {}, data = {}, ...attributes } = properties;
  if (classes) node.setAttribute("class", classes);
  setAttributes(node, attributes);
  setStyle(node, style);
  for (const [event, listener] of Object.entries(on)) node.addEventListener(event, listener);
  for (const [key, value] of Object.entries(data)) node.dataset[key] = value;
  node.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}
