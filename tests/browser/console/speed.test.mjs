// How long the first view takes. These are figures, not limits: another program may use the machine. To measure: node console.mjs speed
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, button, until } from "./window.mjs";

const LOADS = 5;

const median = (numbers) => numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)];

test("the first view of the console", async (t) => {
  const stack = await Stack.start(t);
  await stack.addManyActors(Array.from({ length: 240 }, (_, index) => actor(`Actor ${index}`)));
  const window = await Window.open(t, stack);
  const times = { "sign-in page": [], "list of actors, signed in": [] };
  for (let load = 0; load < LOADS; load++) {
    await window.page.goto("about:blank");
    const started = performance.now();
    await window.page.goto(`${stack.console}/`);
    await window.page.waitForSelector("main button");
    times["sign-in page"].push(performance.now() - started);
  }
  await window.signIn("assistant");
  for (let load = 0; load < LOADS; load++) {
    await window.page.goto("about:blank");
    const started = performance.now();
    await window.page.goto(`${stack.console}/#/actors`).catch(() => {}); // it goes on to the issuer and back
    await window.page.waitForSelector("tbody a");
    times["list of actors, signed in"].push(performance.now() - started);
  }
  for (const [view, all] of Object.entries(times)) t.diagnostic(`${view}: ${Math.round(median(all))} ms, the median of ${all.length}`);
  assert.ok(Object.values(times).flat().every((time) => time > 0));
  await until("the page is still there", () => window.shows(button("Sign out")));
});
