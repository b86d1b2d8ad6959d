/**
 * A rule as the builder edits it: groups and conditions, each of which may be denied, instead of
 * JSON's nodes of `not`. Reading and writing it again gives the same rule.
 *
 * A group is `{word, not, nodes}`, a condition `{field, is, value, options, not}`.
 */
const PARTS = ["field", "is", "value"];

export const emptyLeaf = () => ({ field: "", is: "", value: null, options: {}, not: false });
export const emptyGroup = () => ({ word: "all", not: false, nodes: [emptyLeaf()] });
export const isGroup = (node) => Array.isArray(node.nodes);

/** Return the tree of a rule's JSON; its root is a group, `isBare` where JSON had none around. */
export function readRule(text) {
  const root = readNode(JSON.parse(text).where);
  return isGroup(root) ? root : { word: "all", not: false, nodes: [root], isBare: true };
}

function readNode(words) {
  if ("not" in words) {
    const inner = readNode(words.not);
    return { ...inner, not: !inner.not };
  }
  const word = ["all", "any"].find((each) => each in words);
  if (word) return { word, not: false, nodes: words[word].map(readNode) };
  const options = Object.fromEntries(Object.entries(words).filter(([name]) => !PARTS.includes(name)));
  return { field: words.field, is: words.is, value: words.value, options, not: false };
}

/** Return the JSON of a tree; each node is told its path, by which a refusal names it. */
export function writeRule(root) {
  const isOne = root.isBare && !root.not && root.nodes.filter(isAsked).length === 1;
  const where = isOne ? writeNode(root.nodes.find(isAsked), "where") : writeNode(root, "where");
  return JSON.stringify({ schema: 1, where });
}

/** A condition whose field nobody has chosen yet is not part of the rule. */
const isAsked = (node) => isGroup(node) || node.field !== "";

function writeNode(node, path) {
  const here = node.not ? `${path}.not` : path;
  node.path = here;
  const words = isGroup(node)
    ? { [node.word]: node.nodes.filter(isAsked).map((each, place) => writeNode(each, `${here}.${node.word}[${place}]`)) }
    : { field: node.field, is: node.is, value: node.value, ...node.options };
  return node.not ? { not: words } : words;
}
