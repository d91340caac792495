// A local stack on free ports, which the test that starts it stops.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { options } from "./options.mjs";
import { freePorts } from "./ports.mjs";

/** As many requests at the same time when a test adds many rows. */
const CONCURRENT_REQUESTS = 8;
/** How often a request is sent that the API is too busy for. */
const ATTEMPTS = 10;

export class Stack {
  /** Starts a stack for one test, in memory unless it is kept: then it can be stopped and started again. */
  static async start(t, { kept = false, flags = [] } = {}) {
    const stack = new Stack();
    [stack.apiPort, stack.identityPort, stack.dynamodbPort, stack.consolePort] = await freePorts(4);
    stack.home = kept ? mkdtempSync(path.join(tmpdir(), "console-")) : undefined;
    stack.flags = flags;
    t.after(async () => {
      try {
        for (const window of stack.windows) await window.close();
      } finally {
        await stack.stop();
        if (stack.home) rmSync(stack.home, { recursive: true });
      }
    });
    await stack.run();
    return stack;
  }

  get api() {
    return `http://127.0.0.1:${this.apiPort}`;
  }

  get issuer() {
    return `http://127.0.0.1:${this.identityPort}`;
  }

  get console() {
    return `http://127.0.0.1:${this.consolePort}`;
  }

  /** The windows that use it. They are closed before it stops. */
  windows = [];

  async run() {
    const ports = ["--port", this.apiPort, "--identity-port", this.identityPort];
    ports.push("--dynamodb-port", this.dynamodbPort, "--console-port", this.consolePort);
    const flags = [...ports.map(String), ...(this.home ? [] : ["--in-memory"]), ...this.flags];
    // The folder with the data is .local in the current folder, unless cargo says where the repository is.
    const { CARGO_MANIFEST_DIR: _, ...env } = process.env;
    this.process = spawn(options.local, flags, { stdio: ["ignore", "pipe", "inherit"], cwd: this.home, env });
    let welcome = "";
    for await (const text of this.process.stdout.setEncoding("utf8")) {
      welcome += text;
      if (welcome.includes("Ctrl-C stops it")) break;
    }
    assert.ok(welcome.includes(this.console), `the stack does not serve the console; it says: ${welcome}`);
  }

  /** Makes the identity service forget its key at its next start: no token is valid after that. */
  loseKey() {
    rmSync(path.join(this.home, ".local/signing-key.der"));
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill();
    await once(this.process, "exit");
  }

  async token(role) {
    const body = new URLSearchParams({ grant_type: "password", username: role, password: "x", audience: "casting-agency" });
    const response = await fetch(`${this.issuer}/oauth/token`, { method: "POST", body });
    return (await response.json()).access_token;
  }

  /** Sends a request of a colleague's program, and gives what the API returns. */
  async send(method, target, body) {
    this.tokens ??= {};
    this.tokens.producer ??= await this.token("producer");
    const headers = { authorization: `Bearer ${this.tokens.producer}`, "content-type": "application/json" };
    for (let attempt = 1; ; attempt++) {
      const response = await fetch(this.api + target, { method, headers, body: body && JSON.stringify(body) });
      const answer = await response.json();
      if (response.ok) return answer;
      // A slow machine may be too busy for a request.
      assert.ok(response.status === 503 && attempt < ATTEMPTS, `${method} ${target}: ${JSON.stringify(answer)}`);
      await pause(1000 * response.headers.get("retry-after"));
    }
  }

  /** Adds rows in this order: of an empty stack, their ids are 1, 2, 3, … */
  async addActors(...rows) {
    for (const row of rows) await this.send("POST", "/actors", row);
  }

  async addMovies(...rows) {
    for (const row of rows) await this.send("POST", "/movies", row);
  }

  /** Adds many actors, some at a time and so in any order. */
  async addManyActors(rows) {
    const waiting = rows.values();
    const worker = async () => {
      for (const row of waiting) await this.send("POST", "/actors", row);
    };
    await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, worker));
  }

  /** All rows of a list, without pages. */
  async list(target) {
    const rows = [];
    for (let next = target; next; ) {
      const answer = await this.send("GET", next);
      rows.push(...(answer.actors ?? answer.movies));
      next = answer.next;
    }
    return rows;
  }

  /** A movie's cast as stored. */
  async cast(id) {
    return (await this.send("GET", `/movies/${id}?include=cast`)).movies[0].cast;
  }
}

/** An actor whom no test cares about. */
export function actor(name, more) {
  return { name, age: 30, gender: "female", ...more };
}
