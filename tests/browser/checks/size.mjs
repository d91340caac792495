// The console stays small: few lines of our own, and few bytes to load.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { all, folder, isOwn, isServed, text } from "./files.mjs";

const MOST_LINES = 1_500;
const MOST_BYTES = 60_000;

/** Lines of code: neither empty nor only a comment. */
const isCode = (line) => !/^\s*($|\/\/|\/\*|\*|<!--)/.test(line);

test(`at most ${MOST_LINES} lines of code are our own`, (t) => {
  const own = all().filter((file) => isOwn(file) && /\.(js|css|html)$/.test(file));
  const lines = own.reduce((sum, file) => sum + text(file).split("\n").filter(isCode).length, 0);
  t.diagnostic(`${lines} lines`);
  assert.ok(lines > 0 && lines <= MOST_LINES, `${lines} lines`);
});

test(`at most ${MOST_BYTES} bytes are loaded with gzip -9`, (t) => {
  const compressed = (file) => gzipSync(readFileSync(path.join(folder, file)), { level: 9 }).length;
  const bytes = all().filter(isServed).reduce((sum, file) => sum + compressed(file), 0);
  t.diagnostic(`${bytes} bytes`);
  assert.ok(bytes <= MOST_BYTES, `${bytes} bytes`);
});
