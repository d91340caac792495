// Signing in with Authorization Code and PKCE (RFC 6749, RFC 7636). Tokens stay in memory.

import * as oauth from "./vendor/oauth4webapi.js";

/** @typedef {{ api: string, issuer: string, clientId: string, audience: string, demoCommand?: string }} Config */
/** @typedef {{ state: string, nonce: string, verifier: string, hash: string }} Pending */
/** @typedef {{ access: string, refresh?: string, id?: string, name: string, permissions: Set<string> }} Session */

/** In local storage: somebody is signed in. It holds no token. */
const SIGNED_IN = "casting-agency.signed-in";
/** In session storage: the sign-in that the issuer is to respond to. */
const PENDING = "casting-agency.sign-in";
/** The state of a sign-in in a window of its own begins with this. */
const POPUP = "popup.";
const SCOPE = "openid profile offline_access";

/** The address that the issuer returns to: this page. */
const here = location.origin + location.pathname;
const channel = new BroadcastChannel("casting-agency.sign-in");

/** @type {Config} */
export let config;
/** @type {oauth.AuthorizationServer} */
let server;
/** @type {oauth.Client} */
let client;
/** @type {Session | null} */
let session = null;
/** @type {Promise<boolean> | null} */
let renewing = null;
/** Shows the dialog to sign in again, and returns whether the user did. */
let askToSignIn = async () => false;

/** Sets who asks the user to sign in again. */
export function onExpiry(/** @type {() => Promise<boolean>} */ ask) {
  askToSignIn = ask;
}

export const token = () => session?.access ?? "";
export const user = () => session && { name: session.name };
export const can = (/** @type {string} */ permission) => Boolean(session?.permissions.has(permission));
export const canAll = (/** @type {string[]} */ ...permissions) => permissions.every(can);

/**
 * Reads the settings, and completes a sign-in or tries one without a question.
 *
 * @returns {Promise<"in" | "out" | "away">} "away" if the browser leaves this page, or closes it
 */
export async function start() {
  if (!isSecureContext) {
    throw new Error("A browser signs in only over HTTPS, or at 127.0.0.1 or localhost.");
  }
  config = await (await fetch("config.json")).json();
  client = { client_id: config.clientId };
  const response = new URL(location.href);
  if (response.searchParams.get("state")?.startsWith(POPUP)) {
    channel.postMessage(response.search);
    window.close();
    return "away";
  }
  addEventListener("storage", signedOutElsewhere);
  const pending = takePending();
  const isResponse = response.searchParams.has("state");
  if (isResponse) history.replaceState(history.state, "", here + (pending?.hash ?? ""));
  const known = localStorage.getItem(SIGNED_IN) !== null;
  if (!(isResponse && pending) && !known) return "out";
  server = await discover();
  if (!(isResponse && pending)) {
    await signIn({ prompt: "none" });
    return "away";
  }
  try {
    await complete(response, pending);
    return "in";
  } catch (error) {
    localStorage.removeItem(SIGNED_IN);
    if (error instanceof oauth.AuthorizationResponseError && /_required$/.test(error.error)) return "out";
    throw error;
  }
}

/** Leaves for the issuer's sign-in page. */
export async function signIn(/** @type {Record<string, string>} */ parameters = {}) {
  server ??= await discover();
  const { url, pending } = await request("", parameters);
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  location.replace(url);
}

/** Signs in in a window of its own, so that this page keeps its input. Call it from a click. */
export async function signInAgain() {
  const popup = window.open("", "casting-agency-sign-in", "popup,width=520,height=720");
  const { url, pending } = await request(POPUP);
  const response = new Promise((resolve) => {
    channel.addEventListener("message", function listen({ data }) {
      if (new URLSearchParams(data).get("state") !== pending.state) return;
      channel.removeEventListener("message", listen);
      resolve(data);
    });
  });
  if (!popup) throw new Error("The browser did not open a window: allow pop-ups for this page.");
  popup.location = url;
  await complete(new URL(`${here}${await response}`), pending);
}

/**
 * Gets a new token in place of one that the API rejected; asks the user only if it must.
 *
 * @param {string} rejected
 * @param {boolean} ask whether to ask at once
 * @returns {Promise<boolean>} whether there is a new token
 */
export function renew(rejected, ask) {
  if (session && session.access !== rejected) return Promise.resolve(true);
  renewing ??= refresh(ask).finally(() => (renewing = null));
  return renewing;
}

async function refresh(/** @type {boolean} */ ask) {
  if (!ask && session?.refresh) {
    try {
      const response = await oauth.refreshTokenGrantRequest(
        server, client, oauth.None(), session.refresh, insecure(),
      );
      keep(await oauth.processRefreshTokenResponse(server, client, response));
      return true;
    } catch {
      // It has expired or was revoked, or the issuer cannot be reached: the user has to sign in.
    }
  }
  return askToSignIn();
}

/** Ends the session here, in other tabs and at the issuer. */
export function signOut() {
  const url = new URL(server.end_session_endpoint ?? new URL("v2/logout", config.issuer));
  const back = server.end_session_endpoint ? "post_logout_redirect_uri" : "returnTo"; // Auth0's own
  url.searchParams.set("client_id", config.clientId);
  url.searchParams.set(back, here);
  if (session?.id) url.searchParams.set("id_token_hint", session.id);
  localStorage.removeItem(SIGNED_IN);
  session = null;
  location.assign(url);
}

function signedOutElsewhere(/** @type {StorageEvent} */ event) {
  if (event.key === SIGNED_IN && event.newValue === null && session) location.reload();
}

async function discover() {
  const issuer = new URL(config.issuer);
  const response = await oauth.discoveryRequest(issuer, insecure());
  return oauth.processDiscoveryResponse(issuer, response);
}

/** Only the local stack's issuer is without HTTPS. */
function insecure() {
  return { [oauth.allowInsecureRequests]: config.issuer.startsWith("http://") };
}

/** The address that asks the issuer for a code, and what its response is checked with. */
async function request(/** @type {string} */ prefix, /** @type {Record<string, string>} */ more = {}) {
  const pending = {
    state: prefix + oauth.generateRandomState(), nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(), hash: location.hash,
  };
  const url = new URL(server.authorization_endpoint ?? "");
  const parameters = {
    response_type: "code", client_id: config.clientId, redirect_uri: here, scope: SCOPE,
    audience: config.audience, state: pending.state, nonce: pending.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: "S256", ...more,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { url: url.href, pending };
}

/** Exchanges the code in the issuer's response for tokens. */
async function complete(/** @type {URL} */ response, /** @type {Pending} */ pending) {
  const parameters = oauth.validateAuthResponse(server, client, response, pending.state);
  const tokens = await oauth.authorizationCodeGrantRequest(
    server, client, oauth.None(), parameters, here, pending.verifier, insecure(),
  );
  keep(await oauth.processAuthorizationCodeResponse(server, client, tokens, {
    expectedNonce: pending.nonce, requireIdToken: true,
  }));
}

function keep(/** @type {oauth.TokenEndpointResponse} */ tokens) {
  const { permissions } = claims(tokens.access_token);
  const name = oauth.getValidatedIdTokenClaims(tokens)?.name;
  session = {
    access: tokens.access_token,
    refresh: tokens.refresh_token ?? session?.refresh,
    id: tokens.id_token ?? session?.id,
    name: typeof name === "string" ? name : session?.name ?? "",
    permissions: new Set(Array.isArray(permissions) ? permissions : []),
  };
  localStorage.setItem(SIGNED_IN, "");
}

/** The claims of an access token. Only the API checks its signature. */
function claims(/** @type {string} */ token) {
  const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** @returns {Pending | null} */
function takePending() {
  const pending = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  return pending && JSON.parse(pending);
}
