// Requests that wait for their next attempt. The page shows them, and the user can end the wait.

/** @typedef {{ reason: string, at: number, now: () => void, stop: () => void }} Wait */

/** The user does not want to wait any longer; whether the request was carried out is not known. */
export class Stopped extends Error {}

/** @type {Set<Wait>} */
export const waits = new Set();
let changed = () => {};

/** Calls this function whenever a wait begins or ends. */
export function onWait(/** @type {() => void} */ listener) { changed = listener; }

/**
 * Waits before the next attempt.
 *
 * @param {string} reason what the page says
 * @param {number} seconds
 * @param {AbortSignal | undefined} signal ends the wait: nobody needs the response any more
 */
export async function pause(reason, seconds, signal) {
  /** @type {Wait | undefined} */
  let wait;
  let timer = 0;
  try {
    await new Promise((resolve, reject) => {
      const stop = () => reject(new Stopped(reason));
      wait = { reason, at: Date.now() + seconds * 1000, now: () => resolve(undefined), stop };
      waits.add(wait);
      timer = setTimeout(resolve, seconds * 1000);
      signal?.addEventListener("abort", stop, { once: true });
      if (signal?.aborted) stop();
      changed();
    });
  } finally {
    clearTimeout(timer);
    if (wait) waits.delete(wait);
    changed();
  }
}
