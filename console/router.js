// Addresses: the part after "#" names the page, so that any static host serves them all.

/** The place in the history of the page in view. */
let index = Number(history.state?.index ?? 0);
/** Whether the page has changes that were not saved. */
let unsaved = () => false;
/** Asks whether to leave; the function that it gets leaves. */
let ask = (/** @type {() => void} */ leave) => leave();
let changed = () => {};

/** The page in view. While the user is asked whether to leave it, the address bar may be ahead. */
let current = /** @type {string | null} */ (null);

/** The route of the page in view. */
export function route() {
  const [path, query] = (current ?? location.hash).replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean), query: new URLSearchParams(query) };
}

/** The query of these parameters; those without a value are left out. */
export function queryOf(/** @type {Record<string, string>} */ parameters) {
  const set = Object.entries(parameters).filter(([, value]) => value.trim() !== "");
  return set.length ? `?${new URLSearchParams(set)}` : "";
}

/** Goes to an address, which takes the place of this one in the history. */
export function replace(/** @type {string} */ hash) {
  history.replaceState({ index }, "", hash);
  arrive();
}

function arrive() { current = location.hash; changed(); }

/** Has `check` say whether there are unsaved changes, until the next call. */
export function guard(/** @type {() => boolean} */ check) { unsaved = check; }

/** Does what loses unsaved changes, after the user has agreed. */
export function leave(/** @type {() => void} */ go) {
  if (!unsaved()) return go();
  ask(() => { guard(() => false); go(); });
}

/** Calls `onChange` after each change of the address, and `onLeave` before changes are lost. */
export function start(/** @type {() => void} */ onChange, /** @type {typeof ask} */ onLeave) {
  [changed, ask] = [onChange, onLeave];
  current = location.hash;
  history.replaceState({ index }, "");
  addEventListener("hashchange", moved);
  addEventListener("beforeunload", (event) => unsaved() && event.preventDefault());
}

function moved() {
  const target = Number(history.state?.index ?? index + 1);
  history.replaceState({ index: target }, "");
  const steps = target - index;
  if (location.hash === current || !unsaved() || steps === 0) {
    index = target;
    return location.hash !== current && arrive();
  }
  // The browser has moved already: it goes back to the form, and there again if the user leaves.
  history.go(-steps);
  leave(() => history.go(steps));
}
