// Every page and dialog of the console with demo data, one after the other, for the checks of all of them.
import { execFileSync } from "node:child_process";
import { options } from "./options.mjs";
import { Stack } from "./stack.mjs";
import { Window, button, dialog, field, heading, link, until } from "./window.mjs";

const tolerates = [/status of (40[0134]|412|422|503)/, /ERR_CONNECTION_REFUSED/];

function fillWithDemo(stack) {
  const flags = ["--port", stack.apiPort, "--identity-port", stack.identityPort].map(String);
  execFileSync(options.local, ["demo", ...flags], { stdio: "ignore" });
}

/** Opens the page of the list's row at this place, and gives its address. */
async function openRow(window, list, at) {
  await window.goto(list);
  await until("rows are shown", async () => (await window.names()).length > at);
  const hash = await window.page.$$eval("tbody a", (links, at) => links[at].getAttribute("href"), at);
  await window.goto(hash);
  await window.see(link("Edit"));
  return hash;
}

/** Calls `look` with a window and a name for each page. */
export async function eachPage(t, look) {
  const empty = await Stack.start(t);
  const window = await Window.open(t, empty, "", { tolerates });
  await window.see(button("Sign in"));
  await look(window, "welcome");
  await window.signIn("producer");
  await window.says("no actors yet");
  await look(window, "empty");
  const stack = await Stack.start(t, { kept: true });
  fillWithDemo(stack);
  await lists(t, stack, look);
  await forms(t, stack, look);
  await problems(t, stack, look);
}

async function lists(t, stack, look) {
  const window = await Window.open(t, stack, "#/actors", { role: "producer", tolerates });
  await until("rows are shown", async () => (await window.names()).length > 10);
  await look(window, "actors");
  await window.fill("Age from", "20");
  await window.fill("Age to", "30");
  await window.see(button("Clear"));
  await until("fewer rows are shown", async () => (await window.rows()).filter((row) => row.length === 3).every(([, age]) => age >= 20 && age <= 30));
  await look(window, "actors-filtered");
  await window.goto("#/actors?name=nobodyhasthisname");
  await window.says("No actor matches");
  await look(window, "actors-none");
  await window.goto("#/actors?max_age=999");
  await window.says("150");
  await look(window, "actors-error");
  await openRow(window, "#/movies", 2);
  await look(window, "movie");
  const [name] = await window.names();
  await window.click(link(name));
  await window.see(heading("Credits"));
  await look(window, "actor");
  await window.click(button("Delete"));
  await until("the dialog names the credits", async () => (await window.texts("dialog li")).length > 0);
  await look(window, "delete");
  await window.press("Escape");
  await window.goto("#/movies");
  await until("rows are shown", async () => (await window.names()).length > 10);
  await look(window, "movies");
}

async function forms(t, stack, look) {
  const window = await Window.open(t, stack, "#/actors/new", { role: "producer", tolerates });
  await window.see(heading("Add actor"));
  await look(window, "actor-form");
  await window.fill("Name", "Nora New");
  await window.fill("Age", "151");
  await window.click(button("Save"));
  await window.see("[aria-invalid=true]");
  await look(window, "actor-form-errors");
  await window.click(link("Movies"));
  await window.see(dialog("Discard your changes?"));
  await look(window, "leave");
  await window.click(button("Discard"));
  const movie = await openRow(window, "#/movies", 2);
  await window.goto(`${movie}/cast`);
  await window.see(heading("Find actors"));
  await until("actors are found", async () => (await window.texts("ul.results li")).length > 5);
  await look(window, "board");
  await window.fill("Age to", "30");
  await window.see(button("Clear"));
  await window.click("ul.results button");
  await window.see(button("Save cast"));
  await look(window, "board-changed");
  await window.click(button("Discard changes"));
  await window.click(button("Discard"));
  await window.goto(`${movie}/edit`);
  await window.see(heading("Edit " + (await window.value("Title"))));
  await look(window, "movie-form");
  await stack.send("PATCH", movie.slice(1), { title: "Renamed by a Colleague", release_date: "2001-02-03" });
  await window.fill("Title", "Renamed by Me");
  await window.click(button("Save"));
  await window.see(dialog("Changed by someone else"));
  await look(window, "conflict");
  await window.click(button("Save this choice"));
  await window.see(button("Delete"));
}

async function problems(t, stack, look) {
  const other = await Window.open(t, stack, "#/actors", { role: "nobody", tolerates });
  await other.says("get:actors");
  await look(other, "no-permission");
  const window = await Window.open(t, stack, "#/actors/1/edit", { role: "director", tolerates });
  await window.see(field("Name"));
  const held = await window.hold("GET");
  await window.goto("#/actors/2");
  const release = await held();
  await window.says("Loading");
  await look(window, "loading");
  await release();
  await window.see(link("Edit"));
  await window.goto("#/actors/9999");
  await window.says("does not exist");
  await look(window, "missing");
  await window.goto("#/nowhere");
  await window.see(heading("Not found"));
  await look(window, "not-found");
  await window.goto("#/actors/2/edit");
  await window.fill("Name", "Ida Typed");
  await window.refuse("PATCH", 3000);
  await window.click(button("Save"));
  await window.says("The server is busy");
  await look(window, "busy");
  await stack.stop();
  stack.loseKey();
  await stack.run();
  await window.click(button("Try now"));
  await window.see(dialog("Sign in again"));
  await look(window, "sign-in-again");
}

