// Signing in with Authorization Code and PKCE (RFC 6749, RFC 7636). Tokens stay in memory.

import * as oauth from "./vendor/oauth4webapi.js";

/** In local storage: somebody is signed in. It holds no token. */
const SIGNED_IN = "casting-agency.signed-in";
/** In session storage: the sign-in that the issuer is to respond to. */
const PENDING = "casting-agency.sign-in";
/** What one tab tells the others. */
const SIGNED_OUT = "signed out";
/** The state of a sign-in in a window of its own begins with this. */
const POPUP = "popup.";

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
/** Only the local stack's issuer is without HTTPS. */
const options = { [oauth.allowInsecureRequests]: false };
/** Shows the dialog to sign in again, and returns whether the user did. */
let askToSignIn = async () => false;

export function onExpiry(/** @type {() => Promise<boolean>} */ ask) { askToSignIn = ask; }

export const token = () => session?.access ?? "";
export const userName = () => session?.name;
export const can = (/** @type {string} */ permission) => Boolean(session?.permissions.includes(permission));
export const canAll = (/** @type {string[]} */ ...permissions) => permissions.every(can);

/**
 * Reads the settings, and completes a sign-in or tries one without a question.
 *
 * @returns {Promise<"in" | "out" | "away">} "away" if the browser leaves this page
 */
export async function start() {
  if (!isSecureContext) throw new Error("A browser signs in only over HTTPS, at 127.0.0.1 or at localhost");
  config = await (await fetch("config.json")).json();
  client = { client_id: config.clientId };
  options[oauth.allowInsecureRequests] = config.issuer.startsWith("http://");
  const response = new URL(location.href);
  const state = response.searchParams.get("state");
  if (state?.startsWith(POPUP)) {
    channel.postMessage(response.search);
    window.close();
    return "out";
  }
  channel.addEventListener("message", ({ data }) => {
    if (data !== SIGNED_OUT || !session) return;
    session = null;
    location.reload();
  });
  // The browser shows a page as it was left: after a sign-out, with what only the user may see.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  /** @type {Pending | null} */
  const pending = state && JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  sessionStorage.removeItem(PENDING);
  if (state) history.replaceState(history.state, "", here + (pending?.hash ?? ""));
  if (!pending) {
    if (localStorage.getItem(SIGNED_IN) === null) return "out";
    await signIn({ prompt: "none" });
    return "away";
  }
  try {
    await complete(response, pending);
    return "in";
  } catch (error) {
    if (!(error instanceof oauth.AuthorizationResponseError)) throw error;
    localStorage.removeItem(SIGNED_IN);
    if (/_required$/.test(error.error)) return "out";
    throw error;
  }
}

export async function signIn(/** @type {Record<string, string>} */ parameters = {}) {
  const { url, pending } = await request("", parameters);
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  location.replace(url);
}

/** Signs in in a window of its own, so that this page keeps its input. Call it from a click. */
export async function signInAgain() {
  const popup = window.open("", "casting-agency-sign-in", "popup,width=520,height=720");
  if (!popup) throw new Error("The browser did not open a window: allow pop-ups for this page.");
  const { url, pending } = await request(POPUP);
  const response = new Promise((resolve) => {
    channel.onmessage = ({ data }) => new URLSearchParams(data).get("state") === pending.state && resolve(data);
  });
  popup.location = url;
  await complete(new URL(here + (await response)), pending);
}

/**
 * Gets a new token in place of one that the API rejected; asks the user only if it must.
 *
 * @param {string} rejected
 * @param {boolean} ask whether to ask at once
 * @returns {Promise<boolean>} whether there is a new token
 */
export async function renew(rejected, ask) {
  if (session && session.access !== rejected) return true;
  renewing ??= (async () => (!ask && (await refresh())) || askToSignIn())();
  return renewing.finally(() => (renewing = null));
}

/** Gets a new token with the refresh token, and returns whether that worked. */
async function refresh() {
  if (!session?.refresh) return false;
  try {
    const tokens = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), session.refresh, options);
    keep(await oauth.processRefreshTokenResponse(server, client, tokens));
    return true;
  } catch {
    return false; // it has expired or was revoked, or the issuer cannot be reached
  }
}

/** Ends the session here, in other tabs and at the issuer; nowhere if the issuer cannot be reached. */
export async function signOut() {
  await oauth.discoveryRequest(new URL(config.issuer), options);
  const own = server.end_session_endpoint;
  const url = new URL(own ?? new URL("v2/logout", config.issuer)); // a tenant without OpenID Connect's endpoint
  url.searchParams.set("client_id", config.clientId);
  url.searchParams.set(own ? "post_logout_redirect_uri" : "returnTo", here);
  if (session?.id) url.searchParams.set("id_token_hint", session.id);
  localStorage.removeItem(SIGNED_IN);
  channel.postMessage(SIGNED_OUT);
  session = null;
  location.assign(url);
}

async function discover() {
  const issuer = new URL(config.issuer);
  server ??= await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
}

/** The address that asks the issuer for a code, and what its response is checked with. */
async function request(/** @type {string} */ prefix, /** @type {Record<string, string>} */ more = {}) {
  if (!config) location.reload();
  await discover();
  const [state, nonce] = [prefix + oauth.generateRandomState(), oauth.generateRandomNonce()];
  const verifier = oauth.generateRandomCodeVerifier();
  const challenge = await oauth.calculatePKCECodeChallenge(verifier);
  const url = new URL(server.authorization_endpoint ?? "");
  url.search = new URLSearchParams({
    response_type: "code", client_id: config.clientId, redirect_uri: here, audience: config.audience,
    scope: "openid profile offline_access", state, nonce, code_challenge: challenge, code_challenge_method: "S256", ...more,
  }).toString();
  return { url: url.href, pending: { state, nonce, verifier, hash: location.hash } };
}

async function complete(/** @type {URL} */ response, /** @type {Pending} */ { state, nonce, verifier }) {
  await discover();
  const code = oauth.validateAuthResponse(server, client, response, state);
  const tokens = await oauth.authorizationCodeGrantRequest(server, client, oauth.None(), code, here, verifier, options);
  const checks = { expectedNonce: nonce, requireIdToken: true };
  keep(await oauth.processAuthorizationCodeResponse(server, client, tokens, checks));
}

function keep(/** @type {oauth.TokenEndpointResponse} */ tokens) {
  // Only the API checks the access token's signature.
  const payload = tokens.access_token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  const { permissions } = JSON.parse(new TextDecoder().decode(bytes));
  const name = oauth.getValidatedIdTokenClaims(tokens)?.name;
  session = {
    access: tokens.access_token, refresh: tokens.refresh_token ?? session?.refresh, id: tokens.id_token ?? session?.id,
    name: typeof name === "string" ? name : session?.name ?? "", permissions: Array.isArray(permissions) ? permissions : [],
  };
  localStorage.setItem(SIGNED_IN, "");
}
