// `make token`: gets an access token for the command line, with the authorization code grant and PKCE (RFC 7636, RFC 8252).

import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const PORT = 8400; // as in tenant.yaml
const REDIRECT = `http://127.0.0.1:${PORT}/callback`;

const random = () => randomBytes(32).toString('base64url');

function value(name) {
  const text = process.env[name]?.trim();
  if (!text) throw new Error(`${name} is missing: docs/auth0.md says what it is`);
  return text;
}

// Waits for the browser to return with a code. `ready` is called when the browser may be sent away.
function receiveCode(state, ready) {
  return new Promise((resolve, reject) => {
    const server = createServer((request, response) => {
      const url = new URL(request.url, REDIRECT);
      const query = url.searchParams;
      // A page of any website can send a request here. Only Auth0's redirect has the state.
      if (url.pathname !== '/callback' || query.get('state') !== state) return response.writeHead(404).end();
      response.writeHead(200, { 'content-type': 'text/plain', connection: 'close' });
      response.end(query.has('code') ? 'You are signed in. You can close this page.' : 'Signing in failed. See the terminal.');
      server.close();
      if (query.has('code')) resolve(query.get('code'));
      else reject(new Error(`Auth0 did not sign you in: ${query.get('error_description') ?? query.get('error')}`));
    });
    server.on('error', reject);
    server.listen(PORT, '127.0.0.1', ready);
  });
}

async function main() {
  const domain = value('AUTH0_DOMAIN');
  const client = value('AUTH0_CLIENT_ID');
  const audience = process.env.API_AUDIENCE?.trim() || 'casting-agency';
  const verifier = random();
  const state = random();
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client,
    redirect_uri: REDIRECT,
    audience,
    scope: 'openid',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const code = await receiveCode(state, () => console.error(`Sign in at\n\nhttps://${domain}/authorize?${query}\n`));
  const response = await fetch(`https://${domain}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'authorization_code', client_id: client, code, code_verifier: verifier, redirect_uri: REDIRECT,
    }),
  });
  const reply = await response.json().catch(() => ({}));
  if (!reply.access_token) throw new Error(`Auth0 gave no token: ${response.status} ${reply.error_description ?? ''}`);
  console.log(reply.access_token);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
