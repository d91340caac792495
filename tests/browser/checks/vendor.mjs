// The files in console/vendor are the packages' own, at the versions in package-lock.json.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { all, browser, isOwn, text } from "./files.mjs";

const LICENCES = { preact: "LICENSE", htm: "LICENSE", oauth4webapi: "LICENSE.md" };

const locked = JSON.parse(readFileSync(path.join(browser, "package-lock.json"), "utf8")).packages;
const rows = text("vendor/README.md").matchAll(/^\| `(.+?)` \| `(.+?)` (\S+) \| `(.+?)` \| (.+?) \|$/gm);
const published = [...rows].map(([, file, name, version, source, licence]) => ({ file, name, version, source, licence }));

function ofPackage(name, file) {
  return readFileSync(path.join(browser, "node_modules", name, file));
}

function ofConsole(file) {
  return Buffer.from(text(`vendor/${file}`));
}

test("vendor/README.md names every file in vendor", () => {
  const named = published.flatMap(({ file }) => [file, file.replace(/\.js$/, ".LICENSE")]);
  const there = all().filter((file) => !isOwn(file)).map((file) => path.basename(file));
  assert.deepEqual(there, [...named, "README.md"].sort());
});

for (const { file, name, version, source, licence } of published) {
  test(`vendor/${file} is ${source} of ${name}`, () => {
    assert.ok(ofConsole(file).equals(ofPackage(name, source)), "the bytes differ");
  });

  test(`the licence of vendor/${file} is that of ${name}`, () => {
    assert.ok(ofConsole(file.replace(/\.js$/, ".LICENSE")).equals(ofPackage(name, LICENCES[name])), "the bytes differ");
    assert.equal(licence, locked[`node_modules/${name}`].license);
  });

  test(`package-lock.json has version ${version} of ${name}`, () => {
    assert.equal(version, locked[`node_modules/${name}`].version);
  });
}
