// The API's client: each request with the token, and again when an attempt may succeed later.

import * as auth from "./auth.js";
import { pause } from "./retry.js";

/** @typedef {import("./openapi.js").components["schemas"]} Schemas */
/** @typedef {Schemas["ActorWithCredits"]} Actor */
/** @typedef {Schemas["MovieWithCast"]} Movie */
/** @typedef {Schemas["CastMember"]} CastMember */
/** @typedef {"actors" | "movies"} Kind */
/** @typedef {{ field: string, message: string }} Detail */
/** @typedef {{ body?: string, etag?: string, key?: string, signal?: AbortSignal }} Options */

/** Longer than any response of the API takes, in milliseconds. */
const TIMEOUT = 35_000;
/** The longest pause between two attempts, in seconds, unless the API asks for a longer one. */
const MAX_PAUSE = 30;
/** Statuses with which nothing is wrong with the request. 429 is the gateway's. */
const BUSY = [429, 502, 503, 504];

/** An error response. */
export class ApiError extends Error {
  constructor(/** @type {Response} */ response, /** @type {any} */ body) {
    super(body?.message ?? response.statusText);
    this.status = response.status;
    /** @type {Detail[]} */
    this.details = Array.isArray(body?.details) ? body.details : [];
    this.correlation = response.headers.get("x-correlation-id");
  }
}

/**
 * Sends a request, until there is a response that another attempt would not change.
 *
 * @param {string} method
 * @param {string} path with the query
 * @param {Options} options
 * @returns {Promise<{ body: any, etag: string | undefined }>}
 * @throws {ApiError | import("./retry.js").Stopped}
 */
export async function send(method, path, options = {}) {
  let renewals = 0;
  for (let attempt = 0; ; attempt++) {
    const token = auth.token();
    const { response, body } = await attemptOnce(method, path, options, token);
    if (response?.status === 401 && renewals < 2) {
      // The first time silently, if that works.
      if (await auth.renew(token, renewals++ > 0)) continue;
    }
    const busy = !response || BUSY.includes(response.status) || (response.status === 409 && options.key);
    if (!busy) {
      if (!response.ok) throw new ApiError(response, body);
      return { body, etag: response.headers.get("etag") ?? undefined };
    }
    const asked = Number(response?.headers.get("retry-after"));
    const reason = response ? "The server is busy" : "The server cannot be reached";
    await pause(reason, asked > 0 ? asked : Math.min(2 ** attempt, MAX_PAUSE), options.signal);
  }
}

/** One attempt; without a response if there was none, or only a part of one. */
async function attemptOnce(
  /** @type {string} */ method, /** @type {string} */ path, /** @type {Options} */ options,
  /** @type {string} */ token,
) {
  /** @type {Record<string, string>} */
  const headers = { authorization: `Bearer ${token}`, prefer: "handling=strict" };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.etag) headers["if-match"] = options.etag;
  if (options.key) headers["idempotency-key"] = options.key;
  const timeout = AbortSignal.timeout(TIMEOUT);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    const response = await fetch(auth.config.api + path, { method, headers, body: options.body, signal });
    const text = await response.text();
    return { response, body: parsed(text) };
  } catch (error) {
    if (options.signal?.aborted) throw error;
    return {};
  }
}

function parsed(/** @type {string} */ text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Reads one row with its credits or cast, as far as the user may see them. */
export async function read(/** @type {Kind} */ kind, /** @type {number | string} */ id) {
  const include = auth.canAll("get:actors", "get:movies") ? `?include=${INCLUDE[kind]}` : "";
  const { body, etag } = await send("GET", `/${kind}/${id}${include}`);
  return { row: body[kind][0], etag };
}

const INCLUDE = { actors: "credits", movies: "cast" };

/** Changes a row if it still has this version. */
export async function change(
  /** @type {Kind} */ kind, /** @type {number} */ id, /** @type {object} */ fields,
  /** @type {string | undefined} */ etag,
) {
  const written = await send("PATCH", `/${kind}/${id}`, { body: JSON.stringify(fields), etag });
  return { row: written.body[kind][0], etag: written.etag };
}

/** Adds a row. With the same key the same row is added once. */
export async function add(
  /** @type {Kind} */ kind, /** @type {string} */ body, /** @type {string} */ key,
) {
  const written = await send("POST", `/${kind}`, { body, key });
  return { row: written.body[kind][0], etag: written.etag };
}

/** Deletes a row if it still has this version. */
export async function remove(
  /** @type {Kind} */ kind, /** @type {number} */ id, /** @type {string | undefined} */ etag,
) {
  try {
    await send("DELETE", `/${kind}/${id}`, { etag });
  } catch (error) {
    // It is gone, as it should be: another attempt or another user deleted it.
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}

/** What an error means for the user. */
export function explain(/** @type {unknown} */ error) {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const permission = /^Permission not found: (\S+)$/.exec(error.message)?.[1];
  if (permission) return lacking(permission);
  if (error.status === 401) return "You are not signed in any more.";
  if (error.status === 404) return "It does not exist, or somebody has deleted it.";
  if (error.status === 413) return "That is too much for one request: shorten it.";
  if (error.status === 422) {
    return error.details.map(({ field, message }) => `${field} ${message}`).join("; ");
  }
  const id = error.correlation ? ` Give this number to your administrator: ${error.correlation}` : "";
  return `The server responded with an error: ${error.status} ${error.message}.${id}`;
}

/** What somebody without this permission is told. */
export const lacking = (/** @type {string} */ permission) =>
  `You need the permission ${permission} for this. An administrator can give it to you.`;
