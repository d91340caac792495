// The cast of a movie: its order, and the steps in which a change of it is saved.

/** @typedef {import("./api.js").CastMember} CastMember */
/** @typedef {CastMember[]} Cast */

/** How many credits one request may add, change and remove (docs/api.md, Casting). */
const MAX_CHANGES = 33;
const MAX_BILLING = 1000;

/** The order in which the API returns a cast: by billing, those without one last, then by id. */
export const inOrder = (/** @type {Cast} */ cast) =>
  [...cast].sort((one, other) =>
    (one.billing ?? Infinity) - (other.billing ?? Infinity) || one.actor_id - other.actor_id);

/** Puts an actor behind those that have a billing. */
export function append(/** @type {Cast} */ cast, /** @type {{ id: number, name: string }} */ actor) {
  const last = Math.max(0, ...cast.map(({ billing }) => billing ?? 0));
  const billing = last < MAX_BILLING ? last + 1 : null;
  return inOrder([...cast, { actor_id: actor.id, name: actor.name, character: null, billing }]);
}

/** Moves an actor to another place. The places keep their billing as far as they have one. */
export function move(/** @type {Cast} */ cast, /** @type {number} */ from, /** @type {number} */ to) {
  const moved = [...cast];
  moved.splice(to, 0, ...moved.splice(from, 1));
  const placed = moved.map((member, index) => withBilling(member, cast[index].billing));
  let last = 0;
  const risen = placed.map((member, index) => {
    const isRight = member.billing === null ? index > to : member.billing > last;
    const billing = isRight ? member.billing : last + 1;
    last = billing ?? last;
    return withBilling(member, billing);
  });
  return last <= MAX_BILLING ? risen : risen.map((member, index) => withBilling(member, index + 1));
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
  const [current, target] = [byId(from), byId(to)];
  const casts = [];
  for (let start = 0; start < ids.length; start += MAX_CHANGES) {
    for (const id of ids.slice(start, start + MAX_CHANGES)) {
      const member = target.get(id);
      if (member) current.set(id, member);
      else current.delete(id);
    }
    casts.push(inOrder([...current.values()]));
  }
  return casts;
}

/** What a request sends for a cast. */
export const body = (/** @type {Cast} */ cast) => ({
  cast: cast.map(({ actor_id, character, billing }) => ({ actor_id, character, billing })),
});

/** The credits that two people have made different, and which of them only one has changed. */
export function clashes(/** @type {Cast} */ base, /** @type {Cast} */ yours, /** @type {Cast} */ theirs) {
  const [mine, original] = [byId(yours), byId(base)];
  const others = byId(theirs);
  return changes(yours, theirs).map((id) => {
    const [your, their] = [mine.get(id), others.get(id)];
    const pick = isSame(original.get(id), your) ? "theirs" : "yours";
    const label = (your ?? their)?.name ?? "";
    return { key: String(id), label, yours: say(your), theirs: say(their), pick: /** @type {const} */ (pick) };
  });
}

/** The cast with the chosen credits. */
export function merge(
  /** @type {Cast} */ yours, /** @type {Cast} */ theirs, /** @type {Record<string, string>} */ picks,
) {
  const cast = byId(yours);
  const others = byId(theirs);
  for (const [key, pick] of Object.entries(picks)) {
    if (pick !== "theirs") continue;
    const their = others.get(Number(key));
    if (their) cast.set(their.actor_id, their);
    else cast.delete(Number(key));
  }
  return inOrder([...cast.values()]);
}

function say(/** @type {CastMember | undefined} */ member) {
  if (!member) return "not in the cast";
  const billing = member.billing === null ? "no billing" : `billing ${member.billing}`;
  return member.character ? `${member.character}, ${billing}` : billing;
}

const isSame = (/** @type {CastMember | undefined} */ one, /** @type {CastMember | undefined} */ other) =>
  one === other || (one?.character === other?.character && one?.billing === other?.billing && Boolean(one) === Boolean(other));

const byId = (/** @type {Cast} */ cast) => new Map(cast.map((member) => [member.actor_id, member]));
