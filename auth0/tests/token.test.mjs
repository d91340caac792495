// Runs token.mjs, as `make token` does. The test is the browser, and a token endpoint that checks the PKCE verifier.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { selfSigned } from './management-api.mjs';

const TOKEN = new URL('../token.mjs', import.meta.url).pathname;
const CALLBACK = 'http://127.0.0.1:8400/callback';

// Starts the command; `browse` gets the parameters of the URL that it prints.
async function getToken(browse) {
  const { key, certificate } = await selfSigned();
  const folder = mkdtempSync(join(tmpdir(), 'auth0-'));
  const file = join(folder, 'certificate.pem');
  writeFileSync(file, certificate);
  let challenge;
  const server = createServer({ key, cert: certificate }, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { code, code_verifier: verifier, redirect_uri: redirect, client_id: client } = JSON.parse(body);
    const isValid = code === 'the-code' && redirect === CALLBACK && client === 'command-line'
      && createHash('sha256').update(verifier).digest('base64url') === challenge;
    response.statusCode = isValid ? 200 : 403;
    response.end(JSON.stringify(isValid ? { access_token: 'the-token' } : { error_description: 'Invalid authorization code' }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const env = {
    PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: file, AUTH0_DOMAIN: `localhost:${server.address().port}`, AUTH0_CLIENT_ID: 'command-line',
  };
  const program = spawn(process.execPath, [TOKEN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  program.stdout.on('data', (text) => { output.stdout += text; });
  let browsed;
  program.stderr.on('data', (text) => {
    output.stderr += text;
    const url = /https:\/\/\S+\n/.exec(output.stderr);
    if (url === null || browsed !== undefined) return;
    const query = new URL(url[0].trim()).searchParams;
    challenge = query.get('code_challenge');
    browsed = browse(query).catch((error) => { program.kill(); throw error; });
    browsed.catch(() => {}); // `await browsed` below reports it
  });
  try {
    const status = await new Promise((resolve) => program.on('close', resolve));
    await browsed;
    return { status, ...output };
  } finally {
    program.kill();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

const redirect = (parameters) => fetch(`${CALLBACK}?${new URLSearchParams(parameters)}`);

describe('make token', { concurrency: 1 }, () => { // the port of the callback is fixed
  test('a sign-in with a code and its verifier prints the token alone', async () => {
    const { status, stdout } = await getToken(async (query) => {
      assert.equal(query.get('response_type'), 'code');
      assert.equal(query.get('code_challenge_method'), 'S256');
      assert.equal(query.get('audience'), 'casting-agency');
      assert.equal((await redirect({ code: 'the-code', state: query.get('state') })).status, 200);
    });
    assert.deepEqual([status, stdout], [0, 'the-token\n']);
  });

  test('a redirect without the state of the sign-in is ignored', async () => {
    const { status, stdout } = await getToken(async (query) => {
      assert.equal((await redirect({ code: 'forged', state: 'forged' })).status, 404);
      assert.equal((await redirect({ code: 'forged' })).status, 404);
      await redirect({ code: 'the-code', state: query.get('state') });
    });
    assert.deepEqual([status, stdout], [0, 'the-token\n']);
  });

  test('a sign-in or a code that Auth0 rejects is an error that says why', async () => {
    const rejected = await getToken((query) => redirect({ error: 'access_denied', error_description: 'User blocked', state: query.get('state') }));
    assert.equal(rejected.status, 1);
    assert.match(rejected.stderr, /did not sign you in: User blocked/);
    const invalid = await getToken((query) => redirect({ code: 'another', state: query.get('state') }));
    assert.equal(invalid.status, 1);
    assert.match(invalid.stderr, /gave no token: 403 Invalid authorization code/);
  });
});
