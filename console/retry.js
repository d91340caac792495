// Requests that wait for their next attempt. The page shows them, and the user can end the wait.

/** The user does not want to wait any longer; whether the request was carried out is not known. */
export class Stopped extends Error {}

/** @type {Set<Wait>} */
export const waits = new Set();

/**
 * Waits before the next attempt.
 *
 * @param {string} reason what the page says
 * @param {number} seconds
 * @param {AbortSignal | undefined} signal ends the wait: nobody needs the response any more
 */
export async function pause(reason, seconds, signal) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const stop = () => reject(new Stopped(reason));
  const wait = { reason, at: Date.now() + seconds * 1000, now: () => resolve(null), stop };
  const timer = setTimeout(wait.now, seconds * 1000);
  signal?.addEventListener("abort", stop, { once: true });
  waits.add(wait);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    waits.delete(wait);
  }
}
