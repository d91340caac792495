// The console's modules fit the types of the API, which are generated from docs/openapi.yaml here, and of the packages.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { browser, repository } from "./files.mjs";

function run(program, ...args) {
  const { status, stdout, stderr } = spawnSync(path.join(browser, "node_modules/.bin", program), args, { cwd: browser, encoding: "utf8" });
  assert.equal(status, 0, `${stdout}${stderr}`);
}

test("the modules have no type errors", () => {
  run("openapi-typescript", path.join(repository, "docs/openapi.yaml"), "--output", "generated/openapi.d.ts");
  run("tsc", "--project", "tsconfig.json");
});
