// The options of ../console.mjs, which passes them on to each test file.
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../../..");

export const options = {
  local: path.join(root, "target/debug/local"),
  chromium: "/usr/bin/chromium",
  screenshots: undefined,
  ...JSON.parse(process.env.CONSOLE_TESTS ?? "{}"),
};
