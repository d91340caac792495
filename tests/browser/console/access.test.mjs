// Every page, in light and dark, wide and narrow: what axe finds, and whether it fits. With --screenshots, a picture of each.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { AxePuppeteer } from "@axe-core/puppeteer";
import { options } from "./options.mjs";
import { eachPage } from "./pages.mjs";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** What depends on colours and sizes alone. All other rules find the same in light and in dark. */
const LOOKS_ONLY = ["color-contrast", "target-size"];
const LOOKS = [
  { name: "light", scheme: "light", width: 1280, height: 800 },
  { name: "dark", scheme: "dark", width: 1280, height: 800, rules: LOOKS_ONLY },
  { name: "narrow", scheme: "light", width: 360, height: 740, rules: LOOKS_ONLY },
  { name: "narrow-dark", scheme: "dark", width: 360, height: 740 },
];

async function violations(page, rules) {
  const axe = new AxePuppeteer(page).setLegacyMode(true);
  const { violations, passes } = await (rules ? axe.withRules(rules) : axe.withTags(TAGS)).analyze();
  assert.ok(passes.length > 0, "axe looks at nothing");
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/** Elements that reach beyond the page's right edge, if it can be scrolled there. */
function beyond(page) {
  return page.evaluate(() => {
    if (document.documentElement.scrollWidth <= innerWidth) return [];
    const wide = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > innerWidth + 1);
    return wide.map((element) => element.outerHTML.slice(0, 120));
  });
}

async function look(page, { scheme, width, height }) {
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setViewport({ width, height });
  await page.bringToFront();
  await page.evaluate(() => new Promise(requestAnimationFrame));
}

test("axe finds nothing on any page, and none is wider than the window", async (t) => {
  const seen = [];
  await eachPage(t, async ({ page }, name) => {
    seen.push(name);
    for (const each of LOOKS) {
      await look(page, each);
      await t.test(`${name}, ${each.name}`, async () => {
        assert.deepEqual(await beyond(page), []);
        assert.deepEqual(await violations(page, each.rules), []);
      });
      if (options.screenshots) {
        mkdirSync(options.screenshots, { recursive: true });
        await page.screenshot({ path: path.join(options.screenshots, `${name}-${each.name}.png`) });
      }
    }
    await look(page, LOOKS[0]);
  });
  assert.equal(new Set(seen).size, 23);
});
