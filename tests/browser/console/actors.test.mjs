// The list of actors, an actor's page and the form.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, dialog, field, heading, link, until } from "./window.mjs";

const CAST = [
  actor("Ida Example", { age: 24 }), actor("Otto Other", { age: 61, gender: "male" }),
  actor("Ada Sample", { age: 29 }), actor("Mo Middle", { age: 40, gender: "non-binary" }),
];

test("the list follows what is typed, without a button", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors", { role: "assistant" });
  await becomes(async () => (await window.names()).length, 4);
  await window.fill("Name", "sam");
  await becomes(() => window.names(), ["Ada Sample"]);
  await window.fill("Name", "");
  await becomes(async () => (await window.names()).length, 4);
  await window.fill("Age from", "25");
  await window.fill("Age to", "45");
  await becomes(() => window.names(), ["Ada Sample", "Mo Middle"]);
  await window.fill("Gender", "female");
  await becomes(() => window.names(), ["Ada Sample"]);
  await window.announced("1 actor");
  assert.match(window.hash, /min_age=25/);
});

test("an older response does not replace a newer one", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors", { role: "assistant", tolerates: [/ERR_ABORTED/] });
  await becomes(async () => (await window.names()).length, 4);
  const held = await window.hold("GET");
  await window.fill("Name", "ida");
  const release = await held();
  await window.fill("Name", "otto");
  await becomes(() => window.names(), ["Otto Other"]);
  await release().catch(() => {}); // the page may have ended that request
  await window.announced("1 actor");
  assert.deepEqual(await window.names(), ["Otto Other"]);
});

test("a search that finds nothing says so", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors?name=nobodyhasthisname", { role: "assistant" });
  await window.see(field("Name"));
  await until("a text says that there are none", async () => /no actor/i.test(await window.text("main")));
  assert.equal((await window.text()).includes("demo"), false);
});

test("an age that the API rejects has its error at its field", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors", { role: "assistant", tolerates: [/status of 422/] });
  await window.fill("Age to", "999");
  await becomes(async () => (await window.see(field("Age to"))).evaluate((input) => input.ariaInvalid), "true");
  assert.equal((await window.describedBy("Age to")).includes("150"), true);
  await window.fill("Age to", "30");
  await becomes(() => window.names(), ["Ada Sample", "Ida Example"]);
});

test("the headers sort by name and age, both ways", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors", { role: "assistant" });
  await becomes(() => window.names(), ["Ada Sample", "Ida Example", "Mo Middle", "Otto Other"]);
  assert.deepEqual(await window.sorted(), ["Name ascending"]);
  await window.click(button("Name"));
  await becomes(() => window.names(), ["Otto Other", "Mo Middle", "Ida Example", "Ada Sample"]);
  await window.click(button("Age"));
  await becomes(() => window.names(), ["Ida Example", "Ada Sample", "Mo Middle", "Otto Other"]);
  assert.deepEqual(await window.sorted(), ["Age ascending"]);
  await window.click(button("Age"));
  await becomes(() => window.names(), ["Otto Other", "Mo Middle", "Ada Sample", "Ida Example"]);
  assert.deepEqual(await window.sorted(), ["Age descending"]);
});

test("an empty agency shows how to fill it, with this stack's ports", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/actors", { role: "director" });
  await window.says(`demo --port ${stack.apiPort}`);
  await window.says(String(stack.identityPort));
});

async function fillIn(window, { name, age, gender }) {
  await window.fill("Name", name);
  await window.fill("Age", String(age));
  await window.fill("Gender", gender);
}

test("a director adds an actor, who is listed at once", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors", { role: "director" });
  await becomes(async () => (await window.names()).length, 4);
  await window.click(link("Add actor"));
  await window.see(heading("Add actor"));
  await fillIn(window, { name: "Nora New", age: 33, gender: "female" });
  await window.click(button("Save"));
  await window.see(heading("Nora New"));
  await window.announced("Saved");
  assert.deepEqual((await stack.list("/actors")).at(-1), { id: 5, name: "Nora New", age: 33, gender: "female" });
  await window.click(link("Actors"));
  await becomes(async () => (await window.names()).includes("Nora New"), true);
});

test("a double click on Save adds one actor", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/actors/new", { role: "director" });
  await fillIn(window, actor("Nora New"));
  const posts = window.requests("POST");
  await window.click(button("Save"), { count: 2 });
  await window.see(heading("Nora New"));
  assert.equal(posts.length, 1);
  assert.equal((await stack.list("/actors")).length, 1);
});

test("a retry after a lost response adds one actor", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/actors/new", { role: "director", tolerates: [/ERR_CONNECTION_RESET/] });
  await fillIn(window, actor("Nora New"));
  const posts = window.requests("POST");
  await window.loseResponse("POST");
  await window.click(button("Save"));
  await window.see(button("Try now"));
  assert.equal((await stack.list("/actors")).length, 1);
  await window.click(button("Try now"));
  await window.see(heading("Nora New"));
  assert.equal(posts.length, 2);
  assert.equal((await stack.list("/actors")).length, 1);
});

test("saving again after stopping the retries still adds one actor", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/actors/new", { role: "director", tolerates: [/ERR_CONNECTION_RESET/] });
  await fillIn(window, actor("Nora New"));
  await window.loseResponse("POST");
  await window.click(button("Save"));
  await window.click(button("Stop trying"));
  assert.equal(await window.value("Name"), "Nora New");
  await window.click(button("Save"));
  await window.see(heading("Nora New"));
  assert.equal((await stack.list("/actors")).length, 1);
});

test("two actors with the same name can be added one after the other", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/actors", { role: "director" });
  for (const count of [1, 2]) {
    await window.goto("#/actors/new");
    await window.see(heading("Add actor"));
    await fillIn(window, actor("Nora New"));
    await window.click(button("Save"));
    await window.see(heading("Nora New"));
    assert.equal((await stack.list("/actors")).length, count);
  }
});

test("what the API rejects is explained at its field, and stays there", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/actors/new", { role: "director", tolerates: [/status of 422/] });
  await fillIn(window, { name: "Nora New", age: 151, gender: "female" });
  await window.click(button("Save"));
  await becomes(async () => (await window.see(field("Age"))).evaluate((input) => input.ariaInvalid), "true");
  assert.match(await window.describedBy("Age"), /0 to 150/);
  assert.deepEqual([await window.value("Name"), await window.value("Age")], ["Nora New", "151"]);
  assert.equal(await (await window.see(field("Name"))).evaluate((input) => input.ariaInvalid), null);
  await becomes(() => window.focused(), "Age");
  await window.fill("Age", "50");
  await window.click(button("Save"));
  await window.see(heading("Nora New"));
});

test("an edit changes the row, and Cancel does not", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors/1", { role: "director" });
  await window.click(link("Edit"));
  await window.see(heading("Edit Ida Example"));
  await window.fill("Name", "Ida Renamed");
  await window.click(button("Save"));
  await window.see(heading("Ida Renamed"));
  await window.announced("Saved");
  assert.equal((await stack.list("/actors"))[0].name, "Ida Renamed");
  await window.click(link("Edit"));
  await window.see(heading("Edit Ida Renamed"));
  const patches = window.requests("PATCH");
  await window.click(link("Cancel"));
  await window.see(heading("Ida Renamed"));
  assert.equal(patches.length, 0);
});

test("a changed row is new in the list that the reader comes back to", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors", { role: "director" });
  await window.click(link("Mo Middle"));
  await window.click(link("Edit"));
  await window.see(heading("Edit Mo Middle"));
  await window.fill("Name", "Mo Renamed");
  await window.click(button("Save"));
  await window.see(heading("Mo Renamed"));
  await window.click(link("Actors"));
  await becomes(() => window.names(), ["Ada Sample", "Ida Example", "Mo Renamed", "Otto Other"]);
});

test("a delete names the actor and the credits first, and can be refused", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  await stack.addMovies({ title: "An Example", cast: [{ actor_id: 1, character: "The Captain" }] });
  const window = await Window.open(t, stack, "#/actors/1", { role: "director" });
  await window.see(link("An Example"));
  await window.click(button("Delete"));
  await window.see(dialog("Delete Ida Example?"));
  await until("the dialog names the credits", async () => (await window.text("dialog")).includes("An Example"));
  await window.click(button("Keep"));
  await window.gone(dialog("Delete Ida Example?"));
  assert.equal(await window.focused(), "Delete");
  assert.equal((await stack.list("/actors")).length, 4);
  await window.click(button("Delete"));
  await window.see(dialog("Delete Ida Example?"));
  await window.press("Escape");
  await window.gone(dialog("Delete Ida Example?"));
  await window.click(button("Delete"));
  await window.see(dialog("Delete Ida Example?"));
  await window.click(button("Delete"));
  await becomes(() => window.names(), ["Ada Sample", "Mo Middle", "Otto Other"]);
  assert.equal((await stack.list("/actors")).length, 3);
  assert.deepEqual(await stack.cast(1), []);
});

test("an actor's page shows the credits, the newest first", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  await stack.addMovies(
    { title: "The Old One", release_date: "1999-12-31", cast: [{ actor_id: 1, character: "A Clerk", billing: 3 }] },
    { title: "The New One", release_date: "2031-01-02", cast: [{ actor_id: 1 }] },
  );
  const window = await Window.open(t, stack, "#/actors/1", { role: "assistant" });
  await window.see(heading("Credits"));
  await becomes(() => window.names(), ["The New One", "The Old One"]);
  const text = await window.text("main");
  assert.match(text, /2 Jan 2031/);
  assert.match(text, /31 Dec 1999/);
  assert.match(text, /A Clerk/);
});

test("an actor who does not exist is a clear error", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/actors/77", { role: "assistant", tolerates: [/status of 404/] });
  await window.says("does not exist");
  await window.goto("#/nothing/here");
  await until("the page says that there is no such page", async () => /no (such )?page|not found|does not exist/i.test(await window.text("main")));
});

test("leaving with unsaved changes asks first, by link and by the back button", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors", { role: "director" });
  await window.click(link("Ida Example"));
  await window.click(link("Edit"));
  await window.see(heading("Edit Ida Example"));
  await window.fill("Name", "Ida Unsaved");
  for (const leave of [() => window.click(link("Movies")), () => window.page.evaluate(() => history.back())]) {
    await leave();
    await window.see(dialog("Discard your changes?"));
    await window.click(button("Keep editing"));
    await window.gone(dialog("Discard your changes?"));
    assert.equal(window.hash, "#/actors/1/edit");
    assert.equal(await window.value("Name"), "Ida Unsaved");
  }
  await window.page.evaluate(() => history.back());
  await window.see(dialog("Discard your changes?"));
  await window.click(button("Discard"));
  await window.see(heading("Ida Example"));
  assert.equal(window.hash, "#/actors/1");
  assert.equal((await stack.list("/actors"))[0].name, "Ida Example");
});

test("closing or reloading the window with unsaved changes asks first, and otherwise does not", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(...CAST);
  const window = await Window.open(t, stack, "#/actors/1/edit", { role: "director" });
  const asked = [];
  window.page.on("dialog", async (question) => {
    asked.push(question.type());
    await question.accept();
  });
  await window.see(heading("Edit Ida Example"));
  await window.page.reload();
  await window.see(heading("Edit Ida Example"));
  assert.deepEqual(asked, []);
  await window.fill("Name", "Ida Unsaved");
  await window.page.reload();
  assert.deepEqual(asked, ["beforeunload"]);
  await becomes(() => window.value("Name"), "Ida Example");
});
