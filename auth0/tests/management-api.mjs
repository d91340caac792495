// A stand-in for Auth0's Management API, which cannot run here: a test double with the calls that setup.mjs makes.
// It keeps a tenant's state in memory, counts the writes and checks tokens and scopes. Paths, scopes and the shapes
// of responses and errors follow https://auth0.com/docs/api/management/v2. Only a real tenant proves that Auth0
// does the same: docs/auth0.md says how to try it.

import { createServer } from 'node:https';
import { randomUUID } from 'node:crypto';
import { generate } from 'selfsigned';

export const CREDENTIALS = { client_id: 'deployer-client-id', client_secret: 'deployer-client-secret' };

const SCOPES = ['clients', 'resource_servers', 'roles', 'connections', 'connections_options', 'client_grants']
  .flatMap((name) => ['read', 'create', 'update'].map((verb) => `${verb}:${name}`)).concat('read:actions');

// What a new tenant has, and what somebody else has added to it.
function newTenant() {
  return {
    clients: [
      { client_id: 'global', name: 'All Applications', global: true },
      { client_id: CREDENTIALS.client_id, name: 'Deployer', app_type: 'non_interactive', global: false, is_first_party: true },
      { client_id: 'default-app', name: 'Default App', global: false, is_first_party: true, callbacks: ['https://other.example/callback'] },
    ],
    resourceServers: [
      { id: 'management-api', name: 'Auth0 Management API', identifier: 'https://tenant.example/api/v2/', is_system: true, scopes: [] },
      { id: 'other-api', name: 'Other API', identifier: 'other-api', scopes: [{ value: 'read:all', description: 'Read' }] },
    ],
    roles: [{ id: 'other-role', name: 'Other role', description: 'Of another application' }],
    rolePermissions: new Map([['other-role', [{ permission_name: 'read:all', resource_server_identifier: 'other-api' }]]]),
    connections: [{ id: 'default-database', name: 'Username-Password-Authentication', strategy: 'auth0', options: { passwordPolicy: 'good' } }],
    connectionClients: new Map([['default-database', new Set(['default-app'])]]),
    clientGrants: [{ id: 'deployer-grant', client_id: CREDENTIALS.client_id, audience: 'https://tenant.example/api/v2/', scope: SCOPES }],
  };
}

class HttpError extends Error {
  constructor(status, errorCode, message) {
    super(message);
    this.status = status;
    this.body = { statusCode: status, error: status === 403 ? 'Forbidden' : 'Error', message, errorCode };
  }
}

function find(rows, key, id) {
  const row = rows.find((candidate) => candidate[key] === id);
  if (row === undefined) throw new HttpError(404, 'inexistent_resource', `There is no ${key} ${id}.`);
  return row;
}

function requireNew(rows, key, body) {
  if (rows.some((row) => row[key] === body[key])) throw new HttpError(409, 'conflict', `${body[key]} exists already.`);
}

// The server chooses ids: a request that sends one fails.
function rejectFields(body, names) {
  const sent = names.filter((name) => name in body);
  if (sent.length > 0) throw new HttpError(400, 'invalid_body', `Payload validation error: 'Additional properties not allowed: ${sent}'.`);
}

// Auth0 has a page of at most 100 rows.
function page(name, rows, query) {
  const limit = Math.min(Number(query.get('per_page') ?? 50), 100);
  const start = Number(query.get('page') ?? 0) * limit;
  const found = rows.slice(start, start + limit);
  return query.get('include_totals') === 'true' ? { [name]: found, start, limit, total: rows.length } : found;
}

// A row is known by its `value` in a response and in the requests of the SDK.
function checkPermissions(state, permissions) {
  for (const { permission_name: name, resource_server_identifier: identifier } of permissions) {
    const { scopes } = find(state.resourceServers, 'identifier', identifier);
    if (!scopes.some((scope) => scope.value === name)) throw new HttpError(404, 'inexistent_scope', `${identifier} has no permission ${name}.`);
  }
}

const isSame = (one) => (other) => one.permission_name === other.permission_name
  && one.resource_server_identifier === other.resource_server_identifier;

const ROUTES = [
  ['GET', /^clients$/, 'read:clients', (state, { query }) => {
    const rows = query.get('is_global') === 'false' ? state.clients.filter((client) => !client.global) : state.clients;
    return page('clients', rows, query);
  }],
  ['POST', /^clients$/, 'create:clients', (state, { body }) => {
    rejectFields(body, ['client_id']);
    const client = { global: false, callbacks: [], ...body, client_id: randomUUID() };
    if (client.token_endpoint_auth_method !== 'none') client.client_secret = randomUUID();
    state.clients.push(client);
    return client;
  }],
  ['PATCH', /^clients\/(.+)$/, 'update:clients', (state, { body, id }) => {
    rejectFields(body, ['client_id']);
    return Object.assign(find(state.clients, 'client_id', id), body);
  }],
  ['GET', /^resource-servers$/, 'read:resource_servers', (state, { query }) => page('resource_servers', state.resourceServers, query)],
  ['POST', /^resource-servers$/, 'create:resource_servers', (state, { body }) => {
    rejectFields(body, ['id', 'is_system']);
    requireNew(state.resourceServers, 'identifier', body);
    const server = { scopes: [], ...body, id: randomUUID() };
    state.resourceServers.push(server);
    return server;
  }],
  ['PATCH', /^resource-servers\/(.+)$/, 'update:resource_servers', (state, { body, id }) => {
    rejectFields(body, ['id', 'identifier', 'is_system']);
    return Object.assign(find(state.resourceServers, 'id', id), body);
  }],
  ['GET', /^roles$/, 'read:roles', (state, { query }) => page('roles', state.roles, query)],
  ['POST', /^roles$/, 'create:roles', (state, { body }) => {
    rejectFields(body, ['id', 'permissions']);
    requireNew(state.roles, 'name', body);
    const role = { ...body, id: `rol_${randomUUID()}` };
    state.roles.push(role);
    state.rolePermissions.set(role.id, []);
    return role;
  }],
  ['PATCH', /^roles\/([^/]+)$/, 'update:roles', (state, { body, id }) => {
    rejectFields(body, ['id', 'permissions']);
    return Object.assign(find(state.roles, 'id', id), body);
  }],
  ['GET', /^roles\/([^/]+)\/permissions$/, 'read:roles', (state, { query, id }) => {
    const rows = state.rolePermissions.get(find(state.roles, 'id', id).id);
    const full = rows.map((row) => ({ ...row, resource_server_name: 'An API', description: 'A permission' }));
    return page('permissions', full, query);
  }],
  ['POST', /^roles\/([^/]+)\/permissions$/, 'update:roles', (state, { body, id }) => {
    checkPermissions(state, body.permissions);
    const rows = state.rolePermissions.get(find(state.roles, 'id', id).id);
    rows.push(...body.permissions.filter((permission) => !rows.some(isSame(permission))));
  }],
  ['DELETE', /^roles\/([^/]+)\/permissions$/, 'update:roles', (state, { body, id }) => {
    const rows = state.rolePermissions.get(find(state.roles, 'id', id).id);
    state.rolePermissions.set(id, rows.filter((row) => !body.permissions.some(isSame(row))));
  }],
  ['GET', /^connections$/, 'read:connections', (state, { query }) => {
    const rows = state.connections.filter(({ name, strategy }) => (query.get('name') ?? name) === name
      && (query.get('strategy') ?? strategy) === strategy);
    return { connections: rows };
  }],
  ['POST', /^connections$/, 'create:connections', (state, { body }) => {
    rejectFields(body, ['id', 'enabled_clients']);
    requireNew(state.connections, 'name', body);
    const connection = { ...body, id: `con_${randomUUID()}` };
    state.connections.push(connection);
    state.connectionClients.set(connection.id, new Set());
    return connection;
  }],
  ['GET', /^connections\/([^/]+)$/, 'read:connections', (state, { id }) => find(state.connections, 'id', id)],
  ['PATCH', /^connections\/([^/]+)$/, 'update:connections', (state, { body, id }) => {
    rejectFields(body, ['id', 'name', 'strategy', 'enabled_clients']);
    return Object.assign(find(state.connections, 'id', id), body); // `options` is replaced as a whole
  }],
  ['GET', /^connections\/([^/]+)\/clients$/, 'read:connections', (state, { id }) => {
    const clients = state.connectionClients.get(find(state.connections, 'id', id).id);
    return { clients: [...clients].map((client) => ({ client_id: client })) };
  }],
  ['PATCH', /^connections\/([^/]+)\/clients$/, 'update:connections', (state, { body, id }) => {
    const clients = state.connectionClients.get(find(state.connections, 'id', id).id);
    for (const { client_id: client, status } of body) {
      find(state.clients, 'client_id', client);
      if (status) clients.add(client);
      else clients.delete(client);
    }
  }],
  ['GET', /^actions\/actions$/, 'read:actions', () => ({ actions: [], total: 0, page: 0, per_page: 50 })],
  ['GET', /^client-grants$/, 'read:client_grants', (state) => ({ client_grants: state.clientGrants })],
  ['POST', /^client-grants$/, 'create:client_grants', (state, { body }) => {
    find(state.clients, 'client_id', body.client_id);
    checkPermissions(state, body.scope.map((name) => ({ permission_name: name, resource_server_identifier: body.audience })));
    const grant = { ...body, id: `cgr_${randomUUID()}` };
    state.clientGrants.push(grant);
    return grant;
  }],
  ['PATCH', /^client-grants\/(.+)$/, 'update:client_grants', (state, { body, id }) => {
    rejectFields(body, ['id', 'client_id', 'audience']);
    return Object.assign(find(state.clientGrants, 'id', id), body);
  }],
];

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text));
  return text === '' ? {} : JSON.parse(text);
}

// A key and a certificate for localhost, for one test.
export async function selfSigned() {
  const { private: key, cert: certificate } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
  return { key, certificate };
}

export class ManagementApi {
  state = newTenant();
  scopes = new Set(SCOPES); // a test takes some away
  writes = [];
  interruptAfter = Infinity; // a test has all writes after so many fail
  #token = randomUUID();

  // Listens on a loopback port, over TLS.
  static async start() {
    const api = new ManagementApi();
    const { key, certificate } = await selfSigned();
    api.certificate = certificate;
    api.server = createServer({ key, cert: certificate }, (request, response) => api.#serve(request, response));
    api.server.keepAliveTimeout = 60_000; // Node's 5 seconds are short for a busy machine: the next request would find the connection closed
    await new Promise((resolve) => api.server.listen(0, '127.0.0.1', resolve));
    api.domain = `localhost:${api.server.address().port}`;
    return api;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async #serve(request, response) {
    const url = new URL(request.url, `https://${this.domain}`);
    const body = await readBody(request);
    try {
      const isToken = request.method === 'POST' && url.pathname === '/oauth/token';
      const result = isToken ? this.#issueToken(body) : this.#call(request, url, body);
      response.writeHead(result === undefined ? 204 : 200, { 'content-type': 'application/json' });
      response.end(result === undefined ? undefined : JSON.stringify(result));
    } catch (error) {
      response.writeHead(error.status ?? 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify(error.body ?? { statusCode: 500, message: `${error.stack}` }));
    }
  }

  #issueToken(body) {
    const isKnown = body.grant_type === 'client_credentials' && body.client_id === CREDENTIALS.client_id
      && body.client_secret === CREDENTIALS.client_secret;
    if (!isKnown) throw oauthError(401, 'Unauthorized');
    if (this.scopes.size === 0) throw oauthError(403, `Client is not authorized to access "${body.audience}".`);
    return { access_token: this.#token, token_type: 'Bearer', expires_in: 86400, scope: [...this.scopes].join(' ') };
  }

  #call(request, url, body) {
    if (request.headers.authorization !== `Bearer ${this.#token}`) throw new HttpError(401, 'invalid_token', 'Invalid token');
    const path = url.pathname.replace(/^\/api\/v2\//, '');
    for (const [method, pattern, scope, handle] of ROUTES) {
      const match = pattern.exec(path);
      if (method !== request.method || match === null) continue;
      if (!this.scopes.has(scope)) throw new HttpError(403, 'insufficient_scope', `Insufficient scope, expected any of: ${scope}`);
      if (method !== 'GET') {
        if (this.writes.length >= this.interruptAfter) throw INTERRUPTED;
        this.writes.push(`${method} ${path}`);
      }
      return handle(this.state, { query: url.searchParams, body, id: match[1] && decodeURIComponent(match[1]) });
    }
    throw new HttpError(404, 'not_found', `The stand-in has no ${request.method} ${path}`);
  }
}

// An error that the client does not retry: it would repeat a broken connection for a minute.
const INTERRUPTED = new HttpError(400, 'invalid_body', 'The tenant takes no more changes now.');

function oauthError(status, description) {
  return Object.assign(new Error(description), { status, body: { error: 'access_denied', error_description: description } });
}
