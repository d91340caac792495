// Makes an Auth0 tenant what tenant.yaml says.
//
// auth0-deploy-cli does the writing. It writes everything that it is given, and an update of a role takes all its
// permissions away before it gives them back. So this module compares first and passes on only what differs.

import { fileURLToPath } from 'node:url';
import { ManagementClient } from 'auth0';
import deployCli from 'auth0-deploy-cli';
import { load } from 'js-yaml';

const { tools } = deployCli.default;

const IDENTIFIERS = { resourceServers: ['identifier'], clientGrants: ['client_id', 'audience'] };

function loadYaml(name, settings) {
  const callbacks = settings.callbacks ?? [];
  const mappings = {
    API_AUDIENCE: settings.audience,
    CALLBACK_URLS: callbacks,
    ORIGINS: [...new Set(callbacks.map((url) => new URL(url).origin))],
  };
  const path = fileURLToPath(new URL(name, import.meta.url));
  return load(tools.loadFileAndReplaceKeywords(path, { mappings }));
}

function desiredState(settings) {
  const desired = loadYaml('tenant.yaml', settings);
  if (!settings.staging) return desired;
  const staging = loadYaml('staging.yaml', settings);
  const permissions = (name) => desired.roles.find((role) => role.name === name).permissions.map((one) => one.permission_name);
  return {
    ...desired,
    clients: [...desired.clients, ...staging.clients],
    clientGrants: staging.clientGrants.map(({ role, ...grant }) => ({ ...grant, scope: permissions(role) })),
  };
}

function tenant(client, assets, settings) {
  const options = { AUTH0_CLIENT_ID: settings.clientId, AUTH0_ALLOW_DELETE: false, AUTH0_INCLUDED_ONLY: Object.keys(assets) };
  return new tools.Auth0(client, assets, (name) => options[name]);
}

async function existingState(client, desired, settings) {
  const found = {};
  for (const handler of tenant(client, desired, settings).handlers) {
    found[handler.type] = (await handler.getType()) ?? [];
  }
  return found;
}

// Whether everything that `desired` says is so in `found`, which may have more members. The order of lists is free.
function holds(desired, found) {
  if (Array.isArray(desired)) {
    return Array.isArray(found) && desired.length === found.length
      && desired.every((item) => found.some((candidate) => holds(item, candidate)));
  }
  if (desired !== null && typeof desired === 'object') {
    return found !== null && typeof found === 'object' && Object.keys(desired).every((key) => holds(desired[key], found[key]));
  }
  return desired === found;
}

// tenant.yaml names applications where the tenant has their ids.
function withIds(type, item, clients) {
  const id = (name) => clients.find((client) => client.name === name)?.client_id ?? name;
  if (type === 'databases') return { ...item, enabled_clients: item.enabled_clients.map(id) };
  if (type === 'clientGrants') return { ...item, client_id: id(item.client_id) };
  return item;
}

// Without CALLBACK_URLS, an application that exists keeps the URLs that it has.
function keepUrls(item, found, settings) {
  if (found === undefined || settings.callbacks !== undefined || item.app_type !== 'spa') return item;
  const { callbacks, allowed_logout_urls, web_origins, allowed_origins, ...rest } = item;
  return rest;
}

function plan(desired, existing, settings) {
  const changes = [];
  for (const [type, items] of Object.entries(desired)) {
    const keys = IDENTIFIERS[type] ?? ['name'];
    for (const item of items) {
      const wanted = withIds(type, item, existing.clients);
      const same = existing[type].filter((candidate) => keys.every((key) => candidate[key] === wanted[key]));
      // Auth0 lets two applications have one name. Nothing says which of them is meant.
      if (same.length > 1) throw new Error(`The tenant has ${same.length} ${type} named ${item.name}. Rename or delete the others.`);
      const kept = keepUrls(wanted, same[0], settings);
      if (!holds(kept, same[0])) changes.push({ type, item: keepUrls(item, same[0], settings), verb: same[0] ? 'updated' : 'created' });
    }
  }
  return changes;
}

function describe({ type, item, verb }) {
  const names = { resourceServers: 'API', roles: 'role', clients: 'application', databases: 'database', clientGrants: 'grant of' };
  return `${names[type]} ${item.name ?? item.client_id}: ${verb}`;
}

// Changes the tenant and returns what it has changed, a line each.
export async function setUp(settings) {
  const client = new ManagementClient({ ...settings, audience: `https://${settings.domain}/api/v2/` });
  // Each type's own checks. `validate()` would also compile the tool's schema of all types, for 12 seconds.
  await tenant(client, desiredState(settings), settings).runStage('validate');
  const differences = async () => {
    const desired = desiredState(settings);
    return plan(desired, await existingState(client, desired, settings), settings);
  };

  const changes = await differences();
  if (changes.length > 0) {
    const assets = {};
    for (const { type, item } of changes) (assets[type] ??= []).push(item);
    await tenant(client, assets, settings).processChanges().catch((error) => {
      throw Object.assign(error, { isInterrupted: true });
    });
  }
  const left = changes.length > 0 ? await differences() : [];
  if (left.length > 0) throw new Error(`Auth0 has not stored everything:\n${left.map(describe).join('\n')}`);
  return changes.map(describe);
}
