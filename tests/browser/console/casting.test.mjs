// The casting board.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, dialog, field, heading, link, until } from "./window.mjs";

const NAMES = ["Ida Example", "Otto Other", "Ada Sample", "Mo Middle", "Zoe Last"];

/** A stack with five actors and a movie with the first three of them, and a director's window with its board. */
async function board(t, { tolerates } = {}) {
  const stack = await Stack.start(t);
  await stack.addActors(...NAMES.map((name) => actor(name)));
  const ids = Object.fromEntries((await stack.list("/actors")).map(({ id, name }) => [name, id]));
  const cast = NAMES.slice(0, 3).map((name, index) => ({ actor_id: ids[name], billing: index + 1 }));
  await stack.addMovies({ title: "The Example", cast });
  const window = await Window.open(t, stack, "#/movies/1/cast", { role: "director", tolerates });
  await window.see(heading("Cast of The Example"));
  await becomes(() => order(window), NAMES.slice(0, 3));
  return { stack, window, ids };
}

/** The names on the board from top to bottom. */
function order(window) {
  return window.texts("ol.cast > li a");
}

/** The stored cast as names, in billing order. */
async function stored(stack, id = 1) {
  return (await stack.cast(id)).map(({ name }) => name);
}

/** Searches for an actor by name, and waits until nobody else is found. */
async function find(window, name) {
  await window.fill("Name", name);
  await becomes(() => window.texts("ul.results span > bdi"), NAMES.filter((each) => each.toLowerCase().startsWith(name)));
}

async function saveCast(window) {
  await window.click(button("Save cast"));
  await window.announced("Saved the cast");
  await window.gone(button("Save cast"));
}

test("a director finds actors, casts two and saves once", async (t) => {
  const { stack, window } = await board(t);
  const patches = window.requests("PATCH");
  await find(window, "mo");
  await window.click(button("Cast Mo Middle"));
  await window.announced("Mo Middle");
  await find(window, "zoe");
  await window.click(button("Cast Zoe Last"));
  await becomes(() => order(window), NAMES);
  await window.gone(button("Cast Zoe Last"));
  await window.says("In the cast");
  await window.fill("Character of Zoe Last", "The Captain");
  assert.equal(patches.length, 0);
  await saveCast(window);
  assert.equal(patches.length, 1);
  assert.ok(patches[0].headers()["if-match"]);
  const last = (await stack.cast(1)).at(-1);
  assert.deepEqual([last.name, last.character, last.billing], ["Zoe Last", "The Captain", 5]);
});

test("the search beside the cast has all filters, and marks who is cast", async (t) => {
  const { stack, window } = await board(t);
  await stack.addActors(actor("Ole Old", { age: 88, gender: "male" }));
  await window.fill("Gender", "male");
  await window.fill("Age from", "80");
  await window.fill("Age to", "90");
  await window.see(button("Cast Ole Old"));
  await becomes(() => window.texts("ul.results li"), ["Ole Old 88, maleCast"]);
  await window.fill("Gender", "female");
  await window.fill("Age from", "");
  await window.fill("Age to", "");
  await becomes(async () => (await window.texts("ul.results li")).filter((text) => text.includes("In the cast")).length, 3);
  await window.see(button("Cast Mo Middle"));
});

async function drag(window, name, other) {
  const middle = async (handle) => {
    const { x, y, width, height } = await (await window.see(button(`Move ${handle}`))).boundingBox();
    return [x + width / 2, y + height / 2];
  };
  const [from, to] = [await middle(name), await middle(other)];
  const beyond = to[1] + (to[1] > from[1] ? 5 : -5);
  await window.page.mouse.move(...from);
  await window.page.mouse.down();
  await window.page.mouse.move(to[0], beyond, { steps: 8 });
  await window.page.mouse.up();
}

test("a row is dragged down and up with the mouse", async (t) => {
  const { stack, window } = await board(t);
  await drag(window, "Ida Example", "Ada Sample");
  await becomes(() => order(window), ["Otto Other", "Ada Sample", "Ida Example"]);
  await drag(window, "Ada Sample", "Otto Other");
  await becomes(() => order(window), ["Ada Sample", "Otto Other", "Ida Example"]);
  await saveCast(window);
  assert.deepEqual(await stored(stack), ["Ada Sample", "Otto Other", "Ida Example"]);
  await window.page.reload();
  await becomes(() => order(window), ["Ada Sample", "Otto Other", "Ida Example"]);
});

test("a drag that Escape or the system ends changes nothing", async (t) => {
  const { window } = await board(t);
  const handle = await window.see(button("Move Ida Example"));
  const { x, y } = await handle.boundingBox();
  await window.page.mouse.move(x + 5, y + 5);
  await window.page.mouse.down();
  await window.page.mouse.move(x + 5, y + 200, { steps: 5 });
  await handle.evaluate((element) => element.dispatchEvent(new PointerEvent("pointercancel", { pointerId: 1 })));
  await window.page.mouse.up();
  await becomes(() => order(window), NAMES.slice(0, 3));
  assert.equal(await window.shows(button("Save cast")), false);
});

test("a row is moved by keyboard, keeps the focus and is announced", async (t) => {
  const { stack, window } = await board(t);
  await (await window.see(button("Move Ida Example"))).focus();
  await window.press("ArrowDown");
  await window.announced("Ida Example is now 2 of 3");
  await becomes(() => window.focused(), "Move Ida Example");
  await window.press("ArrowDown");
  await window.announced("Ida Example is now 3 of 3");
  await window.press("ArrowDown"); // it is the last one
  await window.press("Home");
  await window.announced("Ida Example is now 1 of 3");
  await becomes(() => window.focused(), "Move Ida Example");
  await window.press("ArrowDown", "ArrowUp");
  await becomes(() => window.focused(), "Move Ida Example");
  await window.press("End");
  await becomes(() => order(window), ["Otto Other", "Ada Sample", "Ida Example"]);
  await becomes(() => window.focused(), "Move Ida Example");
  await saveCast(window);
  assert.deepEqual(await stored(stack), ["Otto Other", "Ada Sample", "Ida Example"]);
});

test("character and billing are edited in place, and an actor is removed", async (t) => {
  const { stack, window } = await board(t);
  await window.fill("Character of Otto Other", "The Captain");
  await window.fill("Billing of Ada Sample", "1");
  await window.fill("Billing of Ida Example", "30");
  await window.press("Enter");
  await becomes(() => order(window), ["Ada Sample", "Otto Other", "Ida Example"]);
  await window.click(button("Remove Ida Example"));
  await saveCast(window);
  assert.deepEqual((await stack.cast(1)).map(({ name, character, billing }) => [name, character, billing]), [
    ["Ada Sample", null, 1], ["Otto Other", "The Captain", 3],
  ]);
});

test("Discard changes brings back the stored cast", async (t) => {
  const { stack, window } = await board(t);
  await window.click(button("Remove Ida Example"));
  await becomes(() => order(window), ["Otto Other", "Ada Sample"]);
  await window.click(button("Discard changes"));
  await window.click(button("Discard"));
  await becomes(() => order(window), NAMES.slice(0, 3));
  await window.gone(button("Save cast"));
  assert.deepEqual(await stored(stack), NAMES.slice(0, 3));
});

test("what the API rejects is explained at its row, and the rest stays unsaved", async (t) => {
  const { stack, window } = await board(t, { tolerates: [/status of 422/] });
  await window.fill("Character of Otto Other", "x".repeat(201));
  await window.fill("Character of Ada Sample", "The Captain");
  await window.click(button("Save cast"));
  await becomes(async () => (await window.see(field("Character of Otto Other"))).evaluate((input) => input.ariaInvalid), "true");
  assert.match(await window.text("ol.cast > li:nth-child(2)"), /200/);
  assert.match(await window.describedBy("Character of Otto Other"), /200/);
  assert.equal(await window.shows(".problem"), false);
  assert.equal(await window.value("Character of Ada Sample"), "The Captain");
  await window.fill("Character of Otto Other", "x");
  await saveCast(window);
  assert.deepEqual((await stack.cast(1)).map(({ character }) => character), [null, "x", "The Captain"]);
});

test("an actor whom a colleague has deleted is named, and the rest can be saved without", async (t) => {
  const { stack, window, ids } = await board(t, { tolerates: [/status of 4(12|22)/] });
  await find(window, "zoe");
  await window.click(button("Cast Zoe Last"));
  await stack.send("DELETE", `/actors/${ids["Zoe Last"]}`);
  await window.click(button("Save cast"));
  await until("the row says what is wrong", async () => (await window.text("ol.cast > li:nth-child(4)")).includes("no actor 5"));
  await window.click(button("Remove Zoe Last"));
  await window.fill("Character of Ida Example", "The Captain");
  await saveCast(window);
  assert.equal((await stack.cast(1))[0].character, "The Captain");
});

/** A movie with a cast of 80, which the API takes in three steps, and its board. */
async function crowd(t) {
  const stack = await Stack.start(t);
  const rows = Array.from({ length: 80 }, (_, index) => actor(`Extra ${String(index).padStart(2, "0")}`));
  await stack.addActors(...rows);
  const cast = rows.map((_, index) => ({ actor_id: index + 1, billing: index + 1 }));
  await stack.addMovies({ title: "A Crowd", cast: cast.slice(0, 33) });
  for (const length of [66, 80]) await stack.send("PATCH", "/movies/1", { cast: cast.slice(0, length) });
  const window = await Window.open(t, stack, "#/movies/1/cast", { role: "director" });
  await becomes(() => order(window), rows.map(({ name }) => name));
  await (await window.see(button("Move Extra 79"))).focus();
  await window.press("Home");
  await becomes(async () => (await order(window))[0], "Extra 79");
  return { stack, window, names: await order(window) };
}

test("a change of 80 credits is saved in three steps, with progress", async (t) => {
  const { stack, window, names } = await crowd(t);
  const patches = window.requests("PATCH");
  const held = await window.hold("PATCH");
  await window.click(button("Save cast"));
  const release = await held();
  await window.see("progress");
  assert.equal(await window.page.$eval("progress", (progress) => progress.max), 3);
  assert.equal(await window.shows(button("Save cast")), false);
  await release();
  await window.announced("Saved the cast");
  assert.equal(patches.length, 3);
  assert.deepEqual(await stored(stack), names);
  await window.gone("progress");
});

test("Stop ends a save in the middle, keeps the rest on the board, and Save goes on", async (t) => {
  const { stack, window, names } = await crowd(t);
  const patches = window.requests("PATCH");
  const held = await window.hold("PATCH");
  await window.click(button("Save cast"));
  const release = await held();
  await window.click(button("Stop"));
  await release();
  await window.announced("Stopped");
  assert.equal(patches.length, 1);
  assert.deepEqual(await order(window), names);
  const half = await stack.cast(1);
  assert.equal(half.length, 80);
  assert.deepEqual([half[0], half.at(-1)].map(({ name, billing }) => [name, billing]), [["Extra 79", 1], ["Extra 78", 79]]);
  await saveCast(window);
  assert.equal(patches.length, 3);
  assert.deepEqual(await stored(stack), names);
});

test("leaving a board with unsaved changes asks first", async (t) => {
  const { stack, window } = await board(t);
  await window.click(button("Remove Ida Example"));
  await window.click(link("Movies"));
  await window.see(dialog("Discard your changes?"));
  await window.click(button("Keep editing"));
  await window.gone(dialog("Discard your changes?"));
  await becomes(() => order(window), ["Otto Other", "Ada Sample"]);
  await window.click(link("Movies"));
  await window.click(button("Discard"));
  await becomes(() => window.names(), ["The Example"]);
  assert.deepEqual(await stored(stack), NAMES.slice(0, 3));
});
