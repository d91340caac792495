// Reads and checks the values that setup.mjs takes from the environment.

const DOMAIN = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?$/;
const AUDIENCE = /^[A-Za-z0-9][A-Za-z0-9:/._~-]{0,254}$/; // as ApiAudience in template.yaml
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

// An error that the reader can repair: it is shown without a stack trace.
export class SettingsError extends Error {}

export function readSettings(environment) {
  const problems = [];
  const value = (name, rule, isValid) => {
    const text = environment[name]?.trim();
    if (!text) problems.push(`${name} is missing: ${rule}`);
    else if (!isValid(text)) problems.push(`${name} must be ${rule}`);
    return text;
  };
  const settings = {
    domain: value('AUTH0_DOMAIN', 'the tenant\'s domain, such as your-tenant.eu.auth0.com', (text) => DOMAIN.test(text)),
    clientId: value('AUTH0_CLIENT_ID', 'the client id of the machine-to-machine application', () => true),
    clientSecret: value('AUTH0_CLIENT_SECRET', 'the client secret of that application', () => true),
    audience: environment.API_AUDIENCE?.trim() || 'casting-agency',
    callbacks: readCallbacks(environment.CALLBACK_URLS, problems),
    staging: Boolean(environment.STAGING?.trim()),
  };
  if (settings.domain?.startsWith('your-tenant.')) problems.push('AUTH0_DOMAIN is still the example');
  if (!AUDIENCE.test(settings.audience)) problems.push('API_AUDIENCE must be 1 to 255 letters, digits or :/._~-');
  if (problems.length > 0) throw new SettingsError(problems.join('\n'));
  return settings;
}

// Undefined if nothing is set: an existing application then keeps its URLs.
function readCallbacks(text, problems) {
  const urls = text?.split(',').map((url) => url.trim()).filter((url) => url !== '');
  if (!urls?.length) return undefined;
  for (const url of urls) {
    if (!isCallback(url)) {
      problems.push(`CALLBACK_URLS: ${url} must be a https:// URL without a wildcard or a fragment; http:// is for loopback only`);
    }
  }
  return [...new Set(urls)];
}

function isCallback(text) {
  if (!URL.canParse(text) || /[*#]/.test(text)) return false;
  const url = new URL(text);
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.includes(url.hostname));
}
