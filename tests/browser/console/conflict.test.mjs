// Two windows change the same row.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, dialog, heading } from "./window.mjs";

const CONFLICT = dialog("Changed by someone else");
const tolerates = [/status of 412/];

/** The rows of the dialog: the field, your text, their text, and which of them is chosen. */
async function choices(window) {
  await window.see(CONFLICT);
  return window.page.$$eval("dialog tbody tr", (rows) => rows.map((row) => {
    const [field, yours, theirs] = [...row.cells].map((cell) => cell.textContent.trim());
    const isYours = row.cells[1].querySelector("input").checked;
    return [field, yours, theirs, isYours ? "yours" : "theirs"];
  }));
}

async function choose(window, label, pick) {
  await window.click(`dialog input[aria-label^="${label}: ${pick}"]`);
}

/** Two directors' windows with the same form, of which the second has saved. */
async function twoForms(t, mine, theirs) {
  const stack = await Stack.start(t);
  await stack.addMovies({ title: "The Exampel", release_date: "2020-05-14" });
  const windows = [];
  for (const _ of [1, 2]) {
    const window = await Window.open(t, stack, "#/movies/1/edit", { role: "director", tolerates });
    await window.see(heading("Edit The Exampel"));
    windows.push(window);
  }
  const [window, other] = windows;
  for (const [name, text] of Object.entries(theirs)) await other.fill(name, text);
  await other.click(button("Save"));
  await other.announced("Saved");
  for (const [name, text] of Object.entries(mine)) await window.fill(name, text);
  await window.click(button("Save"));
  return { stack, window };
}

async function title(stack) {
  return (await stack.send("GET", "/movies/1")).movies[0].title;
}

test("a conflict shows both versions, and yours can be saved", async (t) => {
  const { stack, window } = await twoForms(t, { Title: "The Example" }, { Title: "An Example" });
  assert.deepEqual(await choices(window), [["Title", "The Example", "An Example", "yours"]]);
  assert.equal(await title(stack), "An Example");
  await window.click(button("Save this choice"));
  await window.see(heading("The Example"));
  assert.equal(await title(stack), "The Example");
});

test("a conflict shows both versions, and theirs can be kept", async (t) => {
  const { stack, window } = await twoForms(t, { Title: "The Example" }, { Title: "An Example" });
  await choices(window);
  await choose(window, "Title", "theirs");
  await window.click(button("Save this choice"));
  await window.see(heading("An Example"));
  assert.equal(await title(stack), "An Example");
});

test("fields that only one of both has changed are chosen already", async (t) => {
  const { stack, window } = await twoForms(t, { Title: "The Example" }, { "Release date": "2021-06-15" });
  assert.deepEqual(await choices(window), [
    ["Title", "The Example", "The Exampel", "yours"], ["Release date", "14 May 2020", "15 Jun 2021", "theirs"],
  ]);
  await window.click(button("Save this choice"));
  await window.see(heading("The Example"));
  const { release_date } = (await stack.send("GET", "/movies/1")).movies[0];
  assert.equal(release_date, "Tue, 15 Jun 2021 00:00:00 GMT");
});

test("back to the form loses nothing, and a third version asks again", async (t) => {
  const { stack, window } = await twoForms(t, { Title: "The Example" }, { Title: "An Example" });
  await choices(window);
  await window.click(button("Back to the form"));
  await window.gone(CONFLICT);
  assert.equal(await window.value("Title"), "The Example");
  await stack.send("PATCH", "/movies/1", { title: "A Third" });
  await window.click(button("Save"));
  assert.deepEqual(await choices(window), [["Title", "The Example", "A Third", "yours"]]);
  // The row changes once more while the reader chooses.
  await stack.send("PATCH", "/movies/1", { title: "A Fourth" });
  await window.click(button("Save this choice"));
  await becomes(() => choices(window), [["Title", "The Example", "A Fourth", "yours"]]);
  assert.equal(await title(stack), "A Fourth");
});

test("the same change by both is no conflict", async (t) => {
  const { stack, window } = await twoForms(t, { Title: "The Example" }, { Title: "The Example" });
  await window.see(heading("The Example"));
  assert.equal(await window.shows(CONFLICT), false);
  assert.equal(await title(stack), "The Example");
});

test("a row that somebody deleted while the form was open is said to be gone, and what was typed stays", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const window = await Window.open(t, stack, "#/actors/1/edit", { role: "director", tolerates: [/status of 404/] });
  await window.fill("Name", "Ida Changed");
  await stack.send("DELETE", "/actors/1");
  await window.click(button("Save"));
  await window.says("deleted");
  assert.equal(await window.value("Name"), "Ida Changed");
});

test("a delete of a row that has changed shows the change, and asks again", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const window = await Window.open(t, stack, "#/actors/1", { role: "director", tolerates });
  await window.click(button("Delete"));
  await window.see(dialog("Delete Ida Example?"));
  await window.see(button("Delete"));
  await stack.send("PATCH", "/actors/1", { name: "Ida Renamed" });
  await window.click(button("Delete"));
  await window.see(dialog("Delete Ida Renamed?"));
  assert.equal((await stack.list("/actors")).length, 1);
  await window.click(button("Delete"));
  await window.see(heading("Actors"));
  assert.deepEqual(await stack.list("/actors"), []);
});

/** A board on which the reader gives Ida a character while a colleague stores this cast. */
async function twoBoards(t, theirs) {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"), actor("Otto Other"));
  const cast = [{ actor_id: 1, billing: 1 }, { actor_id: 2, billing: 2 }];
  await stack.addMovies({ title: "The Example", cast });
  const window = await Window.open(t, stack, "#/movies/1/cast", { role: "director", tolerates });
  await window.fill("Character of Ida Example", "The Captain");
  await stack.send("PATCH", "/movies/1", theirs);
  await window.click(button("Save cast"));
  return { stack, window };
}

for (const [pick, character] of [["yours", "The Captain"], ["theirs", "The Cook"]]) {
  test(`of two changes of a cast, the reader keeps ${pick}`, async (t) => {
    const theirs = { cast: [{ actor_id: 1, character: "The Cook", billing: 1 }, { actor_id: 2, billing: 2 }] };
    const { stack, window } = await twoBoards(t, theirs);
    assert.deepEqual(await choices(window), [["Ida Example", "The Captain, billing 1", "The Cook, billing 1", "yours"]]);
    await choose(window, "Ida Example", pick);
    await window.click(button("Save this choice"));
    await window.announced("Saved");
    await window.gone(CONFLICT);
    assert.equal(await window.value("Character of Ida Example"), character);
    assert.equal((await stack.cast(1))[0].character, character);
  });
}

test("changes of different credits are merged", async (t) => {
  const { stack, window } = await twoBoards(t, { cast: [{ actor_id: 1, billing: 1 }] });
  assert.deepEqual(await choices(window), [
    ["Otto Other", "billing 2", "not in the cast", "theirs"], ["Ida Example", "The Captain, billing 1", "billing 1", "yours"],
  ]);
  await window.click(button("Save this choice"));
  await window.announced("Saved");
  assert.deepEqual((await stack.cast(1)).map(({ name, character }) => [name, character]), [["Ida Example", "The Captain"]]);
});

test("a colleague's change of the title alone does not disturb the cast", async (t) => {
  const { stack, window } = await twoBoards(t, { title: "Renamed" });
  await window.announced("Saved the cast");
  assert.equal(await window.shows(CONFLICT), false);
  assert.equal((await stack.cast(1))[0].character, "The Captain");
  assert.equal(await title(stack), "Renamed");
});
