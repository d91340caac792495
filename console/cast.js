// The cast of a movie: its order, and the steps in which a change of it is saved.

import { plain } from "./format.js";

/** How many credits one request may add, change and remove (docs/api.md, Casting). */
const MAX_CHANGES = 33;
const MAX_BILLING = 1000;

/** The order in which the API returns a cast: by billing, those without one last, then by id. */
export const inOrder = (/** @type {Cast} */ cast) =>
  byBilling([...cast].sort((one, other) => one.actor_id - other.actor_id));

/** Sorts by billing, and leaves equal ones in their order. */
const byBilling = (/** @type {Cast} */ cast) =>
  cast.sort((one, other) => (one.billing ?? Infinity) - (other.billing ?? Infinity) || 0);

/** Puts an actor behind those that have a billing. */
export function append(/** @type {Cast} */ cast, /** @type {CastActor} */ { id, name }) {
  const last = Math.max(0, ...cast.map(({ billing }) => billing ?? 0));
  const billing = last < MAX_BILLING ? last + 1 : null;
  return inOrder([...cast, { actor_id: id, name, character: null, billing }]);
}

/** Moves an actor to another place. The places keep their billing as far as they have one. */
export function move(/** @type {Cast} */ cast, /** @type {number} */ from, /** @type {number} */ to) {
  const moved = [...cast];
  moved.splice(to, 0, ...moved.splice(from, 1));
  return rising(moved.map((member, index) => withBilling(member, cast[index].billing)), to);
}

/** Puts an actor whose billing has been entered in its place. Those with the same billing come after it. */
export function settle(/** @type {Cast} */ cast, /** @type {number} */ id) {
  const [entered, others] = [cast.filter((member) => member.actor_id === id), cast.filter((member) => member.actor_id !== id)];
  return rising(byBilling([...entered, ...others]), -1);
}

/** Raises each billing that is not above the one before. Up to this index, nobody stays without one. */
function rising(/** @type {Cast} */ cast, /** @type {number} */ end) {
  let last = 0;
  const raised = cast.map((member, index) => {
    const isRight = member.billing === null ? index > end : member.billing > last;
    last = isRight ? member.billing ?? last : last + 1;
    return isRight ? member : withBilling(member, last);
  });
  return last <= MAX_BILLING ? raised : raised.map((member, index) => withBilling(member, index + 1));
}

const withBilling = (/** @type {CastMember} */ member, /** @type {number | null} */ billing) =>
  member.billing === billing ? member : { ...member, billing };

/** The ids of the actors whose credits differ, those that are removed first. */
export function changes(/** @type {Cast} */ from, /** @type {Cast} */ to) {
  const [before, after] = [byId(from), byId(to)];
  const removed = from.filter(({ actor_id }) => !after.has(actor_id));
  const changed = to.filter((member) => !isSame(before.get(member.actor_id), member));
  return [...removed, ...changed].map(({ actor_id }) => actor_id);
}

/** The casts to save one after the other: each is what one request may make of the one before. */
export function steps(/** @type {Cast} */ from, /** @type {Cast} */ to) {
  const ids = changes(from, to);
  const [target, casts] = [byId(to), [from]];
  for (let start = 0; start < ids.length; start += MAX_CHANGES) {
    casts.push(replaced(casts[casts.length - 1], target, ids.slice(start, start + MAX_CHANGES)));
  }
  return casts.slice(1);
}

/** The cast in which these credits are as in the other one. */
function replaced(/** @type {Cast} */ cast, /** @type {Map<number, CastMember>} */ other, /** @type {number[]} */ ids) {
  const kept = cast.filter(({ actor_id }) => !ids.includes(actor_id));
  return inOrder([...kept, ...ids.flatMap((id) => other.get(id) ?? [])]);
}

export const body = (/** @type {Cast} */ cast) =>
  ({ cast: cast.map(({ actor_id, character, billing }) => ({ actor_id, character, billing })) });

/** The credits in which two casts differ, and who has changed each. */
export function clashes(/** @type {Cast} */ base, /** @type {Cast} */ yours, /** @type {Cast} */ theirs) {
  const [original, mine, others] = [base, yours, theirs].map(byId);
  return changes(yours, theirs).map((id) => {
    const [your, their] = [mine.get(id), others.get(id)];
    /** @type {Choice} */
    const pick = isSame(original.get(id), your) ? "theirs" : "yours";
    return { key: String(id), label: (your ?? their)?.name ?? "", yours: say(your), theirs: say(their), pick };
  });
}

/** Your cast, with their credits where you have picked those. */
export function merge(/** @type {Cast} */ yours, /** @type {Cast} */ theirs, /** @type {Record<string, string>} */ picks) {
  const ids = Object.keys(picks).filter((id) => picks[id] === "theirs");
  return replaced(yours, byId(theirs), ids.map(Number));
}

const isSame = (/** @type {CastMember | undefined} */ one, /** @type {CastMember | undefined} */ other) =>
  Boolean(one) === Boolean(other) && one?.character === other?.character && one?.billing === other?.billing;

function say(/** @type {CastMember | undefined} */ member) {
  if (!member) return "not in the cast";
  const billing = member.billing === null ? "no billing" : `billing ${member.billing}`;
  return member.character ? `${plain(member.character)}, ${billing}` : billing;
}

const byId = (/** @type {Cast} */ cast) => new Map(cast.map((member) => [member.actor_id, member]));
