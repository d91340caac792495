// A window of the console in a headless Chromium, used as a person uses it: by what is written on the page.
import assert from "node:assert/strict";
import { after } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import puppeteer, { Puppeteer } from "puppeteer-core";
import { launch } from "./browser.mjs";
import { options } from "./options.mjs";

/** How long anything may take to appear. Other tests run at the same time. */
const PATIENCE = 20_000;

const TITLES = { assistant: "Casting Assistant", director: "Casting Director", producer: "Executive Producer", nobody: "Nobody" };

let opened;

/** The browser that ../console.mjs has started for all files, or else one of this file's own. */
function browser() {
  return (opened ??= options.endpoint ? puppeteer.connect({ browserWSEndpoint: options.endpoint }) : launch(options.chromium));
}

after(async () => {
  const mine = await opened;
  return options.endpoint ? mine?.disconnect() : mine?.close();
});

/** Finds what is shown by its role and its name, as somebody does who reads the page. Behind a modal dialog there is nothing. */
Puppeteer.registerCustomQueryHandler("shown", {
  queryAll(root, wanted) {
    const [role, name] = JSON.parse(wanted);
    const css = { button: "button", link: "a[href]", heading: "h1, h2", dialog: "dialog[open]", field: "input, select" };
    const textOf = (element) => {
      const copy = element.cloneNode(true);
      for (const hidden of copy.querySelectorAll("[aria-hidden=true]")) hidden.remove();
      return copy.textContent;
    };
    const nameOf = (element) => {
      const by = document.getElementById(element.getAttribute("aria-labelledby"));
      return element.ariaLabel ?? textOf(by ?? element.labels?.[0] ?? element);
    };
    const modal = document.querySelector("dialog:modal");
    return [...root.querySelectorAll(css[role])].filter((element) => (!modal || modal.contains(element)) && element.checkVisibility() && nameOf(element).trim() === name);
  },
});

const shown = (role) => (name) => `shown/${JSON.stringify([role, name])}`;

export const button = shown("button");
export const link = shown("link");
export const heading = shown("heading");
export const dialog = shown("dialog");
/** An input of any kind, by its label. */
export const field = shown("field");

/** Whether the page was on its way to another address while it was asked. */
function isLeaving(error) {
  return /context was destroyed|detached|Cannot find context|Target closed|does not belong to the document/i.test(error.message);
}

/** Asks until `accept` takes a result, and gives what that returns. */
async function ask(probe, accept) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      return accept(await probe());
    } catch (error) {
      const isWorthIt = error instanceof assert.AssertionError || isLeaving(error);
      if (!isWorthIt || Date.now() > deadline) throw error;
    }
    await pause(20);
  }
}

/** Asks until the result is true, and gives it. */
export function until(what, probe) {
  return ask(probe, (result) => {
    assert.ok(result, `not within ${PATIENCE / 1000} s: ${what}`);
    return result;
  });
}

/** Asks until the result is the expected one. */
export function becomes(probe, expected) {
  return ask(probe, (result) => assert.deepEqual(result, expected));
}

/** What belongs to one person's browser: its windows share cookies and storage. */
export async function person(t) {
  const context = await (await browser()).createBrowserContext();
  t.after(() => context.close());
  return context;
}

export class Window {
  /** Opens an address of the console. With a role, signs in and waits for what the address shows. */
  static async open(t, stack, hash = "", { role, context, width = 1280, height = 900, timezone, tolerates = [] } = {}) {
    const owner = context ?? (await person(t));
    const window = new Window(await owner.newPage(), stack, tolerates);
    stack.windows.push(window);
    await window.prepare(width, height);
    await window.page.emulateTimezone(timezone);
    await (await window.page.createCDPSession()).send("Emulation.setLocaleOverride", { locale: "en-GB" });
    await window.page.goto(`${stack.console}/${hash}`);
    if (role) await window.signIn(role);
    return window;
  }

  async close() {
    const complaints = [...this.complaints];
    await this.page.close();
    assert.deepEqual(complaints, [], "the browser complains, or a request goes elsewhere");
  }

  constructor(page, stack, tolerates) {
    Object.assign(this, { page, stack, tolerates: [...tolerates], complaints: [] });
  }

  async prepare(width, height) {
    const { page } = this;
    page.setDefaultTimeout(PATIENCE);
    await page.setViewport({ width, height });
    // The issuer's pages have no icon. A slow machine may be too busy for a request, which the console then repeats.
    this.tolerates.push(/\/favicon.ico$/, /status of 503/);
    const complain = (text) => {
      if (!this.tolerates.some((known) => known.test(text))) this.complaints.push(text);
    };
    page.on("console", (message) => {
      if (["error", "warn"].includes(message.type())) complain(`${message.text()} ${message.location().url ?? ""}`);
    });
    page.on("pageerror", (error) => complain(String(error?.stack ?? error)));
    page.on("request", (request) => {
      const known = [this.stack.console, this.stack.api, this.stack.issuer].some((origin) => request.url().startsWith(`${origin}/`));
      if (!known && !request.url().startsWith("data:")) complain(`a request to ${request.url()}`);
      this.authorization = request.headers().authorization ?? this.authorization;
    });
    await page.evaluateOnNewDocument(() => {
      addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
      // A region has its last text alone. A screen reader has read the ones before.
      globalThis.announcements = [];
      new MutationObserver(() => {
        for (const region of document.querySelectorAll("[role=status]")) announcements.push(region.textContent);
      }).observe(document, { subtree: true, childList: true, characterData: true });
    });
  }

  async signIn(role) {
    await this.click(button("Sign in"));
    await this.pick(role);
    await this.see(button("Sign out"));
  }

  /** Picks a role on the identity service's page. */
  async pick(role, page = this.page) {
    const choice = `form button[formaction*="role=${role}"]`;
    await page.locator(choice).click().catch(() => this.fail(`cannot be clicked: ${choice}`));
  }

  /** Fails the test, with what the window shows. */
  async fail(problem) {
    const shown = await this.text().catch((error) => error.message);
    assert.fail([problem, this.page.url(), ...this.complaints, shown.slice(0, 600)].join("\n"));
  }

  /** The address after the console's own. */
  get hash() {
    return new URL(this.page.url()).hash;
  }

  goto(hash) {
    return this.page.evaluate((hash) => void (location.hash = hash), hash);
  }

  async see(selector) {
    await this.page.bringToFront(); // nothing is drawn in a window behind another
    return this.page.waitForSelector(selector, { visible: true }).catch(() => this.fail(`not shown: ${selector}`));
  }

  async gone(selector) {
    await this.page.bringToFront();
    return this.page.waitForSelector(selector, { hidden: true }).catch(() => this.fail(`still shown: ${selector}`));
  }

  async shows(selector) {
    return Boolean(await (await this.page.$(selector))?.isVisible());
  }

  async click(selector, more) {
    await this.page.bringToFront();
    await this.page.locator(selector).click(more).catch(() => this.fail(`cannot be clicked: ${selector}`));
  }

  /** Types a text in place of what a field has, or chooses it. */
  async fill(name, text) {
    const input = await this.see(field(name));
    if (await input.evaluate(({ localName }) => localName === "select")) return input.select(text);
    if ((await input.evaluate(({ type }) => type)) === "date") return this.page.locator(field(name)).fill(text);
    await input.focus();
    await input.evaluate((element) => element.select());
    if (text === "") return this.press("Backspace");
    return text.length > 100 ? this.page.keyboard.sendCharacter(text) : this.page.keyboard.type(text);
  }

  async value(name) {
    return (await this.see(field(name))).evaluate((input) => input.value);
  }

  /** The texts that describe an input: its error and its hint. */
  async describedBy(name) {
    return (await this.see(field(name))).evaluate((input) =>
      (input.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent).join(" "));
  }

  /** The name of the element that has the focus, as it is read out. */
  async focused() {
    const root = await this.page.evaluateHandle(() => document.activeElement);
    return (await this.page.accessibility.snapshot({ root, interestingOnly: false }))?.name ?? "";
  }

  /** The columns that say that they are sorted. */
  sorted() {
    return this.page.$$eval("th[aria-sort]", (heads) => heads.map((head) => `${head.textContent.replace(/[^a-z ]/gi, "").trim()} ${head.ariaSort}`));
  }

  /** The texts of all elements that a CSS selector finds. */
  texts(css) {
    return this.page.$$eval(css, (elements) => elements.map((element) => element.textContent.trim()));
  }

  /** The text of the page's first element that a CSS selector finds. */
  text(css = "body") {
    return this.page.$eval(css, (element) => element.innerText);
  }

  /** Waits until the page's text contains this. */
  says(text) {
    return until(`the page says ${text}`, async () => (await this.text()).includes(text));
  }

  /** The rows of the page's table by the texts of their cells. */
  rows(css = "main table") {
    return this.page.$$eval(`${css} tbody tr`, (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim())));
  }

  /** The texts of the links in the page's table. */
  async names(css = "main table") {
    return this.texts(`${css} tbody tr a`);
  }

  /** What is announced to a reader who does not see the page, after what was asked for before. */
  announced(text) {
    return until(`${text} is announced`, () => this.page.evaluate((text) => {
      const heard = announcements.findIndex((said) => said.includes(text)) + 1;
      announcements.splice(0, heard);
      return heard > 0;
    }, text));
  }

  press(...keys) {
    return keys.reduce((before, key) => before.then(() => this.page.keyboard.press(key)), Promise.resolve());
  }

  /** The requests to the API from now on, of one method: a list that grows. */
  requests(method) {
    const requests = [];
    this.page.on("request", (request) => {
      if (request.method() === method && request.url().startsWith(`${this.stack.api}/`)) requests.push(request);
    });
    return requests;
  }

  /** Lets the API carry out the next request of a method, but loses its response on the way. */
  loseResponse(method) {
    return this.interrupt(method, "Response", (session, requestId) =>
      session.send("Fetch.failRequest", { requestId, errorReason: "ConnectionReset" }));
  }

  /** Has the gateway be too busy for the next request of a method. */
  refuse(method, seconds) {
    const headers = {
      "access-control-allow-origin": this.stack.console,
      "access-control-expose-headers": "retry-after",
      "content-type": "application/json",
      "retry-after": String(seconds),
    };
    const body = { success: false, error: 503, message: "service unavailable" };
    return this.interrupt(method, "Request", (session, requestId) => session.send("Fetch.fulfillRequest", {
      requestId, responseCode: 503, body: btoa(JSON.stringify(body)),
      responseHeaders: Object.entries(headers).map(([name, value]) => ({ name, value })),
    }));
  }

  /** Holds back the next request of a method. Gives a function that waits for it, and gives one that lets it go. */
  async hold(method) {
    let release;
    await this.interrupt(method, "Request", async (session, requestId) => {
      release = () => session.send("Fetch.continueRequest", { requestId });
    });
    return () => until(`a ${method} is sent`, () => release);
  }

  /** Does something to the next request of a method to the API, and lets all others through. */
  async interrupt(method, requestStage, act) {
    const session = await this.page.createCDPSession();
    await session.send("Fetch.enable", { patterns: [{ urlPattern: `${this.stack.api}/*`, requestStage }] });
    let isDone = false;
    session.on("Fetch.requestPaused", async ({ request, requestId }) => {
      const isNext = !isDone && request.method === method;
      isDone ||= isNext;
      const goOn = () => session.send("Fetch.continueRequest", { requestId });
      await (isNext ? act(session, requestId) : goOn()).catch((error) => {
        // The test has ended with a request on its way, or the page does not wait for it any more.
        if (!this.page.isClosed() && !error.message.includes("InterceptionId")) throw error;
      });
    });
  }
}
