// Texts and dates as people read them.

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC", });

/** The day of a moment that the API sent, in the reader's locale. Release dates are in UTC. */
export const day = (/** @type {string} */ moment) => DAY.format(new Date(moment));

/** The same, with the time of day unless that is midnight. */
export function moment(/** @type {string} */ text) {
  const date = new Date(text);
  return date.getTime() % 86_400_000 === 0 ? DAY.format(date) : `${MOMENT.format(date)} UTC`;
}

/** The day of a moment as the API and date inputs take it: ISO 8601. */
export const isoDay = (/** @type {string} */ moment) => new Date(moment).toISOString().slice(0, 10);

/** A name without the characters that reverse the text around it, for titles and labels. */
export const plain = (/** @type {string} */ name) =>
  name.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");

/** "1 actor", "2 actors". */
export const count = (/** @type {number} */ number, /** @type {string} */ noun) =>
  `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;

/** A credit: in which movie, or who, and as whom. @param {string} what @param {string | null} character */
export const playing = (what, character) => (character ? `${plain(what)}, as ${plain(character)}` : what);
