// Runs the collection against a deployed API, as the smoke test of scripts/release.sh does. The environment has API_URL
// and, for each role, either ASSISTANT_TOKEN, DIRECTOR_TOKEN and PRODUCER_TOKEN, or the applications that
// `make tenant STAGING=1` made: AUTH0_DOMAIN, and ASSISTANT_CLIENT_ID, ASSISTANT_CLIENT_SECRET and so on.
//
//     node staged.mjs
//
// Secrets and tokens stay in this process: other programs can read a command line.

import newman from 'newman';

const ROLES = ['ASSISTANT', 'DIRECTOR', 'PRODUCER'];

class SettingsError extends Error {}

function value(name) {
  const text = process.env[name]?.trim();
  if (!text) throw new SettingsError(`${name} is missing. docs/pipelines.md lists what the smoke test needs.`);
  return text;
}

async function token(role) {
  const given = process.env[`${role}_TOKEN`]?.trim();
  if (given) return given;
  const body = {
    grant_type: 'client_credentials',
    client_id: value(`${role}_CLIENT_ID`),
    client_secret: value(`${role}_CLIENT_SECRET`),
    audience: process.env.API_AUDIENCE?.trim() || 'casting-agency',
  };
  const response = await fetch(`https://${value('AUTH0_DOMAIN')}/oauth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const reply = await response.json().catch(() => ({}));
  if (!response.ok || !reply.access_token) {
    throw new SettingsError(`Auth0 gave no token for ${role}: ${response.status} ${reply.error_description ?? ''}`);
  }
  return reply.access_token;
}

function run(options) {
  return new Promise((resolve, reject) => {
    newman.run(options, (error, summary) => (error ? reject(error) : resolve(summary.run)));
  });
}

try {
  const baseUrl = value('API_URL').replace(/\/$/, '');
  const tokens = await Promise.all(ROLES.map(token));
  const { stats, failures } = await run({
    collection: 'casting-agency.postman_collection.json',
    environment: 'staged.postman_environment.json',
    envVar: [
      { key: 'base_url', value: baseUrl },
      { key: 'origin', value: process.env.ORIGIN?.trim() || 'https://localhost' },
      ...ROLES.map((role, index) => ({ key: `${role.toLowerCase()}_token`, value: tokens[index] })),
    ],
    timeoutRequest: 30_000,
  });
  for (const { source, error } of failures) console.error(`${source?.name}: ${error.message}`);
  const { total, failed } = stats.assertions;
  console.log(`${total - failed} passed, ${failed} failed`);
  if (failures.length > 0 || total === 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : `The collection did not run: ${error.message} ${error.cause?.message ?? ''}`.trim());
  process.exitCode = 1;
}
