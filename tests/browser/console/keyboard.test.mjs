// Everything works without a mouse, and one sees where one is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Stack, actor } from "./stack.mjs";
import { Window, becomes, button, dialog, heading, link } from "./window.mjs";

const MOST_STOPS = 60;

/** Whether the focus can be seen: an outline. In a date input the browser marks the part that has the focus. */
function isVisible(page) {
  return page.evaluate(() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || document.activeElement.type === "date";
  });
}

/** Presses Tab until the element whose name begins with this has the focus. */
async function tabTo(window, name) {
  const stops = [];
  while (stops.length < MOST_STOPS) {
    await window.press("Tab");
    const stop = await window.focused();
    stops.push(stop);
    if (stop) assert.ok(await isVisible(window.page), `the focus on ${stop} cannot be seen`);
    if (stop.startsWith(name)) return;
  }
  await window.fail(`Tab does not come to ${name}: ${stops.join(" | ")}`);
}

async function follow(window, name) {
  await tabTo(window, name);
  await window.press("Enter");
}

test("a director signs in, adds, casts, reorders and deletes with the keyboard alone", async (t) => {
  const stack = await Stack.start(t);
  await stack.addActors(actor("Ida Example"));
  await stack.addMovies({ title: "The Example", cast: [{ actor_id: 1, billing: 1 }] });
  const window = await Window.open(t, stack);
  await window.see(button("Sign in"));
  await follow(window, "Sign in");
  await window.see("form button");
  await window.press("Tab", "Tab", "Enter"); // the second role
  await window.see(button("Sign out"));
  await window.see(link("Ida Example"));

  await follow(window, "Add actor");
  await window.see(heading("Add actor"));
  await becomes(() => window.focused(), "Name");
  await window.page.keyboard.type("Nora New");
  await tabTo(window, "Age");
  await window.page.keyboard.type("33");
  await tabTo(window, "Gender");
  await window.page.keyboard.type("female");
  await window.press("Escape", "Enter"); // Escape closes the browser's suggestions
  await window.see(heading("Nora New"));
  await becomes(() => window.focused(), "Nora New");

  await window.page.keyboard.down("Shift"); // the page's links are before its heading
  await tabTo(window, "Movies");
  await window.page.keyboard.up("Shift");
  await window.press("Enter");
  await window.see(link("The Example"));
  await follow(window, "The Example");
  await window.see(heading("Cast"));
  await follow(window, "Edit cast");
  await window.see(heading("Cast of The Example"));
  await follow(window, "Cast Nora New");
  await window.announced("Nora New");
  assert.notEqual(await window.focused(), ""); // the button is gone; the focus is not
  await (await window.see(button("Move Nora New"))).focus();
  await window.press("ArrowUp");
  await window.announced("Nora New is now 1 of 2");
  await follow(window, "Save cast");
  await window.announced("Saved the cast");
  assert.deepEqual((await stack.cast(1)).map(({ name }) => name), ["Nora New", "Ida Example"]);

  await window.goto("#/actors/2");
  await window.see(heading("Nora New"));
  await follow(window, "Delete");
  await window.see(dialog("Delete Nora New?"));
  // A modal dialog keeps the focus.
  const stops = [];
  for (let press = 0; press < 8; press++) {
    await window.press("Tab");
    stops.push(await window.focused());
  }
  assert.ok(stops.includes("Keep") && stops.includes("Delete"), stops.join(" | "));
  assert.ok(!stops.includes("Sign out") && !stops.includes("Edit"), stops.join(" | "));
  await follow(window, "Delete");
  await window.see(heading("Actors"));
  assert.deepEqual((await stack.list("/actors")).map(({ name }) => name), ["Ida Example"]);
});
