// Who is offered what, and how one comes in and out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, heading, link, person } from "./window.mjs";

/** What each role may do, by the names of links and buttons. */
const OFFERS = {
  assistant: { actors: [], actor: [], movies: [], movie: [] },
  director: { actors: ["Add actor"], actor: ["Edit", "Delete"], movies: [], movie: ["Edit", "Edit cast"] },
  producer: { actors: ["Add actor"], actor: ["Edit", "Delete"], movies: ["Add movie"], movie: ["Edit", "Edit cast", "Delete"] },
};
const ALL = ["Add actor", "Add movie", "Edit", "Edit cast", "Delete"];

async function offered(window) {
  const shown = [];
  for (const name of ALL) {
    if ((await window.shows(link(name))) || (await window.shows(button(name)))) shown.push(name);
  }
  return shown;
}

for (const [role, offers] of Object.entries(OFFERS)) {
  test(`as ${role}, one is offered what the token allows, and nothing more`, async (t) => {
    const stack = await Stack.start(t);
    await stack.addActors(actor("Ida Example"));
    await stack.addMovies({ title: "An Example", cast: [{ actor_id: 1 }] });
    const window = await Window.open(t, stack, "", { role });
    for (const [page, hash, shown] of [
      ["actors", "#/actors", link("Ida Example")],
      ["actor", "#/actors/1", link("An Example")],
      ["movies", "#/movies", link("An Example")],
      ["movie", "#/movies/1", link("Ida Example")],
    ]) {
      await window.goto(hash);
      await window.see(shown);
      await becomes(() => offered(window), ALL.filter((name) => offers[page].includes(name)));
    }
  });
}

test("somebody without permissions is told which one is missing", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/actors", { role: "nobody", tolerates: [/status of 403/] });
  await window.says("get:actors");
  await window.goto("#/movies");
  await window.says("get:movies");
  assert.deepEqual(await offered(window), []);
});

test("an address that only other roles may use names the permission that it needs", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  await stack.addMovies({ title: "An Example" });
  const window = await Window.open(t, stack, "", { role: "assistant", tolerates: [/status of 403/] });
  for (const [hash, permission] of [
    ["#/actors/new", "post:actors"], ["#/actors/1/edit", "patch:actors"], ["#/movies/new", "post:movies"],
    ["#/movies/1/edit", "patch:movies"], ["#/movies/1/cast", "patch:movies"],
  ]) {
    await window.goto(hash);
    await window.says(permission);
    assert.equal(await window.shows(button("Save")), false);
  }
});

test("nobody sees anything before signing in", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const window = await Window.open(t, stack, "#/actors");
  await window.see(heading("Casting Agency"));
  await window.see(button("Sign in"));
  assert.equal((await window.text()).includes("Ida"), false);
  assert.equal(await window.shows(link("Actors")), false);
});

test("the header has the user's name, and no address or storage has a token", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "", { role: "director" });
  assert.match(await window.text("header"), /Casting Director/);
  assert.equal(new URL(window.page.url()).search, "");
  const stored = await window.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.doesNotMatch(stored, /ey[\w-]+\./);
});

test("a link that is opened signed out shows its page after signing in", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"), actor("Otto Other"));
  const window = await Window.open(t, stack, "#/actors?name=ida", { role: "assistant" });
  await becomes(() => window.names(), ["Ida Example"]);
  assert.equal(window.hash, "#/actors?name=ida");
  assert.equal(await window.value("Name"), "ida");
});

test("a reload signs in again without a question, and stays where it was", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const window = await Window.open(t, stack, "#/actors/1", { role: "director" });
  await window.see(heading("Ida Example"));
  await window.page.reload();
  await window.see(heading("Ida Example"));
  assert.equal(window.hash, "#/actors/1");
  await window.see(button("Sign out"));
});

test("a second window of the same browser needs no sign-in", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const context = await person(t);
  await Window.open(t, stack, "", { role: "director", context });
  const second = await Window.open(t, stack, "#/actors/1", { context });
  await second.see(heading("Ida Example"));
  await second.see(button("Delete"));
});

test("after signing out, neither a reload nor the back button nor another window shows anything", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  const context = await person(t);
  const window = await Window.open(t, stack, "#/actors", { role: "director", context });
  const other = await Window.open(t, stack, "#/actors/1", { context });
  await other.see(heading("Ida Example"));
  await window.click(button("Sign out"));
  await window.see(button("Sign in"));
  await other.see(button("Sign in"));
  await window.page.goBack();
  await window.see(button("Sign in"));
  await window.page.reload();
  await window.see(button("Sign in"));
  assert.equal((await window.text()).includes("Ida"), false);
  assert.equal((await other.text()).includes("Ida"), false);
  // The issuer has no session either: it asks for a role.
  await window.click(button("Sign in"));
  await window.pick("assistant");
  await window.see(button("Sign out"));
  assert.match(await window.text("header"), /Casting Assistant/);
});

test("a sign-in that the issuer's session does not allow any more ends at the sign-in page", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/actors", { role: "director" });
  await window.page.browserContext().deleteCookie(...(await window.page.browserContext().cookies()));
  await window.page.reload();
  await window.see(button("Sign in"));
  assert.equal(await window.shows("[role=alert]"), false); // it is no error
});
