// A long list: scrolling to its end keeps the page small.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, heading, until } from "./window.mjs";

const COUNT = 10_000;
/** The most rows in the document: those of a window of 900 pixels, and some above and below. */
const MOST_ROWS = 80;
/** How much more memory the whole list may take than its first fifth. */
const MOST_GROWTH = 300_000;

const names = Array.from({ length: COUNT }, (_, index) => `Actor ${String(index).padStart(5, "0")}`);

/** The bytes that the page's objects take after a collection. */
async function heap(window) {
  const session = await window.page.createCDPSession();
  await session.send("HeapProfiler.collectGarbage");
  await session.detach();
  return (await window.page.metrics()).JSHeapUsedSize;
}

/** How many rows are loaded, as the page says. */
async function loaded(window) {
  return Number(/([\d,]+) actors/.exec(await window.text("main"))?.[1].replaceAll(",", ""));
}

/** Scrolls down until so many rows are loaded, and gives the most rows that the document had. */
async function scrollTo(window, count) {
  let most = 0;
  for (let before = 0; before < count; ) {
    const now = await until(`more than ${before} rows are loaded`, async () => {
      most = Math.max(most, await window.page.evaluate(() => {
        scrollTo(0, document.documentElement.scrollHeight);
        return document.querySelectorAll("tbody tr").length;
      }));
      const rows = await loaded(window);
      return rows > before && rows;
    });
    before = now;
  }
  return most;
}

test(`a list of ${COUNT} actors is scrolled to its end and back`, async (t) => {
  const stack = await Stack.start(t);
  await stack.addManyActors(names.map((name) => actor(name)));
  const window = await Window.open(t, stack, "#/actors?sort=name", { role: "assistant" });
  await becomes(async () => (await window.names())[0], names[0]);
  await scrollTo(window, COUNT / 5);
  const before = await heap(window);
  const most = await scrollTo(window, COUNT);
  await becomes(async () => {
    await window.page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    return (await window.names()).at(-1);
  }, names.at(-1));
  const after = await heap(window);
  t.diagnostic(`at most ${most} rows in the document; ${before} bytes after ${COUNT / 5} rows, ${after} after all`);
  assert.ok(most > 10 && most <= MOST_ROWS, `${most} rows in the document`);
  assert.ok(after - before < MOST_GROWTH, `${after - before} bytes more`);

  // Pages far away were dropped: they are fetched again.
  for (const index of [5_000, 0]) {
    await window.page.evaluate((share) => scrollTo(0, share * document.documentElement.scrollHeight), index / COUNT);
    await until("the rows of that place are shown", async () => {
      const shown = await window.names();
      return shown.length > 10 && Math.abs(Number(shown[0].slice(-5)) - index) < 100;
    });
  }
  const shown = await window.names();
  assert.deepEqual(shown, names.slice(0, shown.length));

  // From a row in the middle to its page and back, the list is where it was.
  await window.page.evaluate(() => scrollTo(0, 0.5 * document.documentElement.scrollHeight));
  await until("rows in the middle are shown", async () => (await window.names()).some((name) => name > "Actor 04900"));
  const scrolled = await window.page.evaluate(() => scrollY);
  const inView = await window.page.$$eval("tbody a", (links) => links.find((link) => link.getBoundingClientRect().top > 200).textContent);
  await window.click(`::-p-text(${inView})`);
  await window.see(heading(inView));
  await window.page.goBack();
  await becomes(async () => Math.round(await window.page.evaluate(() => scrollY)), Math.round(scrolled));
  await becomes(async () => (await window.names()).includes(inView), true);
});
