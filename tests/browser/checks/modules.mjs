// index.html runs nothing inline, and everything in the folder is used.
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { parse } from "parse5";
import ts from "typescript";
import { all, isServed, text } from "./files.mjs";

/** Files that modules fetch, and no other file names. */
const FETCHED = ["config.json"];

const files = all().filter(isServed);
const elements = [...descendants(parse(text("index.html")))].filter((node) => node.tagName);

function* descendants(node) {
  yield node;
  for (const child of node.childNodes ?? []) yield* descendants(child);
}

function attribute(element, name) {
  return element.attrs.find((attribute) => attribute.name === name)?.value;
}

/** The files that index.html names, as it writes them, by whether that only loads a module early. */
function linked({ early }) {
  const those = elements.filter((element) => (attribute(element, "rel") === "modulepreload") === early);
  return those.flatMap((element) => [attribute(element, "src"), attribute(element, "href")]).filter((link) => link !== undefined);
}

/** What a file imports or includes, as it writes it. */
function specifiers(file) {
  if (file === "index.html") return linked({ early: false });
  if (file.endsWith(".js")) return ts.preProcessFile(text(file), true, true).importedFiles.map((imported) => imported.fileName);
  if (file.endsWith(".css")) return [...text(file).matchAll(/url\(["']?([^"')]+)/g)].map(([, url]) => url);
  return [];
}

/** What a file imports or includes, relative to the folder. */
function uses(file) {
  const relative = specifiers(file).filter((specifier) => !specifier.startsWith("data:"));
  return relative.map((specifier) => path.posix.join(path.posix.dirname(file), specifier));
}

/** The files that the browser can come to from one file. */
function reachable(from, seen = new Set()) {
  if (seen.has(from) || !files.includes(from)) return seen;
  seen.add(from);
  for (const used of uses(from)) reachable(used, seen);
  return seen;
}

test("index.html has no inline script, style or event handler", () => {
  const inline = elements.flatMap((element) => {
    const inside = element.childNodes.some((child) => child.value?.trim());
    const found = element.attrs.filter(({ name, value }) => /^(on|style$)/.test(name) || /^\s*javascript:/i.test(value));
    const isInline = element.tagName === "style" || (element.tagName === "script" && (inside || !attribute(element, "src")));
    return [...found.map(({ name }) => `${name} of ${element.tagName}`), ...(isInline ? [element.tagName] : [])];
  });
  assert.deepEqual(inline, []);
});

test("every import and every link is to a file of the console", () => {
  const missing = files.flatMap((file) => uses(file).filter((used) => !files.includes(used)).map((used) => `${used} in ${file}`));
  assert.deepEqual(missing, []);
  const bare = files.filter((file) => file.endsWith(".js")).flatMap(specifiers).filter((specifier) => !/^\.\.?\//.test(specifier));
  assert.deepEqual(bare, []);
});

test("index.html loads every other module early, so that none waits for the one that imports it", () => {
  const modules = files.filter((file) => file.endsWith(".js") && !linked({ early: false }).includes(file));
  assert.deepEqual(linked({ early: true }).sort(), modules);
});

test("every file is reachable from index.html", () => {
  const unreached = files.filter((file) => !reachable("index.html").has(file) && !FETCHED.includes(file));
  assert.deepEqual(unreached, []);
});
