// The list of movies, a movie's page and the form. What is the same as for actors is tested there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, dialog, field, heading, link, until } from "./window.mjs";

const MOVIES = [
  { title: "The Example", release_date: "2020-05-14" }, { title: "Another One", release_date: "1999-12-31T23:30:00Z" },
  { title: "Example Two", release_date: "2031-01-02" },
];

test("the list follows title and dates, and sorts by both", async (t) => {
  const stack = await Stack.start(t);
  await stack.addMovies(...MOVIES);
  const window = await Window.open(t, stack, "#/movies", { role: "assistant" });
  await becomes(async () => (await window.names()).length, 3);
  await window.fill("Title", "exam");
  await becomes(() => window.names(), ["Example Two", "The Example"]);
  await window.fill("Title", "");
  await window.fill("Released from", "2000-01-01");
  await becomes(() => window.names(), ["Example Two", "The Example"]);
  await window.fill("Released to", "2020-05-14");
  await becomes(() => window.names(), ["The Example"]);
  assert.match(window.hash, /released_from=2000-01-01&released_to=2020-05-14/);
  await window.goto("#/movies");
  await becomes(async () => (await window.names()).length, 3);
  await window.click(button("Released"));
  await becomes(() => window.names(), ["Another One", "The Example", "Example Two"]);
  await window.click(button("Released"));
  await becomes(() => window.names(), ["Example Two", "The Example", "Another One"]);
  await window.click(button("Title"));
  await becomes(() => window.names(), ["Another One", "Example Two", "The Example"]);
});

test("dates are shown in the reader's locale, and a late release stays on its day", async (t) => {
  const stack = await Stack.start(t);
  await stack.addMovies(...MOVIES);
  const window = await Window.open(t, stack, "#/movies?sort=release_date", { role: "assistant", timezone: "Asia/Tokyo" });
  await becomes(async () => (await window.rows()).map(([, released]) => released), ["31 Dec 1999", "14 May 2020", "2 Jan 2031"]);
});

test("a producer adds a movie with a date, which the API gets as ISO 8601", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/movies/new", { role: "producer" });
  await window.fill("Title", "A Premiere");
  await window.fill("Release date", "2031-05-14");
  const posts = window.requests("POST");
  await window.click(button("Save"));
  await window.see(heading("A Premiere"));
  assert.equal(JSON.parse(posts[0].postData()).release_date.slice(0, 10), "2031-05-14");
  assert.equal((await stack.list("/movies"))[0].release_date, "Wed, 14 May 2031 00:00:00 GMT");
});

test("a movie without a date is released now", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/movies/new", { role: "producer" });
  await window.fill("Title", "A Premiere");
  await window.click(button("Save"));
  await window.see(heading("A Premiere"));
  const [movie] = await stack.list("/movies");
  assert.ok(Math.abs(Date.parse(movie.release_date) - Date.now()) < 60_000, movie.release_date);
});

test("a change of the title leaves the time of the release alone", async (t) => {
  const stack = await Stack.start(t);
  await stack.addMovies(...MOVIES);
  const window = await Window.open(t, stack, "#/movies/2/edit", { role: "director" });
  assert.equal(await window.value("Release date"), "1999-12-31");
  await window.fill("Title", "Another Title");
  await window.click(button("Save"));
  await window.see(heading("Another Title"));
  const [movie] = (await stack.send("GET", "/movies/2")).movies;
  assert.deepEqual(movie, { id: 2, title: "Another Title", release_date: "Fri, 31 Dec 1999 23:30:00 GMT" });
});

test("a title that is too long has its error at its field", async (t) => {
  const stack = await Stack.start(t);
  const window = await Window.open(t, stack, "#/movies/new", { role: "producer", tolerates: [/status of 422/] });
  await window.fill("Title", "x".repeat(201));
  await window.click(button("Save"));
  await becomes(async () => (await window.see(field("Title"))).evaluate((input) => input.ariaInvalid), "true");
  assert.match(await window.describedBy("Title"), /200/);
  await becomes(() => window.focused(), "Title");
});

test("a producer deletes a movie after seeing its cast", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  await stack.addMovies({ ...MOVIES[0], cast: [{ actor_id: 1 }] });
  const window = await Window.open(t, stack, "#/movies/1", { role: "producer" });
  await window.click(button("Delete"));
  await window.see(dialog("Delete The Example?"));
  await until("the dialog names the cast", async () => (await window.text("dialog")).includes("Ida Example"));
  await window.click(button("Delete"));
  await window.says("no movies yet");
  assert.deepEqual(await stack.list("/movies"), []);
});

test("a movie's page shows the cast in billing order, with links", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"), actor("Otto Other"), actor("Ada Sample"));
  const cast = [{ actor_id: 1 }, { actor_id: 2, billing: 2, character: "The Captain" }, { actor_id: 3, billing: 1 }];
  await stack.addMovies({ title: "The Example", cast });
  const window = await Window.open(t, stack, "#/movies/1", { role: "assistant" });
  await window.see(heading("Cast"));
  await becomes(() => window.names(), ["Ada Sample", "Otto Other", "Ida Example"]);
  assert.match(await window.text("main"), /The Captain/);
  await window.click(link("Otto Other"));
  await window.see(heading("Otto Other"));
});
