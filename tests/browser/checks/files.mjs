// The console's files, for the checks beside this file.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";

/** The folder with package.json. */
export const browser = path.resolve(import.meta.dirname, "..");
export const repository = path.resolve(browser, "../..");
export const folder = path.join(repository, "console");

/** The text of one of the console's files. */
export function text(file) {
  return readFileSync(path.join(folder, file), "utf8");
}

/** The names of all the console's files, relative to its folder. */
export function all() {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Whether a browser has any use for the file. */
export function isServed(file) {
  return !file.endsWith(".LICENSE") && !file.endsWith(".md");
}

/** Whether the file is our own: not copied from a package. */
export function isOwn(file) {
  return !file.startsWith("vendor/");
}
