// Uses the console in a headless Chromium as its users would. Each file in console/ that ends in .test.mjs is a subject.
//
//     node console.mjs [--local ../../target/debug/local] [--chromium /usr/bin/chromium] [--screenshots folder] [subject …]
//
// Each test starts a local stack in memory on free ports, and ends it. What the browser's console complains of fails the test: a
// violation of the content security policy is among it, and so is a request to elsewhere.
import { readdirSync } from "node:fs";
import path from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { launch } from "./console/browser.mjs";
import { options } from "./console/options.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { local: { type: "string" }, chromium: { type: "string" }, screenshots: { type: "string" } },
});

/** Those that take longest: they start first. */
const SLOW = ["many", "session", "access"];

/** For one subject, in milliseconds: longer than it takes on a loaded machine. */
const TIMEOUT = 600_000;

const folder = path.join(import.meta.dirname, "console");
const subjects = readdirSync(folder).filter((file) => file.endsWith(".test.mjs")).map((file) => file.replace(".test.mjs", ""));
const wanted = positionals.length ? positionals : [...SLOW, ...subjects.filter((subject) => !SLOW.includes(subject))];
const unknown = wanted.filter((subject) => !subjects.includes(subject));
if (unknown.length) {
  console.error(`error: ${unknown.join(", ")} is none of the subjects ${subjects.join(", ")}`);
  process.exit(2);
}

for (const name of Object.keys(values)) values[name] = path.resolve(values[name]);
const browser = await launch(values.chromium ?? options.chromium);
process.env.CONSOLE_TESTS = JSON.stringify({ ...values, endpoint: browser.wsEndpoint() });
run({ files: wanted.map((subject) => path.join(folder, `${subject}.test.mjs`)), concurrency: 4, timeout: TIMEOUT })
  .on("test:fail", () => (process.exitCode = 1))
  .on("end", () => browser.close())
  .compose(new spec())
  .pipe(process.stdout);
