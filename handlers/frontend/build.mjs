/**
 * Build every front end of the project with esbuild: `npm run build`.
 *
 * 1. The simulator's phone page: bot/simulator/page/ -> bot/simulator/assets/, plain names. 2. The
 * service's pages: handlers/frontend/NAME.entry.{js,css} -> handlers/static/NAME-HASH.{js,css},
 *    the QR decoder's wasm and the icons beside them, and manifest.json, which tells a template what NAME.js
 *    is called today. A name that carries its content's hash may be cached for ever; each file has
 *    a compressed twin, NAME.gz, which the web server prefers.
 *
 * Both output folders are ignored by git and hold nothing but what this script wrote.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const PAGE = join(ROOT, "bot", "simulator", "page");
const ASSETS = join(ROOT, "bot", "simulator", "assets");
const ENTRIES = join(ROOT, "handlers", "frontend");
const STATIC = join(ROOT, "handlers", "static");
const ICONS = join(ROOT, "node_modules", "bootstrap-icons", "icons");
const ICON_NAMES = join(ENTRIES, "icons.txt");
const WASM = join(ROOT, "node_modules", "zxing-wasm", "dist", "reader", "zxing_reader.wasm");

const WORKER = "sw.entry.js";
const COUNTER = ["clerk.css", "clerk.js", "door.js", "offline.js"];
const CAMERA = ["camera.js", basename(WASM)];

const HASH_LENGTH = 10; // Hexadecimal digits: 40 bits tell one build's files from another's.
const ENTRY = /^(?<name>[\w-]+)\.entry\.(?<kind>js|css)$/;

/** What all bundles share. Shops keep their tablets long, so the target is some years old. */
const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome90", "edge90", "firefox90", "safari14.1"],
  charset: "utf8",
  legalComments: "eof",
  logLevel: "warning",
  // Small pictures and fonts that a style sheet names travel inside it: one request, no second
  // path.
  loader: { ".svg": "dataurl", ".png": "dataurl", ".woff2": "dataurl" },
};

/**
 * Bundle the phone page under fixed names: its server sends it uncached. index.html is served as it
 * is.
 */
async function buildSimulator() {
  await build({
    ...COMMON,
    entryPoints: [join(PAGE, "phone.js"), join(PAGE, "phone.css")],
    outdir: ASSETS,
    entryNames: "[name]",
  });
}

/** Bundle one entry; return [the name templates use, the hashed name, the bytes]. */
async function bundleEntry(file, define = {}) {
  const { name, kind } = ENTRY.exec(file).groups;
  const result = await build({
    ...COMMON,
    entryPoints: [join(ENTRIES, file)],
    outdir: STATIC,
    write: false,
    define,
  });
  const output = result.outputFiles.find(({ path }) => extname(path) === `.${kind}`);
  return hashed(`${name}.${kind}`, output.contents);
}

/** Return what the service worker keeps at once, and what it keeps when it is first used. */
function workerLists(made) {
  const urls = (names) => made.filter(([name]) => names.includes(name)).map(([, file]) => `/static/${file}`);
  return {
    PRECACHED: JSON.stringify(urls(COUNTER)),
    KEPT_LATER: JSON.stringify(urls(CAMERA)),
  };
}

/** Name `contents` after itself: clerk.js -> clerk-0123456789.js. */
function hashed(name, contents) {
  const digest = createHash("sha256").update(contents).digest("hex").slice(0, HASH_LENGTH);
  const kind = extname(name);
  return [name, `${basename(name, kind)}-${digest}${kind}`, contents];
}

/** Make one file of the icons that icons.txt names; a page draws one by its name. */
async function buildIcons() {
  const names = (await readFile(ICON_NAMES, "utf8")).split("\n").map((line) => line.trim()).filter(Boolean);
  const symbols = await Promise.all([...new Set(names)].sort().map(async (name) => {
    const drawn = await readFile(join(ICONS, `${name}.svg`), "utf8");
    const [, box, marks] = /viewBox="([^"]+)"[^>]*>([\s\S]*)<\/svg>/.exec(drawn);
    return `<symbol id="${name}" viewBox="${box}" fill="currentColor">${marks.trim()}</symbol>`;
  }));
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
  return hashed("icons.svg", Buffer.from(sprite));
}

/**
 * Bundle the service's pages.
 *
 * A server may be reading meanwhile: the new files come first, then the manifest that names them in
 * one rename, and only then do the old files go.
 */
async function buildPages() {
  const files = (await readdir(ENTRIES)).filter((file) => ENTRY.test(file) && file !== WORKER).sort();
  const made = await Promise.all(files.map((file) => bundleEntry(file)));
  made.push(hashed(basename(WASM), await readFile(WASM)), await buildIcons());
  made.push(await bundleEntry(WORKER, workerLists(made)));

  await mkdir(STATIC, { recursive: true });
  await Promise.all(made.flatMap(([, target, contents]) => [
    writeFile(join(STATIC, target), contents),
    writeFile(join(STATIC, `${target}.gz`), gzipSync(contents, { level: 9 })),
  ]));
  const manifest = Object.fromEntries(made.map(([name, target]) => [name, target]));
  const draft = join(STATIC, `manifest-${process.pid}.tmp`);
  await writeFile(draft, `${JSON.stringify(manifest, null, 2)}\n`);
  await rename(draft, join(STATIC, "manifest.json"));

  const names = Object.values(manifest);
  const kept = new Set(["manifest.json", ...names, ...names.map((name) => `${name}.gz`)]);
  const stale = (await readdir(STATIC)).filter((file) => !kept.has(file));
  await Promise.all(stale.map((file) => rm(join(STATIC, file), { recursive: true, force: true })));
  return manifest;
}

const [, manifest] = await Promise.all([buildSimulator(), buildPages()]);
console.log(`${relative(ROOT, ASSETS)}: phone.js, phone.css`);
console.log(`${relative(ROOT, STATIC)}: ${Object.values(manifest).join(", ")}`);
