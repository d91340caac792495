// Runs main.mjs, as `make tenant` does, against the stand-in for the Management API.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { CREDENTIALS, ManagementApi } from './management-api.mjs';

const SETUP = new URL('../main.mjs', import.meta.url).pathname;
const MATRIX = new URL('../../tests/permissions.txt', import.meta.url);
const ROLES = { assistant: 'Casting Assistant', director: 'Casting Director', producer: 'Executive Producer' };

// Starts a tenant for one test. `setUp` runs the command with the three values, and more.
async function withTenant(run) {
  const api = await ManagementApi.start();
  const folder = mkdtempSync(join(tmpdir(), 'auth0-'));
  const certificate = join(folder, 'certificate.pem');
  writeFileSync(certificate, api.certificate);
  const values = { AUTH0_DOMAIN: api.domain, AUTH0_CLIENT_ID: CREDENTIALS.client_id, AUTH0_CLIENT_SECRET: CREDENTIALS.client_secret };
  const setUp = (more = {}) => {
    api.writes.length = 0;
    return runProgram({ PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: certificate, ...values, ...more });
  };
  const succeed = async (more) => {
    const result = await setUp(more);
    assert.equal(result.status, 0, result.output);
    return result.output;
  };
  try {
    await run(api, { setUp, succeed });
  } finally {
    await api.stop();
    rmSync(folder, { recursive: true });
  }
}

function runProgram(env) {
  return new Promise((resolve) => {
    const program = spawn(process.execPath, [SETUP], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    program.stdout.on('data', (text) => { output += text; });
    program.stderr.on('data', (text) => { output += text; });
    program.on('close', (status) => resolve({ status, output }));
  });
}

// The permissions of each role, read out of the matrix that a test of the API keeps true.
function matrix() {
  const lines = readFileSync(MATRIX, 'utf8').split('\n').filter((line) => /^(GET|POST|PATCH|DELETE) \S+ +(yes|no) /.test(line));
  assert.equal(lines.length, 10);
  const permissions = { assistant: new Set(), director: new Set(), producer: new Set(), nobody: new Set() };
  for (const line of lines) {
    const [method, path, ...allowed] = line.trim().split(/\s+/);
    Object.keys(permissions).forEach((role, column) => {
      if (allowed[column] === 'yes') permissions[role].add(`${method.toLowerCase()}:${path.split('/')[1]}`);
    });
  }
  return permissions;
}

const idOf = (api, name) => api.state.roles.find((role) => role.name === name).id;
const permissionsOf = (api, name) => api.state.rolePermissions.get(idOf(api, name));
const namesOf = (permissions) => permissions.map((one) => one.permission_name).sort();
const application = (api, name) => api.state.clients.find((client) => client.name === name);
const snapshot = (api) => structuredClone(api.state);

describe('make tenant', { concurrency: 2 }, () => {
  test('a new tenant is complete after the first run and the second run writes nothing', () => withTenant(async (api, { succeed }) => {
    await succeed();
    assert.notEqual(api.writes.length, 0);
    const complete = snapshot(api);
    assert.match(await succeed(), /needs no change/);
    assert.deepEqual(api.writes, []);
    assert.deepEqual(snapshot(api), complete);

    const server = complete.resourceServers.find((one) => one.identifier === 'casting-agency');
    const { signing_alg, enforce_policies, token_dialect, token_lifetime } = server;
    assert.deepEqual([signing_alg, enforce_policies, token_dialect, token_lifetime], ['RS256', true, 'access_token_authz', 3600]);
    const database = complete.connections.find((one) => one.name === 'casting-agency');
    assert.equal(database.options.disable_signup, true);
    const users = ['Casting Agency console', 'Casting Agency command line'].map((name) => application(api, name).client_id);
    assert.deepEqual(complete.connectionClients.get(database.id), new Set(users));
  }));

  test('the permissions and roles are those of tests/permissions.txt', () => withTenant(async (api, { succeed }) => {
    await succeed({ API_AUDIENCE: 'https://agency.example/api' });
    const allowed = matrix();
    const server = api.state.resourceServers.find((one) => one.identifier === 'https://agency.example/api');
    assert.deepEqual(server.scopes.map((scope) => scope.value).sort(), [...allowed.producer].sort());
    assert.equal(server.scopes.length, 8);
    for (const [role, name] of Object.entries(ROLES)) {
      assert.deepEqual(namesOf(permissionsOf(api, name)), [...allowed[role]].sort(), name);
      assert.ok(permissionsOf(api, name).every((one) => one.resource_server_identifier === server.identifier));
    }
  }));

  test('a permission that a role has lost or gained is corrected in that role alone', () => withTenant(async (api, { succeed }) => {
    await succeed();
    const complete = snapshot(api);
    const director = idOf(api, 'Casting Director');
    const permissions = permissionsOf(api, 'Casting Director');
    permissions.splice(permissions.findIndex((one) => one.permission_name === 'patch:movies'), 1);
    assert.match(await succeed(), /^role Casting Director: updated$/m);
    assert.ok(api.writes.every((write) => write.includes(director)), api.writes.join());
    assert.ok(namesOf(permissionsOf(api, 'Casting Director')).includes('patch:movies'));

    permissionsOf(api, 'Casting Director').push({ permission_name: 'delete:movies', resource_server_identifier: 'casting-agency' });
    await succeed();
    assert.deepEqual(namesOf(permissionsOf(api, 'Casting Director')), namesOf(complete.rolePermissions.get(director)));
  }));

  test('a switched-off RBAC and a second sign-in method come back as they should be', () => withTenant(async (api, { succeed }) => {
    await succeed();
    Object.assign(api.state.resourceServers.find((one) => one.identifier === 'casting-agency'), { enforce_policies: false, token_dialect: 'access_token' });
    application(api, 'Casting Agency console').grant_types.push('implicit', 'password');
    await succeed();
    const server = api.state.resourceServers.find((one) => one.identifier === 'casting-agency');
    assert.deepEqual([server.enforce_policies, server.token_dialect], [true, 'access_token_authz']);
    assert.deepEqual(application(api, 'Casting Agency console').grant_types, ['authorization_code', 'refresh_token']);
  }));

  test('no application may use the implicit or the password grant and the users\' applications need PKCE', () => withTenant(async (api, { succeed }) => {
    await succeed({ STAGING: '1' });
    const own = api.state.clients.filter((client) => client.name.startsWith('Casting Agency'));
    assert.equal(own.length, 5);
    for (const { name, grant_types, token_endpoint_auth_method, app_type } of own) {
      assert.ok(grant_types.every((grant) => ['authorization_code', 'refresh_token', 'client_credentials'].includes(grant)), name);
      assert.equal(token_endpoint_auth_method === 'none', ['spa', 'native'].includes(app_type), name);
    }
    const { rotation_type, leeway } = application(api, 'Casting Agency console').refresh_token;
    assert.deepEqual([rotation_type, leeway], ['rotating', 0]);
  }));

  test('everything else in the tenant stays as it is', () => withTenant(async (api, { succeed }) => {
    const before = snapshot(api);
    await succeed({ STAGING: '1' });
    await succeed();
    for (const [kind, rows] of Object.entries(before)) {
      for (const row of rows) {
        const found = rows instanceof Map ? [row[0], api.state[kind].get(row[0])] : api.state[kind].find((one) => one.name === row.name && one.id === row.id);
        assert.deepEqual(found, row, kind);
      }
    }
  }));

  test('callback URLs are kept until CALLBACK_URLS names others', () => withTenant(async (api, { succeed }) => {
    await succeed({ CALLBACK_URLS: 'https://app.example.com/callback, http://localhost:5173/callback' });
    const urls = () => {
      const { callbacks, web_origins, allowed_logout_urls } = application(api, 'Casting Agency console');
      return [callbacks, web_origins, allowed_logout_urls].map((list) => list.join());
    };
    const origins = 'https://app.example.com,http://localhost:5173';
    const callbacks = 'https://app.example.com/callback,http://localhost:5173/callback';
    const expected = [callbacks, origins, callbacks];
    assert.deepEqual(urls(), expected);
    assert.match(await succeed(), /needs no change/);
    application(api, 'Casting Agency console').app_type = 'native'; // an update for another reason
    await succeed();
    assert.deepEqual(urls(), expected);
    await succeed({ CALLBACK_URLS: 'https://new.example.com/callback' });
    assert.deepEqual(urls(), ['https://new.example.com/callback', 'https://new.example.com', 'https://new.example.com/callback']);
  }));

  test('the smoke test of staging gets each role\'s permissions', () => withTenant(async (api, { succeed }) => {
    await succeed({ STAGING: '1' });
    for (const [role, allowed] of Object.entries(matrix()).filter(([name]) => name !== 'nobody')) {
      const { client_id } = application(api, `Casting Agency smoke test as ${role}`);
      const grants = api.state.clientGrants.filter((grant) => grant.client_id === client_id);
      assert.deepEqual(grants.map((grant) => [grant.audience, grant.scope.toSorted()]), [['casting-agency', [...allowed].sort()]]);
    }
    assert.match(await succeed({ STAGING: '1' }), /needs no change/);
  }));

  test('a run that was interrupted is completed by the next', () => withTenant(async (api, { setUp, succeed }) => {
    for (const writes of [1, 4, 4]) {
      api.interruptAfter = writes;
      const { status, output } = await setUp();
      assert.equal(status, 1, output);
      assert.match(output, /Running this again completes it/);
    }
    api.interruptAfter = Infinity;
    await succeed();
    assert.match(await succeed(), /needs no change/);
    assert.deepEqual(namesOf(permissionsOf(api, 'Executive Producer')), [...matrix().producer].sort());
  }));

  test('a tenant with more than a page of roles and applications gets no second ones', () => withTenant(async (api, { succeed }) => {
    await succeed();
    for (let i = 0; i < 100; i += 1) {
      api.state.roles.unshift({ id: `more-${i}`, name: `More ${i}` });
      api.state.rolePermissions.set(`more-${i}`, []);
      api.state.clients.unshift({ client_id: `more-${i}`, name: `More ${i}`, global: false });
    }
    assert.match(await succeed(), /needs no change/);
    assert.deepEqual(api.writes, []);
  }));

  test('two applications with one name are an error that changes nothing', () => withTenant(async (api, { setUp }) => {
    for (const id of ['one', 'two']) api.state.clients.push({ client_id: id, name: 'Casting Agency console', global: false });
    const { status, output } = await setUp();
    assert.equal(status, 1);
    assert.match(output, /2 clients named Casting Agency console/);
    assert.deepEqual(api.writes, []);
  }));

  test('a wrong client secret gets an error that does not show it and changes nothing', () => withTenant(async (api, { setUp }) => {
    const { status, output } = await setUp({ AUTH0_CLIENT_SECRET: 'wrong-secret' });
    assert.equal(status, 1);
    assert.match(output, /rejected the client id or the client secret/);
    assert.doesNotMatch(output, /wrong-secret|\n {4}at /);
    assert.deepEqual(api.writes, []);
  }));

  test('an application that lacks the Management API or one scope is told which scopes it needs', () => withTenant(async (api, { setUp }) => {
    const scopes = new Set(api.scopes);
    api.scopes.clear();
    const without = await setUp();
    assert.equal(without.status, 1);
    assert.match(without.output, /may not use the Management API[^]*read:actions/);
    for (const scope of scopes) if (scope !== 'create:roles') api.scopes.add(scope);
    const withoutOne = await setUp();
    assert.equal(withoutOne.status, 1);
    assert.match(withoutOne.output, /lacks a scope[^]*create:roles[^]*Running this again completes it/);
  }));

  test('every missing or malformed value is named at once', () => withTenant(async (api, { setUp }) => {
    const nothing = await setUp({ AUTH0_DOMAIN: '', AUTH0_CLIENT_ID: '', AUTH0_CLIENT_SECRET: '' });
    assert.equal(nothing.status, 1);
    for (const name of ['AUTH0_DOMAIN', 'AUTH0_CLIENT_ID', 'AUTH0_CLIENT_SECRET']) assert.match(nothing.output, new RegExp(`^${name} is missing`, 'm'));
    const wrong = await setUp({ AUTH0_DOMAIN: `https://${api.domain}/`, API_AUDIENCE: 'a"b', CALLBACK_URLS: 'http://app.example.com/callback,https://*.example.com' });
    assert.equal(wrong.status, 1);
    assert.match(wrong.output, /^AUTH0_DOMAIN must be the tenant's domain[^]*^CALLBACK_URLS: http:\/\/app[^]*^CALLBACK_URLS: https:\/\/\*[^]*^API_AUDIENCE must be/m);
    assert.match((await setUp({ AUTH0_DOMAIN: 'your-tenant.eu.auth0.com' })).output, /still the example/);
    assert.deepEqual(api.writes, []);
  }));

  test('a domain that is no tenant gets an error that names the value', () => withTenant(async (api, { setUp }) => {
    const { port } = api.server.address();
    await api.stop();
    const { status, output } = await setUp({ AUTH0_DOMAIN: `localhost:${port}` });
    assert.equal(status, 1);
    assert.match(output, /^AUTH0_DOMAIN did not respond as an Auth0 tenant/);
  }));
});
