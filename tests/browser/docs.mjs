// Opens the docs page in a headless Chromium as a person would, signs in as each role, and tries two operations.
// Then it signs in on the sign-in page, and has a page of another site try what no website may do.
//
//     node docs.mjs [--local ../../target/debug/local] [--chromium /usr/bin/chromium] [--screenshots folder]
//
// It starts a local stack in memory on free ports, and ends it and the browser itself. Anything on the page's console that is an
// error, a violation of the page's content security policy among it, fails the run; the refusals that the test asks for do not.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer as createSite } from "node:http";
import path from "node:path";
import { parseArgs } from "node:util";
import puppeteer from "puppeteer-core";
import { freePorts } from "./console/ports.mjs";

/** Names that the browser finds on this machine: one that containers use, without HTTPS, and a website's. */
const NAMED = "host.docker.internal";
const WEBSITE = "website.example";

const root = path.resolve(import.meta.dirname, "../..");
const { values: options } = parseArgs({
  options: {
    local: { type: "string", default: path.join(root, "target/debug/local") },
    chromium: { type: "string", default: "/usr/bin/chromium" },
    screenshots: { type: "string" },
  },
});

/** What each role is answered when it lists the actors, and when it adds one. */
const EXPECTED = [
  [null, { get: 401, post: 401 }],
  ["assistant", { get: 200, post: 403 }],
  ["director", { get: 200, post: 200 }],
  ["producer", { get: 200, post: 200 }],
  ["nobody", { get: 403, post: 403 }],
];

let passed = 0;
let failed = 0;

function check(what, actual, expected) {
  const same = JSON.stringify(actual) === JSON.stringify(expected);
  same ? passed++ : failed++;
  console.log(same ? `ok ${what}` : `FAILED ${what}: ${JSON.stringify(actual)} and not ${JSON.stringify(expected)}`);
}

/** Starts a stack and gives its process and the docs page's address, once that is served. */
async function startStack() {
  const [api, identity, dynamodb, consolePort] = await freePorts(4);
  const ports = ["--port", api, "--identity-port", identity, "--dynamodb-port", dynamodb, "--console-port", consolePort].map(String);
  const stack = spawn(options.local, ["--in-memory", "--allow-host", NAMED, ...ports], { stdio: ["ignore", "pipe", "inherit"] });
  let welcome = "";
  for await (const text of stack.stdout.setEncoding("utf8")) {
    welcome += text;
    if (welcome.includes("Ctrl-C stops it")) break;
  }
  const docs = /^Docs +(\S+)/m.exec(welcome)?.[1];
  if (!docs) throw new Error("the stack did not start, or says nothing of its docs page");
  return { stack, docs, identity, dynamodb, consolePort };
}

/** Clicks on what the selector finds, once it is there and shown. */
async function click(page, selector) {
  await page.locator(selector).click();
}

/** The status that an operation is answered with when it is tried. */
async function tried(page, operation) {
  const block = `#operations-actors-${operation}`;
  const shown = await page.$(`${block} .responses-table.live-responses-table`);
  if (shown) await click(page, `${block} .btn-clear`);
  await click(page, `${block} .execute`);
  const status = await page.waitForSelector(`${block} .live-responses-table .response .response-col_status`);
  return Number.parseInt(await status.evaluate((cell) => cell.textContent), 10);
}

async function signIn(page, role) {
  await click(page, `#roles button[value=${role}]:enabled`);
  await page.waitForSelector(`#roles button[value=${role}][aria-pressed=true]`);
}

async function screenshot(page, name) {
  if (!options.screenshots) return;
  mkdirSync(options.screenshots, { recursive: true });
  await page.screenshot({ path: path.join(options.screenshots, `${name}.png`) });
}

/** What the page's console complains of, but for the browser's own note of each answer of 4xx. */
function complaintsOf(page) {
  const complaints = [];
  page.on("console", (message) => {
    const refusal = /^Failed to load resource: the server responded with a status of 40[13]/.test(message.text());
    if (message.type() === "error" && !refusal) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => complaints.push(`${request.url()} ${request.failure()?.errorText}`));
  return complaints;
}

async function tryAsEachRole(page) {
  for (const operation of ["list_actors", "add_actor"]) {
    await click(page, `#operations-actors-${operation} .opblock-summary-control`);
    await click(page, `#operations-actors-${operation} .try-out__btn`);
  }
  for (const [role, expected] of EXPECTED) {
    if (role) await signIn(page, role);
    const answered = { get: await tried(page, "list_actors"), post: await tried(page, "add_actor") };
    check(role ?? "without a token", answered, expected);
    await screenshot(page, `docs-${role ?? "signed-out"}`);
  }
}

async function run(browser, docs) {
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  const elsewhere = [];
  page.on("request", (request) => {
    if (!/^(http:\/\/127\.0\.0\.1:|data:)/.test(request.url())) elsewhere.push(request.url());
  });
  await page.evaluateOnNewDocument(() => {
    addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(docs, { waitUntil: "networkidle0" });
  await page.waitForSelector("#operations-actors-list_actors");
  await screenshot(page, "docs");
  const operations = await page.$$eval(".opblock-summary-path", (paths) => paths.length);
  check("every operation is shown", operations, 10);
  await tryAsEachRole(page);
  check("complaints on the console", complaints, []);
  check("requests to elsewhere", elsewhere, []);
}

/** The sign-in page as an application opens it. */
function signInPage(host, identity, more = "") {
  const query = new URLSearchParams({
    audience: "casting-agency", response_type: "token", client_id: "browser",
    redirect_uri: `http://127.0.0.1:${identity}/callback`,
  });
  return `http://${host}:${identity}/authorize?${query}${more}`;
}

/** Whether the browser has come back to the callback page with a token. */
async function hasToken(page) {
  if (!page.url().includes("/callback#access_token=")) return false;
  return (await page.$eval("#token", (token) => token.value.split(".").length)) === 3;
}

async function signInOnItsPage(browser, identity) {
  for (const host of ["127.0.0.1", NAMED]) {
    const page = await browser.newPage();
    await page.goto(signInPage(host, identity));
    await Promise.all([page.waitForNavigation(), click(page, "form button[formaction$='role=director']")]);
    check(`signing in at ${host}`, await hasToken(page), true);
    await page.goto(signInPage(host, identity, "&role=director"));
    check(`a link with a role, typed in at ${host}`, await hasToken(page), false);
    await page.close();
  }
}

/** What a page of another site gets: of a fetch its status, or what the browser says in place of a response. */
async function tryAsAWebsite(browser, identity, dynamodb) {
  const html = { "content-type": "text/html" };
  const site = createSite((_, response) => response.writeHead(200, html).end("<title>A website</title>"));
  await once(site.listen(0, "127.0.0.1"), "listening");
  const page = await browser.newPage();
  const home = `http://${WEBSITE}:${site.address().port}/`;
  const attempt = (url, options) => page.evaluate(
    (url, options) => fetch(url, options).then((response) => response.status, () => "blocked"), url, options,
  );
  await page.goto(home);
  const grant = "grant_type=client_credentials&client_id=producer&client_secret=x&audience=casting-agency";
  const form = { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body: grant };
  check("a website reads a token", await attempt(`http://127.0.0.1:${identity}/oauth/token`, form), "blocked");
  const signed = { "x-amz-target": "DynamoDB_20120810.ListTables", authorization: "AWS4-HMAC-SHA256 x" };
  const call = { method: "POST", headers: signed, body: "{}" };
  check("a website calls DynamoDB", await attempt(`http://127.0.0.1:${dynamodb}/`, call), "blocked");
  for (const method of ["GET", "POST"]) {
    await page.goto(home);
    await Promise.all([page.waitForNavigation(), page.evaluate((action, method) => {
      const form = Object.assign(document.body.appendChild(document.createElement("form")), { action, method });
      for (const [name, value] of new URL(action).searchParams) {
        form.appendChild(Object.assign(document.createElement("input"), { name, value }));
      }
      form.submit();
    }, signInPage("127.0.0.1", identity, "&role=producer"), method)]);
    check(`a website picks a role by ${method}`, [page.url().includes("/authorize"), await hasToken(page)], [true, false]);
  }
  await page.goto(home);
  await page.evaluate((src) => new Promise((resolve) => {
    const frame = document.createElement("iframe");
    document.body.appendChild(Object.assign(frame, { src, onload: resolve }));
  }), signInPage("127.0.0.1", identity));
  const frame = page.frames().find((frame) => frame !== page.mainFrame());
  check("a website frames the sign-in page", (await frame.$("form").catch(() => null)) !== null, false);
  for (const [service, port] of Object.entries({ identity, dynamodb })) {
    const response = await page.goto(`http://${WEBSITE}:${port}/`);
    check(`a website's name for ${service}`, response.status(), 421);
  }
  await page.close();
  site.close();
}

/** Whether the console would get a code at once, without the sign-in page. */
async function hasSession(page, silent) {
  const parameters = new URL((await page.goto(silent)).url()).searchParams;
  check("the console gets a code or the error login_required", parameters.has("code"), parameters.get("error") !== "login_required");
  return parameters.has("code");
}

/** What a page of another site does to somebody who is signed in at the console: nothing. */
async function tryWithASession(browser, identity, consolePort) {
  const site = createSite((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<title>A website</title>"));
  await once(site.listen(0, "127.0.0.1"), "listening");
  const home = `http://${WEBSITE}:${site.address().port}/`;
  const service = `http://127.0.0.1:${identity}`;
  const query = new URLSearchParams({
    audience: "casting-agency", response_type: "code", client_id: "console", redirect_uri: `http://127.0.0.1:${consolePort}/`,
    code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256",
  });
  const [shown, silent] = ["login", "none"].map((prompt) => `${service}/authorize?${query}&prompt=${prompt}`);
  const page = await browser.newPage();
  await page.goto(shown);
  await Promise.all([page.waitForNavigation(), click(page, "form button[formaction$='role=director']")]);
  check("a session begins", await hasSession(page, silent), true);
  check("a script reads the session's cookie", await page.goto(service).then(() => page.evaluate(() => document.cookie)), "");
  for (const [from, site] of Object.entries({ "another site": home, "another port": home.replace(WEBSITE, "127.0.0.1") })) {
    await page.goto(site);
    const read = (url) => page.evaluate(
      (url) => fetch(url, { credentials: "include" }).then((response) => response.url, () => "blocked"), url,
    );
    check(`a page of ${from} reads a code`, await read(silent), "blocked");
    check(`a page of ${from} reads a page`, await read(`${service}/oidc/logout`), "blocked");
    await Promise.all([page.waitForNavigation(), page.evaluate((action) => {
      Object.assign(document.body.appendChild(document.createElement("form")), { action, method: "post" }).submit();
    }, `${service}/oidc/logout`)]);
    await page.goto(site);
    await Promise.all([page.waitForNavigation(), page.evaluate((url) => location.assign(url), `${service}/oidc/logout`)]);
    check(`a link on ${from} asks before it signs out`, await page.$eval("h1", (title) => title.textContent), "Sign out?");
    check(`a page of ${from} ends no session`, await hasSession(page, silent), true);
  }
  await page.goto(`${service}/oidc/logout`);
  await Promise.all([page.waitForNavigation(), click(page, "form button")]);
  check("the service's own page ends the session", await hasSession(page, silent), false);
  await page.close();
  site.close();
}

const { stack, docs, identity, dynamodb, consolePort } = await startStack();
let browser;
try {
  const asRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : []; // Chromium's own sandbox does not work as root
  browser = await puppeteer.launch({
    executablePath: options.chromium,
    args: [...asRoot, `--host-resolver-rules=MAP ${NAMED} 127.0.0.1, MAP ${WEBSITE} 127.0.0.1`],
    defaultViewport: { width: 1280, height: 1000 },
  });
  await run(browser, docs);
  await signInOnItsPage(browser, identity);
  await tryAsAWebsite(browser, identity, dynamodb);
  await tryWithASession(browser, identity, consolePort);
} finally {
  await browser?.close();
  stack.kill();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
