// `make tenant`: sets up the Auth0 tenant that the environment names. docs/auth0.md explains its use.

import { explain } from './errors.mjs';
import { readSettings } from './settings.mjs';

process.env.AUTH0_LOG = 'error'; // else auth0-deploy-cli warns about everything in the tenant that is not in tenant.yaml

try {
  const settings = readSettings(process.env);
  const { setUp } = await import('./setup.mjs'); // takes seconds to load, and reads AUTH0_LOG
  const changes = await setUp(settings);
  console.log(changes.length > 0 ? changes.join('\n') : `${settings.domain} needs no change.`);
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}
