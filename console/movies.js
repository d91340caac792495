// Movies.

import { canAll } from "./auth.js";
import { DATES, MOVIE_FILTERS } from "./filters.js";
import { day, isoDay, moment, playing } from "./format.js";
import { Text, headings, html, link } from "./ui.js";

/** @type {Resource} */
export const movies = {
  kind: "movies",
  noun: "movie",
  title: "Movies",
  filters: MOVIE_FILTERS,
  columns: [
    { label: "Title", sort: "title", cell: (/** @type {Movie} */ { id, title }) => link(`movies/${id}`, title) },
    { label: "Released", sort: "release_date", class: "short", cell: (/** @type {Movie} */ movie) => day(movie.release_date) },
  ],
  extra: { label: "Cast", cell: (/** @type {Movie} */ { cast = [] }) =>
    cast.map(({ name }, index) => html`${index > 0 && ", "}<${Text}>${name}<//>`) },
  order: ({ title }) => (title ? "" : "title"), // by how well the title matches
  fields: [
    { name: "title", label: "Title" },
    { name: "release_date", label: "Release date", hint: "Now, if you leave it empty.", ...DATES },
  ],
  name: (row) => row.title,
  values: (row) => ({ title: row?.title ?? "", release_date: row ? isoDay(row.release_date) : "" }),
  facts: (row) => html`<dt>Released</dt><dd>${moment(row.release_date)}</dd>`,
  related: (row) => cast(/** @type {Movie} */ (row)),
  lost: ({ cast }) => cast?.map((/** @type {CastMember} */ { name, character }) => playing(name, character)),
};

/** The cast in billing order; nothing for somebody who may not see actors. */
function cast(/** @type {Movie} */ { id, cast }) {
  if (!cast) return null;
  const row = (/** @type {CastMember} */ member) => html`
    <tr key=${member.actor_id}>
      <td class="number">${member.billing}</td>
      <td>${link(`actors/${member.actor_id}`, member.name)}</td>
      <td><${Text}>${member.character}<//></td>
    </tr>`;
  return html`
    <div class="heading">
      <h2>Cast</h2>
      ${canAll("patch:movies", "get:actors") && html`<a class="button main" href=${`#/movies/${id}/cast`}>Edit cast</a>`}
    </div>
    ${cast.length === 0 ? html`<p class="empty">Nobody is cast yet.</p>` : html`
      <table>
        <thead><tr><th scope="col" class="number">Billing</th>${headings("Actor", "Character")}</tr></thead>
        <tbody>${cast.map(row)}</tbody>
      </table>`}`;
}
