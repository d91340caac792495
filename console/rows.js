// The pages of actors and of movies: a list, one row, and the form. What differs is in a Resource.

import { ApiError, INCLUDE, explain, lacking, leavePage, read, remove } from "./api.js";
import { can, canAll, config } from "./auth.js";
import { Filters, valuesIn } from "./filters.js";
import { Form } from "./form.js";
import { plain } from "./format.js";
import { forget, update } from "./pages.js";
import { queryOf, replace } from "./router.js";
import { Table } from "./table.js";
import { Component, Dialog, Text, Unready, announce, focusHeading, html, setTitle } from "./ui.js";

/** The lists as the user has seen them last. */
const lists = { actors: "#/actors", movies: "#/movies" };

/** @extends {Component<ListProps, { error: unknown }>} */
export class ListPage extends Component {
  state = { error: null };

  componentDidMount() { setTitle(this.props.resource.title); }

  render(/** @type {ListProps} */ { resource, query }) {
    const { kind, noun, title, filters, columns, order, extra } = resource;
    const values = valuesIn(filters, query);
    const isFiltered = Object.values(values).some(Boolean);
    const chosen = query.get("sort") ?? "";
    const sort = chosen || order(values);
    const include = query.get("include") ?? "";
    const go = (/** @type {Values} */ parameters) => replace(`#/${kind}${queryOf({ ...values, sort: chosen, include, ...parameters })}`);
    lists[kind] = `#/${kind}${queryOf({ ...values, sort: chosen, include })}`;
    return html`
      <div class="heading">
        <h1 tabindex="-1">${title}</h1>
        ${can(`post:${kind}`) && html`<a class="button main" href=${`#/${kind}/new`}>Add ${noun}</a>`}
      </div>
      <${Filters} id="filter" fields=${filters} values=${values} error=${this.state.error}
        onChange=${go} />
      ${canAll("get:actors", "get:movies") && html`
        <label class="extra"><input type="checkbox" checked=${include} onChange=${() => go({ include: include ? "" : INCLUDE[kind] })} />
          Show ${extra.label.toLowerCase()}</label>`}
      <${Table} kind=${kind} path=${`/${kind}${queryOf({ ...values, sort, include })}`} columns=${include ? [...columns, extra] : columns}
        sort=${sort} onSort=${(/** @type {string} */ next) => go({ sort: next })}
        onError=${(/** @type {any} */ error) => error !== this.state.error && this.setState({ error })}
        empty=${isFiltered ? html`<p class="empty">No ${noun} matches.</p>` : html`<${Empty} resource=${resource} />`} />`;
  }
}

/** An agency without rows. */
const Empty = (/** @type {{ resource: Resource }} */ { resource: { kind, noun } }) => html`
  <div class="empty">
    <p>The agency has no ${kind} yet.</p>
    ${can(`post:${kind}`) && html`<p><a href=${`#/${kind}/new`}>Add the first ${noun}</a></p>`}
    ${config.demoCommand && html`
      <p>For made-up actors and movies, enter this in a second terminal and reload:</p>
      <pre tabindex="0"><code>${config.demoCommand}</code></pre>`}
  </div>`;

/**
 * Loads one row; subclasses show it.
 *
 * @template {RowState} [S=RowState]
 * @extends {Component<{ resource: Resource, id: string }, S>}
 */
export class Loader extends Component {
  state = /** @type {S} */ ({ row: null, error: null });
  /** @type {string | undefined} */
  etag;

  componentDidMount() { setTitle(this.props.resource.title); this.load(); }

  componentDidUpdate(/** @type {RowProps} */ _, /** @type {S} */ before) {
    if (!before.row && document.activeElement === document.body) focusHeading();
  }

  load = async () => {
    const { resource, id } = this.props;
    try {
      const { row, etag } = await read(resource.kind, id);
      this.etag = etag;
      setTitle(plain(resource.name(row)));
      this.setState({ row, error: null, ...this.loaded(row) });
    } catch (error) {
      this.setState({ error });
    }
  };

  render() {
    const { row, error } = this.state;
    if (row) return this.show(row);
    return html`<${Unready} title=${this.props.resource.title} error=${error} again=${this.load} />`;
  }

  /** What else the state gets from a row. @returns {Partial<S>} */
  loaded(/** @type {Row} */ _row) { return {}; }

  /** @returns {any} */
  show(/** @type {Row} */ _row) {}
}

export class RowPage extends Loader {
  show(/** @type {Row} */ row) {
    const { resource } = this.props;
    const { kind, name, facts, related, title } = resource;
    const setDeleting = (/** @type {boolean} */ deleting) => this.setState({ deleting });
    return html`
      <p class="crumbs"><a href=${lists[kind]}>${title}</a></p>
      <div class="heading">
        <h1 tabindex="-1"><${Text}>${name(row)}<//></h1>
        ${can(`patch:${kind}`) && html`<a class="button" href=${`#/${kind}/${row.id}/edit`}>Edit</a>`}
        ${can(`delete:${kind}`) && html`<button type="button" onClick=${() => setDeleting(true)}>Delete</button>`}
      </div>
      <dl class="facts">${facts(row)}</dl>
      ${related(row)}
      ${this.state.deleting && html`
        <${Deletion} resource=${resource} row=${row} onClose=${() => setDeleting(false)} onChanged=${this.load} />`}`;
  }
}

/** Asks whether to delete a row, as it is at this moment. @extends {Component<DeletionProps, DeletionState>} */
class Deletion extends Component {
  /** @type {DeletionState} */
  state = { row: null, error: "" };
  busy = false;
  fail = (/** @type {unknown} */ error) => this.setState({ error: explain(error) });

  componentDidMount() { this.look(""); }

  componentWillUnmount() { leavePage(); } // with "Keep", nothing is deleted later

  async look(/** @type {string} */ note) {
    const { resource, row } = this.props;
    await read(resource.kind, row.id).then((now) => this.setState({ ...now, error: note }), this.fail);
  }

  async remove(/** @type {Row} */ row) {
    const { resource, onChanged } = this.props;
    if (this.busy) return;
    this.busy = true;
    try {
      await remove(resource.kind, row.id, this.state.etag);
      update(resource.kind, row.id, null);
      forget(resource.kind === "actors" ? "movies" : "actors"); // their lists may show the lost credits
      announce(`Deleted ${plain(resource.name(row))}`);
      replace(lists[resource.kind]);
    } catch (error) {
      this.fail(error);
      if (error instanceof ApiError && error.status === 412) {
        onChanged();
        await this.look("Somebody has changed it in the meantime: this is how it is now.");
      }
    }
    this.busy = false;
  }

  render(/** @type {DeletionProps} */ { resource, row: before, onClose }) {
    const { row, error } = this.state;
    const lost = row && resource.lost(row);
    return html`
      <${Dialog} title=${html`Delete <${Text}>${resource.name(row ?? before)}<//>?`} onClose=${onClose}>
        ${error && html`<p class="problem" role="alert">${error}</p>`}
        ${row && !lost && html`<p>The credits of this ${resource.noun} are deleted too.</p>`}
        ${lost && html`
          <p>${lost.length ? `These credits are deleted too (${lost.length}):` : "No credits are deleted with it."}</p>
          <ul class="lost" tabindex=${lost.length ? 0 : undefined}>
            ${lost.map((credit) => html`<li><${Text}>${credit}<//></li>`)}
          </ul>`}
        <p class="actions">
          ${row && html`<button type="button" class="danger" onClick=${() => this.remove(row)}>Delete</button>`}
          <button type="button" autofocus onClick=${onClose}>Keep</button>
        </p>
      <//>`;
  }
}

export class EditPage extends Loader {
  show(/** @type {Row} */ row) {
    const { resource } = this.props;
    return html`<h1 tabindex="-1">Edit <${Text}>${resource.name(row)}<//></h1>
      <${Form} resource=${resource} row=${row} etag=${this.etag} />`;
  }
}

export function AddPage(/** @type {{ resource: Resource }} */ { resource }) {
  setTitle(`Add ${resource.noun}`);
  return html`<h1 tabindex="-1">Add ${resource.noun}</h1><${Form} resource=${resource} />`;
}

/** In place of a page that the token's permissions do not allow. */
export const Lacking = (/** @type {{ permission: string }} */ { permission }) =>
  html`<h1 tabindex="-1">No permission</h1><p class="problem">${lacking(permission)}</p>`;
