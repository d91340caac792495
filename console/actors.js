// Actors.

import { can } from "./auth.js";
import { ACTOR_FILTERS, GENDERS } from "./filters.js";
import { day, isoDay, playing } from "./format.js";
import { Text, headings, html, link } from "./ui.js";

/** @type {Resource} */
export const actors = {
  kind: "actors",
  noun: "actor",
  title: "Actors",
  filters: ACTOR_FILTERS,
  columns: [
    { label: "Name", sort: "name", cell: (/** @type {Actor} */ { id, name }) => link(`actors/${id}`, name) },
    { label: "Age", sort: "age", class: "number", cell: (/** @type {Actor} */ actor) => actor.age },
    { label: "Gender", class: "short", cell: (/** @type {Actor} */ { gender }) => html`<${Text}>${gender}<//>` },
  ],
  extra: { label: "Latest credit", cell: (/** @type {Actor} */ { credits: [latest] = [] }) =>
    latest && html`<${Text}>${latest.title}<//>, ${isoDay(latest.release_date).slice(0, 4)}` },
  order: ({ name }) => (name ? "" : "name"), // by how well the name matches
  fields: [
    { name: "name", label: "Name" },
    { name: "age", label: "Age", inputmode: "numeric" },
    { name: "gender", label: "Gender", list: GENDERS },
  ],
  name: (row) => row.name,
  values: (row) => ({ name: row?.name ?? "", age: String(row?.age ?? ""), gender: row?.gender ?? "" }),
  facts: (row) => html`
    <dt>Age</dt><dd>${row.age}</dd>
    <dt>Gender</dt><dd><${Text}>${row.gender}<//></dd>`,
  related: (row) => credits(/** @type {Actor} */ (row)),
  lost: ({ credits }) => credits?.map((/** @type {Credit} */ { title, character }) => playing(title, character)),
};

/** The credits, the newest first; nothing for somebody who may not see movies. */
function credits(/** @type {Actor} */ { credits }) {
  if (!credits || !can("get:movies")) return null;
  const row = (/** @type {NonNullable<Actor["credits"]>[number]} */ credit) => html`
    <tr key=${credit.movie_id}>
      <td>${link(`movies/${credit.movie_id}`, credit.title)}</td>
      <td>${day(credit.release_date)}</td>
      <td><${Text}>${credit.character}<//></td>
      <td class="number">${credit.billing}</td>
    </tr>`;
  return html`
    <h2>Credits</h2>
    ${credits.length === 0 ? html`<p class="empty">No credits yet.</p>` : html`
      <table>
        <thead><tr>${headings("Movie", "Released", "Character")}<th scope="col" class="number">Billing</th></tr></thead>
        <tbody>${credits.map(row)}</tbody>
      </table>`}`;
}
