// The actors beside the casting board.

import { ACTOR_FILTERS, Filters, valuesIn } from "./filters.js";
import { count, plain } from "./format.js";
import { Pages } from "./pages.js";
import { queryOf } from "./router.js";
import { Component, Problem, Text, announceQuietly, html } from "./ui.js";

/** @extends {Component<SearchProps, SearchState>} */
export class Search extends Component {
  /** @type {SearchState} */
  state = { values: valuesIn(ACTOR_FILTERS), rows: [], loading: true };
  pages = this.search(this.state.values);

  search(/** @type {Values} */ values) {
    return new Pages("actors", `/actors${queryOf({ ...values, sort: values.name ? "" : "name" })}`);
  }

  componentDidMount() { this.fill(1); }

  componentWillUnmount() { this.pages.leave(); }

  /** Shows the first rows: at least this many, if there are as many. */
  async fill(/** @type {number} */ rows) {
    const { pages } = this;
    pages.error = null;
    this.setState({ loading: true });
    await pages.show(0, rows);
    if (pages === this.pages) this.setState({ rows: pages.rows(0, pages.length), loading: false });
  }

  change = async (/** @type {Values} */ values) => {
    this.pages.leave();
    const pages = (this.pages = this.search(values));
    this.setState({ values });
    await this.fill(1);
    if (pages === this.pages) announceQuietly(`${count(pages.length, "actor")}${pages.next ? " so far" : ""}`);
  };

  render(/** @type {SearchProps} */ { cast, onCast }) {
    const { values, rows, loading } = this.state;
    const { error, next, length } = this.pages;
    const ids = new Set(cast.map(({ actor_id }) => actor_id));
    return html`
      <section aria-labelledby="search-heading" class="search" tabindex="0">
        <h2 id="search-heading">Find actors</h2>
        <${Filters} id="search" fields=${ACTOR_FILTERS} values=${values} error=${error} onChange=${this.change} />
        ${error && html`<${Problem} error=${error} again=${() => this.fill(1)} />`}
        ${rows.length === 0 && !error && html`<p class="empty">${loading ? "Loading…" : "No actor matches."}</p>`}
        <ul class="results" aria-busy=${loading}>${rows.map((actor) => html`
          <li key=${actor.id}>
            <span><${Text}>${actor.name}<//> <small>${actor.age}, <${Text}>${actor.gender}<//></small></span>
            ${ids.has(actor.id) ? html`<button type="button" aria-disabled="true">In the cast</button>` : html`
              <button type="button" aria-label=${`Cast ${plain(actor.name)}`} onClick=${() => onCast(actor)}>Cast</button>`}
          </li>`)}
        </ul>
        ${next && rows.length > 0 && html`<button type="button" onClick=${() => this.fill(length + 1)}>More actors</button>`}
      </section>`;
  }
}
