// The API's client: each request with the token, and again when an attempt may succeed later.

import * as auth from "./auth.js";

/** Longer than any response of the API takes, in milliseconds. */
const TIMEOUT = 35_000;
/** The longest pause between two attempts, in seconds, unless the API asks for a longer one. */
const MAX_PAUSE = 30;
/** Statuses of a server that is busy. 429, 502 and 504 are the gateway's. */
const BUSY = [429, 502, 503, 504];
/** What a row of the one kind shows of the other. */
export const INCLUDE = { actors: "credits", movies: "cast" };

export class ApiError extends Error {
  constructor(/** @type {Response} */ response, /** @type {any} */ body) {
    super(body?.message ?? response.statusText);
    this.status = response.status;
    /** @type {Detail[]} */
    this.details = Array.isArray(body?.details) ? body.details : [];
    this.correlation = response.headers.get("x-correlation-id");
  }
}

/** The user does not want to wait any longer; whether the request was carried out is not known. */
class Stopped extends Error {}

/** Requests that wait for their next attempt. The page shows them. @type {Set<Wait>} */
export const waits = new Set();

/**
 * Waits before the next attempt.
 *
 * @param {string} reason what the page says
 * @param {number} seconds
 * @param {AbortSignal | undefined} signal ends the wait: nobody needs the response any more
 */
async function pause(reason, seconds, signal) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const stop = () => reject(new Stopped(reason));
  const wait = { reason, at: Date.now() + seconds * 1000, now: () => resolve(null), stop };
  const timer = setTimeout(wait.now, seconds * 1000);
  signal?.addEventListener("abort", stop, { once: true });
  waits.add(wait);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    waits.delete(wait);
  }
}

/** Ends the requests of a page when the user leaves it: nobody waits for them any more. */
let page = new AbortController();
export function leavePage() { page.abort(); page = new AbortController(); }

/**
 * Sends a request, until there is a response that another attempt would not change.
 *
 * @param {string} method
 * @param {string} path with the query
 * @param {Options} options
 * @returns {Promise<{ body: any, etag: string | undefined }>}
 * @throws {ApiError | Stopped}
 */
export async function send(method, path, options = {}) {
  const { signal = page.signal } = options;
  let renewals = 0;
  for (let attempt = 0; ; attempt++) {
    const token = auth.token();
    const { response, body } = await tryOnce(method, path, { ...options, signal }, token);
    // The first time silently, if that works.
    if (response?.status === 401 && renewals < 2 && (await auth.renew(token, renewals++ > 0))) continue;
    const inProgress = response?.status === 409 && options.key;
    if (response && !inProgress && !BUSY.includes(response.status)) {
      if (!response.ok) throw new ApiError(response, body);
      return { body, etag: response.headers.get("etag") ?? undefined };
    }
    const asked = Number(response?.headers.get("retry-after"));
    const reason = response ? "The server is busy" : "The server cannot be reached";
    await pause(reason, asked > 0 ? asked : Math.min(2 ** attempt, MAX_PAUSE), signal);
  }
}

/**
 * One attempt; without a response if there was none, or only a part of one.
 *
 * @param {string} method @param {string} path @param {Options} options @param {string} token
 */
async function tryOnce(method, path, { body, etag, key, signal }, token) {
  const headers = new Headers({ authorization: `Bearer ${token}`, prefer: "handling=strict" });
  if (body !== undefined) headers.set("content-type", "application/json");
  if (etag) headers.set("if-match", etag);
  if (key) headers.set("idempotency-key", key);
  const timeout = AbortSignal.timeout(TIMEOUT);
  const until = signal ? AbortSignal.any([signal, timeout]) : timeout;
  try {
    const response = await fetch(auth.config.api + path, { method, headers, body, signal: until });
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return { response, body: isJson ? await response.json() : null };
  } catch (error) {
    if (signal?.aborted) throw error;
    return {};
  }
}

/** Reads one row with its credits or cast, as far as the user may see them. */
export async function read(/** @type {Kind} */ kind, /** @type {number | string} */ id) {
  const include = auth.canAll("get:actors", "get:movies") ? `?include=${INCLUDE[kind]}` : "";
  const { body, etag } = await send("GET", `/${kind}/${encodeURIComponent(id)}${include}`);
  return { row: body[kind][0], etag };
}

/**
 * Changes a row, if it still has this version.
 *
 * @param {Kind} kind @param {number} id @param {object} fields @param {string | undefined} etag
 */
export async function change(kind, id, fields, etag) {
  const written = await send("PATCH", `/${kind}/${id}`, { body: JSON.stringify(fields), etag });
  return { row: written.body[kind][0], etag: written.etag };
}

/**
 * Adds a row; with the same key only one.
 *
 * @param {Kind} kind @param {string} body @param {string} key
 */
export async function add(kind, body, key) {
  const written = await send("POST", `/${kind}`, { body, key });
  return { row: written.body[kind][0], etag: written.etag };
}

/**
 * Deletes a row, if it still has this version.
 *
 * @param {Kind} kind @param {number} id @param {string | undefined} etag
 */
export const remove = (kind, id, etag) => send("DELETE", `/${kind}/${id}`, { etag }).catch((error) => {
  // With 404 it is gone, as it should be: an earlier attempt or another user deleted it.
  if (error.status !== 404) throw error;
});

/** What an error means for the user. */
export function explain(/** @type {unknown} */ error) {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const { status, message, details, correlation } = error;
  const permission = /^Permission not found: (\S+)$/.exec(message)?.[1];
  if (permission) return lacking(permission);
  if (status === 401) return "You are not signed in any more.";
  if (status === 404) return "It does not exist, or somebody has deleted it.";
  if (status === 413) return "That is too much for one request: shorten it.";
  if (status === 422) return details.map((detail) => `${detail.field} ${detail.message}`).join("; ");
  return `The server responded with an error (${status} ${message}). Its number in the log: ${correlation ?? "unknown"}.`;
}

/** What somebody without this permission is told. */
export const lacking = (/** @type {string} */ permission) =>
  `You need the permission ${permission}. An administrator can give it to you.`;
