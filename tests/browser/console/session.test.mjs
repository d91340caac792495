// A token that expires while somebody works.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, dialog, heading, until } from "./window.mjs";

const AGAIN = dialog("Sign in again");
/** What the browser notes of expired tokens, and of a stack that is not there. */
const tolerates = [/status of 40[013]/, /ERR_CONNECTION_REFUSED/];

/** A form with a change that is not saved. */
async function openForm(t, stack) {
  await stack.addActors(actor("Ida Example", { age: 24 }));
  const window = await Window.open(t, stack, "#/actors/1/edit", { role: "director", tolerates });
  await window.see(heading("Edit Ida Example"));
  await window.fill("Name", "Ida Typed");
  await window.fill("Age", "25");
  return window;
}

/** The same with a token that no service accepts any more, and a session that the issuer has forgotten. */
async function expiredForm(t) {
  const stack = await Stack.start(t, { kept: true });
  const window = await openForm(t, stack);
  await stack.stop();
  stack.loseKey();
  await stack.run();
  stack.tokens = undefined;
  await window.click(button("Save"));
  await window.see(AGAIN);
  return { stack, window };
}

/** Clicks on the dialog's button, and gives the issuer's page in a window of its own. */
async function popup(window) {
  let page;
  window.page.once("popup", (opened) => (page = opened));
  await window.see(AGAIN);
  await window.click(button("Sign in again"));
  await until("a window opens", () => page);
  await page.waitForSelector("form button");
  return page;
}

async function row(stack) {
  return (await stack.list("/actors"))[0];
}

test("a token that expires while a form is open is renewed without a word", async (t) => {
  const stack = await Stack.start(t, { flags: ["--token-seconds", "1"] });
  const calls = [];
  const window = await openForm(t, stack);
  window.page.on("request", (request) => calls.push(request));
  const { authorization } = window;
  // The API accepts a token for 30 s more, in case clocks differ.
  for (let status = 200; status !== 401; await pause(500)) {
    status = (await fetch(`${stack.api}/actors`, { headers: { authorization } })).status;
    assert.ok([200, 401].includes(status));
  }
  await window.click(button("Save"));
  await window.see(heading("Ida Typed"));
  assert.equal(await window.shows(AGAIN), false);
  const renewals = calls.filter((call) => call.url() === `${stack.issuer}/oauth/token` && call.method() === "POST");
  assert.deepEqual(renewals.map((call) => new URLSearchParams(call.postData()).get("grant_type")), ["refresh_token"]);
  stack.tokens = undefined;
  assert.deepEqual(await row(stack), { id: 1, name: "Ida Typed", age: 25, gender: "female" });
});

test("a sign-in that cannot be renewed is repeated in a window of its own, and the save goes on", async (t) => {
  const { stack, window } = await expiredForm(t);
  assert.equal((await row(stack)).name, "Ida Example");
  const issuer = await popup(window);
  await window.pick("director", issuer);
  await until("the window closes", () => issuer.isClosed());
  await window.see(heading("Ida Typed"));
  assert.equal(window.hash, "#/actors/1");
  assert.deepEqual(await row(stack), { id: 1, name: "Ida Typed", age: 25, gender: "female" });
});

test("somebody who does not sign in again keeps what was typed, and is asked at the next save", async (t) => {
  const { stack, window } = await expiredForm(t);
  await window.press("Escape");
  await window.gone(AGAIN);
  await window.says("not signed in");
  assert.deepEqual([await window.value("Name"), await window.value("Age")], ["Ida Typed", "25"]);
  await window.click(button("Save"));
  await window.pick("director", await popup(window));
  await window.see(heading("Ida Typed"));
  assert.equal((await row(stack)).age, 25);
});

test("a window for the sign-in that was closed can be opened again", async (t) => {
  const { window } = await expiredForm(t);
  await (await popup(window)).close();
  await window.see(AGAIN);
  await window.pick("director", await popup(window));
  await window.see(heading("Ida Typed"));
});

test("signing in again as somebody with fewer permissions names the one that is missing, and loses nothing", async (t) => {
  const { stack, window } = await expiredForm(t);
  await window.pick("assistant", await popup(window));
  await window.says("patch:actors");
  assert.deepEqual([await window.value("Name"), await window.value("Age")], ["Ida Typed", "25"]);
  assert.equal((await row(stack)).name, "Ida Example");
});

test("a list that is scrolled after the token has expired goes on from where it was", async (t) => {
  const stack = await Stack.start(t, { kept: true });
  await stack.addActors(...Array.from({ length: 250 }, (_, index) => actor(`Actor ${String(index).padStart(3, "0")}`)));
  const window = await Window.open(t, stack, "#/actors", { role: "assistant", tolerates });
  await becomes(async () => (await window.names())[0], "Actor 000");
  await stack.stop();
  stack.loseKey();
  await stack.run();
  await window.page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await window.pick("assistant", await popup(window));
  await becomes(async () => {
    await window.page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    return (await window.names()).at(-1);
  }, "Actor 249");
});
