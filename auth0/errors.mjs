// Says what went wrong and what to do about it, without a stack trace and without the secret.

import { SettingsError } from './settings.mjs';

const SCOPES = 'read, create and update for clients, resource_servers, roles, connections, connections_options and '
  + 'client_grants, and read:actions';

export function explain(error) {
  const advice = error.isInterrupted ? '\nThe tenant may be half changed. Running this again completes it.' : '';
  return reason(error) + advice;
}

function reason(error) {
  if (error instanceof SettingsError) return error.message;
  const status = error.statusCode;
  const message = error.body?.message ?? error.message;
  if (error.name === 'AuthApiError' && status === 401) {
    return 'Auth0 rejected the client id or the client secret. Copy AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET again from the '
      + 'settings of the machine-to-machine application, in the tenant that AUTH0_DOMAIN names.';
  }
  if (error.name === 'AuthApiError' && status === 403) {
    return `The application may not use the Management API: ${message}\nAuthorize it for Auth0 Management API with ${SCOPES}.`;
  }
  if (/insufficient.scope/i.test(`${error.body?.errorCode} ${message}`)) {
    return `The application lacks a scope of Auth0 Management API: ${message}\nIt needs ${SCOPES}.`;
  }
  if (['AuthApiError', 'FetchError', 'ResponseError'].includes(error.name) || error.cause !== undefined) {
    const { code, message: detail } = rootCause(error);
    return `AUTH0_DOMAIN did not respond as an Auth0 tenant: ${detail || code}\nIt must be the tenant's own domain, not a custom one.`;
  }
  return message;
}

function rootCause(error) {
  while (error.cause !== undefined) error = error.cause;
  return error;
}
