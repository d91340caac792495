// What is still under way when the user leaves a page, types on, or finds that somebody else was there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, dialog, heading, link, until } from "./window.mjs";

/** A form for a new actor, filled in. */
async function openNew(t, stack, role = "producer") {
  const tolerates = [/ERR_CONNECTION_RESET/, /ERR_FAILED/, /status of 4(04|12|22)/];
  const window = await Window.open(t, stack, "#/actors/new", { role, tolerates });
  await window.fill("Name", "Nora New");
  await window.fill("Age", "30");
  await window.fill("Gender", "female");
  return window;
}

/** Has the stack add the actor of the form, while the console does not hear of it and stops trying. */
async function loseAdded(window) {
  await window.loseResponse("POST");
  await window.click(button("Save"));
  await window.click(button("Stop trying"));
  await window.see(button("Save"));
}

test("a form that was left does not take over the page after it", async (t) => {
  const stack = await Stack.start(t);
  const window = await openNew(t, stack);
  await window.refuse("POST", 1);
  await window.click(button("Save"));
  await window.says("The server is busy");
  await window.click(link("Movies"));
  await window.click(button("Discard"));
  await window.click(link("Add movie"));
  await window.fill("Title", "Typed");
  await window.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1500)));
  assert.equal(window.hash, "#/movies/new");
  assert.equal(await window.value("Title"), "Typed");
  assert.deepEqual(await stack.list("/actors"), []);
});

test("Keep ends a deletion that waits for the API", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const window = await Window.open(t, stack, "#/actors/1", { role: "director", tolerates: [/status of 503/] });
  await window.click(button("Delete"));
  await window.see(dialog("Delete Ida Example?"));
  await window.see(".danger");
  await window.refuse("DELETE", 1);
  await window.click("dialog .danger");
  await window.see(button("Try now"));
  await window.click(button("Keep"));
  await window.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1500)));
  assert.equal((await stack.list("/actors")).length, 1);
  assert.equal(window.hash, "#/actors/1");
});

test("what is typed while a form is saved stays, and is saved next", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const window = await Window.open(t, stack, "#/actors/1/edit", { role: "director" });
  await window.fill("Name", "Ida Saved");
  const held = await window.hold("PATCH");
  await window.click(button("Save"));
  const release = await held();
  await window.fill("Age", "77");
  await release();
  await window.announced("Saved Ida Saved");
  assert.equal(window.hash, "#/actors/1/edit");
  assert.equal(await window.value("Age"), "77");
  await window.click(button("Save"));
  await window.see(heading("Ida Saved"));
  const [row] = await stack.list("/actors");
  assert.deepEqual([row.name, row.age], ["Ida Saved", 77]);
});

test("an actor who was added unseen, changed by a colleague and sent again with other values is a choice", async (t) => {
  const stack = await Stack.start(t);
  const window = await openNew(t, stack);
  await loseAdded(window);
  await until("the actor is there", async () => (await stack.list("/actors")).length === 1);
  await stack.send("PATCH", "/actors/1", { age: 77 });
  await window.fill("Name", "Nora Changed");
  await window.click(button("Save"));
  await window.see(dialog("Changed by someone else"));
  await window.click(button("Save this choice"));
  await window.see(heading("Nora Changed"));
  const rows = await stack.list("/actors");
  assert.deepEqual(rows.map(({ name, age }) => [name, age]), [["Nora Changed", 77]]);
});

test("an actor who was added unseen and deleted by a colleague is added by the next attempt", async (t) => {
  const stack = await Stack.start(t);
  const window = await openNew(t, stack);
  await loseAdded(window);
  await until("the actor is there", async () => (await stack.list("/actors")).length === 1);
  await stack.send("DELETE", "/actors/1");
  await window.fill("Name", "Nora Changed");
  await window.click(button("Save"));
  await window.says("somebody has deleted it");
  await window.click(button("Save"));
  await window.see(heading("Nora Changed"));
  assert.deepEqual((await stack.list("/actors")).map(({ name }) => name), ["Nora Changed"]);
});

test("a name that the API trims is no conflict with oneself", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const tolerates = [/ERR_CONNECTION_RESET/, /status of 412/];
  const window = await Window.open(t, stack, "#/actors/1/edit", { role: "director", tolerates });
  await window.fill("Name", "Ida Spaced ");
  await window.loseResponse("PATCH");
  await window.click(button("Save"));
  await window.click(button("Try now"));
  await window.see(heading("Ida Spaced"));
});

test("a billing that is entered moves those after it", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"), actor("Otto Other"), actor("Ada Sample"));
  await stack.addMovies({ title: "The Example", cast: [1, 2, 3].map((id) => ({ actor_id: id, billing: id })) });
  const window = await Window.open(t, stack, "#/movies/1/cast", { role: "director" });
  await window.fill("Billing of Ada Sample", "1");
  await window.press("Tab");
  await becomes(() => window.page.$$eval(".cast .billing", (inputs) => inputs.map(({ value }) => value)), ["1", "2", "3"]);
  assert.deepEqual(await window.texts(".cast .name"), ["Ada Sample", "Ida Example", "Otto Other"]);
});

test("actors are listed with their latest credit, if the reader asks for it", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"), actor("Otto Other"));
  await stack.addMovies({ title: "Early", release_date: "1999-01-01", cast: [{ actor_id: 1 }] });
  await stack.addMovies({ title: "Late", release_date: "2005-01-01", cast: [{ actor_id: 1 }] });
  const window = await Window.open(t, stack, "#/actors", { role: "assistant", width: 360, height: 740 });
  await window.click(".extra input");
  await becomes(async () => (await window.rows()).map((row) => [row[0], row[3]]), [["Ida Example", "Late, 2005"], ["Otto Other", ""]]);
  assert.equal(window.hash, "#/actors?include=credits");
  assert.ok(await window.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than the window");
});

test("whatever is clicked while the console asks, the form and its address stay together", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/movies", { role: "producer" });
  for (const [hash, title] of [["#/actors", "Actors"], ["#/movies", "Movies"], ["#/actors/new", "Add actor"]]) {
    await window.goto(hash);
    await window.see(heading(title));
  }
  await window.fill("Name", "Nora New");
  for (let round = 0; round < 3; round++) {
    await window.click(link("Actors"));
    await window.see(dialog("Discard your changes?"));
    await window.page.evaluate(() => history.back());
    await window.page.evaluate(() => history.back());
    await window.see(dialog("Discard your changes?"));
    await window.click(button("Keep editing"));
    await becomes(() => window.hash, "#/actors/new");
    assert.equal(await window.value("Name"), "Nora New");
  }
  await window.click(link("Cancel"));
  await window.click(button("Discard"));
  await becomes(() => window.hash, "#/actors");
  await window.see(heading("Actors"));
});
