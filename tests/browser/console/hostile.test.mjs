// Names that try to be more than text.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, dialog, link, until } from "./window.mjs";

const NAMES = [
  "<img src=x onerror=alert(1)>", "\"><script>alert(1)</script>", "javascript:alert(1)", "&lt;b&gt; ${1+1} {{1+1}}",
  "\u202egnp.elpmaxE", "\u2067Example\u202d", "عائشة المثال", "x".repeat(200), "👩‍👩‍👧‍👦 Ex\u0301ample", "__proto__",
];

/** Whether what follows a name on the page is to the right of it, or below. */
function staysInPlace(window, css) {
  return window.page.$eval(css, (element) => {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const boxes = [];
    while (walker.nextNode()) {
      if (!walker.currentNode.data.trim()) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      boxes.push(...[...range.getClientRects()].filter(({ width }) => width > 0));
    }
    const isBelow = (box, other) => box.top > other.top + other.height / 2; // lines may overlap
    const follows = (box, index) => index === 0 || box.left >= boxes[index - 1].right - 1 || isBelow(box, boxes[index - 1]);
    return boxes.length > 1 && boxes.every(follows);
  });
}

/** Anything on the page that a text may have made: our own page has none of these. */
function made(window) {
  return window.page.$$eval("img, script:not([src='main.js']), iframe, main b, [onerror], a[href^='javascript']", (found) =>
    found.map((element) => element.outerHTML));
}

/** Whether the page fits into a window of this width. */
async function fits(window, width) {
  await window.page.setViewport({ width, height: 900 });
  return window.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
}

test("a name is only text, wherever it is shown", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...NAMES.map((name) => actor(name, { gender: name.slice(0, 80) })));
  await stack.addMovies(...NAMES.map((name, index) => ({ title: name, cast: [{ actor_id: index + 1, character: name }] })));
  const window = await Window.open(t, stack, "#/actors", { role: "producer", width: 900 });
  window.page.on("dialog", (question) => {
    window.complaints.push(`a dialog of the browser: ${question.type()}`);
    question.dismiss();
  });
  for (const [index, name] of NAMES.entries()) {
    await t.test(JSON.stringify(name.slice(0, 30)), () => lookAt(window, index + 1, name));
  }
});

/** Goes to each page that shows the name of an actor and a movie with this id. */
async function lookAt(window, id, name) {
  const look = async (hash, css) => {
    await window.goto(hash);
    await until(`${css} shows the name`, async () => (await window.texts(css).catch(() => [])).includes(name));
    assert.deepEqual(await made(window), []);
    for (const width of [360, 900]) assert.equal(await fits(window, width), true, `${hash} is wider than ${width} px`);
    assert.doesNotMatch(await window.page.title(), /[\u202a-\u202e\u2066-\u2069]/);
  };
  await look("#/actors", "tbody a");
  await look(`#/actors/${id}`, "h1");
  await look(`#/actors/${id}`, "main table td a");
  await window.click(button("Delete"));
  await window.see(dialog(`Delete ${name}?`));
  await window.see(button("Delete"));
  assert.equal(await staysInPlace(window, "dialog h2"), true, "the question is reordered");
  assert.deepEqual(await made(window), []);
  await window.press("Escape");
  await look("#/movies", "tbody a");
  await look(`#/movies/${id}`, "h1");
  await window.click(link("Edit"));
  await becomes(() => window.value("Title"), name);
  await look(`#/movies/${id}/cast`, "ol.cast a");
  assert.equal(await window.page.$eval("h1", (title) => title.textContent.trim()), `Cast of ${name}`);
  assert.equal(await staysInPlace(window, "h1"), true, "the heading is reordered");
  await becomes(() => window.page.$eval("ol.cast input.character", (input) => input.value), name);
  await until("the search shows the name", async () => (await window.texts("ul.results bdi")).includes(name));
  const place = (await window.texts("ul.results li")).findIndex((text) => text.startsWith(name)) + 1;
  assert.equal(await staysInPlace(window, `ul.results li:nth-child(${place})`), true, "a result is reordered");
}

test("a search for a hostile text finds it, and the address can be opened again", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...NAMES.map((name) => actor(name)));
  const window = await Window.open(t, stack, "#/actors", { role: "assistant", tolerates: [/status of 422/] });
  await window.fill("Name", "<img src=x");
  await becomes(() => window.names(), ["<img src=x onerror=alert(1)>"]);
  await window.page.reload();
  await becomes(() => window.names(), ["<img src=x onerror=alert(1)>"]);
  assert.equal(await window.value("Name"), "<img src=x");
  await window.goto("#/actors?name=%E0%A4%A&sort=__proto__&constructor=1");
  await until("the page is still there", () => window.shows(link("Actors")));
});

test("an address from elsewhere cannot put a text of its own into the page", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "?error=access_denied&error_description=Call+555&state=forged#/actors");
  await window.see(button("Sign in"));
  assert.equal((await window.text()).includes("Call 555"), false);
});
