// The address bar: reload, back, forward, and links that are shared.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, heading, link } from "./window.mjs";

async function agency(t) {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example", { age: 24 }), actor("Otto Other", { age: 61 }), actor("Ada Sample", { age: 29 }));
  await stack.addMovies({ title: "The Example", cast: [{ actor_id: 1 }] });
  return stack;
}

test("a reload keeps filters and order", async (t) => {
  const stack = await agency(t);
  const window = await Window.open(t, stack, "#/actors", { role: "assistant" });
  await window.fill("Age to", "30");
  await becomes(() => window.names(), ["Ada Sample", "Ida Example"]);
  await window.click(button("Age"));
  await becomes(() => window.names(), ["Ida Example", "Ada Sample"]);
  const { hash } = window;
  await window.page.reload();
  await becomes(() => window.names(), ["Ida Example", "Ada Sample"]);
  assert.equal(window.hash, hash);
  assert.equal(await window.value("Age to"), "30");
  assert.deepEqual(await window.sorted(), ["Age ascending"]);
});

test("back and forward go through the pages, with the list as it was", async (t) => {
  const stack = await agency(t);
  const window = await Window.open(t, stack, "#/actors", { role: "assistant" });
  await window.fill("Name", "ex");
  await becomes(() => window.names(), ["Ida Example"]);
  await window.click(link("Ida Example"));
  await window.click(link("The Example"));
  await window.see(heading("The Example"));
  await window.page.goBack();
  await window.see(heading("Ida Example"));
  await window.page.goBack();
  await becomes(() => window.names(), ["Ida Example"]);
  assert.equal(await window.value("Name"), "ex");
  await window.page.goForward();
  await window.see(heading("Ida Example"));
  await window.page.goForward();
  await window.see(heading("The Example"));
});

test("back goes out of a search at once, not through each letter", async (t) => {
  const stack = await agency(t);
  const window = await Window.open(t, stack, "#/movies", { role: "assistant" });
  await window.click(link("Actors"));
  await becomes(async () => (await window.names()).length, 3);
  await window.fill("Name", "ida");
  await becomes(() => window.names(), ["Ida Example"]);
  await window.page.goBack();
  await becomes(() => window.names(), ["The Example"]);
});

test("a link to an actor and one to a filtered list open the same for a colleague", async (t) => {
  const stack = await agency(t);
  const first = await Window.open(t, stack, "#/actors", { role: "director" });
  await first.fill("Age from", "25");
  await becomes(async () => (await first.names()).length, 2);
  const shared = first.hash;
  const colleague = await Window.open(t, stack, shared, { role: "assistant" });
  await becomes(() => colleague.names(), await first.names());
  assert.equal(await colleague.value("Age from"), "25");
  await colleague.click(link("Ada Sample"));
  await colleague.see(heading("Ada Sample"));
  const other = await Window.open(t, stack, colleague.hash, { role: "assistant" });
  await other.see(heading("Ada Sample"));
});

test("the title of the window names the page", async (t) => {
  const stack = await agency(t);
  const window = await Window.open(t, stack, "#/actors/1", { role: "director" });
  await becomes(() => window.page.title(), "Ida Example – Casting Agency");
  await window.click(link("Movies"));
  await becomes(() => window.page.title(), "Movies – Casting Agency");
  await window.goto("#/movies/1/cast");
  await becomes(() => window.page.title(), "Cast of The Example – Casting Agency");
});

test("after saving, back does not lead into the form again", async (t) => {
  const stack = await agency(t);
  const window = await Window.open(t, stack, "#/actors", { role: "director" });
  await window.click(link("Ida Example"));
  await window.click(link("Edit"));
  await window.fill("Name", "Ida Renamed");
  await window.click(button("Save"));
  await window.see(heading("Ida Renamed"));
  await window.page.goBack();
  await becomes(async () => window.hash.endsWith("/edit"), false);
});

test("addresses that no page has are said to have none", async (t) => {
  const stack = await agency(t);
  const window = await Window.open(t, stack, "#/actors", { role: "assistant", tolerates: [/status of 4(04|22)/] });
  for (const hash of ["#/directors", "#/actors/1/cast", "#/actors/1/edit/2", "#/actors/x"]) {
    await window.goto("#/actors");
    await becomes(async () => (await window.names()).length, 3);
    await window.goto(hash);
    await becomes(async () => /not found|does not exist|no such page/i.test(await window.text("main")), true);
  }
  await window.goto("#/actors?sort=nothing");
  await becomes(async () => /sort/.test(await window.text("main [role=alert]").catch(() => "")), true);
});
