// The API is down or busy, and comes back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, heading, link, until } from "./window.mjs";

const tolerates = [/ERR_CONNECTION_REFUSED/];

async function openForm(t, stack) {
  await stack.addActors(actor("Ida Example"));
  const window = await Window.open(t, stack, "#/actors/1/edit", { role: "director", tolerates });
  await window.fill("Name", "Ida Typed");
  return window;
}

async function name(stack) {
  return (await stack.list("/actors"))[0].name;
}

test("an edit while the API is down is saved when it is back, with nothing typed again", async (t) => {
  const stack = await Stack.start(t, { kept: true });
  const window = await openForm(t, stack);
  await stack.stop();
  await window.click(button("Save"));
  await window.says("The server cannot be reached");
  await window.says("Trying again in");
  assert.equal(await window.value("Name"), "Ida Typed");
  await stack.run();
  await window.see(heading("Ida Typed")); // by itself
  assert.equal(await name(stack), "Ida Typed");
  assert.equal(await window.shows(button("Try now")), false);
});

test("an actor who is added while the API is down is added once", async (t) => {
  const stack = await Stack.start(t, { kept: true });
  const window = await Window.open(t, stack, "#/actors/new", { role: "director", tolerates });
  for (const [field, text] of [["Name", "Nora New"], ["Age", "33"], ["Gender", "female"]]) await window.fill(field, text);
  await stack.stop();
  await window.click(button("Save"));
  await window.see(button("Try now"));
  await window.click(button("Try now"));
  await window.see(button("Try now"));
  await stack.run();
  await window.see(heading("Nora New"));
  assert.equal((await stack.list("/actors")).length, 1);
});

test("a list whose API is down says so, and goes on when the reader asks", async (t) => {
  const stack = await Stack.start(t, { kept: true });
  await stack.addActors(actor("Ida Example"));
  await stack.addMovies({ title: "The Example" });
  const window = await Window.open(t, stack, "#/actors", { role: "assistant", tolerates });
  await window.see(link("Ida Example"));
  await stack.stop();
  await window.click(link("Movies"));
  await window.see("[role=alert]");
  await window.says("The server cannot be reached");
  await window.click(button("Stop trying"));
  await window.gone(button("Stop trying"));
  await stack.run();
  await window.click(button("Try again"));
  await window.see(link("The Example"));
});

test("a busy API is asked again after the time that it names, visibly", async (t) => {
  const stack = await Stack.start(t);
  const window = await openForm(t, stack);
  const patches = window.requests("PATCH");
  await window.refuse("PATCH", 2);
  await window.click(button("Save"));
  await window.says("The server is busy");
  await window.says("Trying again in 2 s");
  const started = Date.now();
  await window.see(heading("Ida Typed"));
  assert.ok(Date.now() - started > 1000, "it did not wait");
  assert.equal(patches.length, 2);
  assert.equal(await name(stack), "Ida Typed");
});

test("nobody has to wait for a busy API: Try now tries at once", async (t) => {
  const stack = await Stack.start(t);
  const window = await openForm(t, stack);
  await window.refuse("PATCH", 600);
  await window.click(button("Save"));
  await window.says("Trying again in 600 s");
  await window.click(button("Try now"));
  await window.see(heading("Ida Typed"));
});

test("a lost response of an edit is no conflict with oneself", async (t) => {
  const stack = await Stack.start(t);
  const window = await openForm(t, stack);
  window.tolerates.push(/ERR_CONNECTION_RESET/, /status of 412/);
  await window.loseResponse("PATCH");
  await window.click(button("Save"));
  await window.click(button("Try now"));
  await window.see(heading("Ida Typed"));
  assert.equal(await name(stack), "Ida Typed");
});

test("a lost response of a delete is no error", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const window = await Window.open(t, stack, "#/actors/1", { role: "director", tolerates: [/ERR_CONNECTION_RESET/, /status of 404/] });
  await window.click(button("Delete"));
  await window.loseResponse("DELETE");
  await window.click(button("Delete"));
  await until("the delete is tried again", async () => (await window.shows(heading("Actors"))) || (await window.shows(button("Try now"))));
  await window.see(heading("Actors"));
  assert.deepEqual(await stack.list("/actors"), []);
});

test("a step of a cast whose response is lost is not a conflict, and no credit is there twice", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  await stack.addMovies({ title: "The Example" });
  const window = await Window.open(t, stack, "#/movies/1/cast", { role: "director", tolerates: [/ERR_CONNECTION_RESET/, /status of 412/] });
  await window.click(button("Cast Ida Example"));
  await window.loseResponse("PATCH");
  await window.click(button("Save cast"));
  await window.click(button("Try now"));
  await window.announced("Saved the cast");
  await becomes(async () => (await stack.cast(1)).map((member) => member.name), ["Ida Example"]);
});
