// A list as a table. Only the rows in view are in the document, however long the list is.

import { count } from "./format.js";
import { pagesOf } from "./pages.js";
import { Component, Problem, announce, html } from "./ui.js";

/** @typedef {import("./pages.js").Row} Row */
/** @typedef {{ label: string, sort?: string, cell: (row: any) => any, class?: string }} Column */
/**
 * @typedef {{ kind: "actors" | "movies", path: string, columns: Column[], sort: string, empty: any,
 *   onSort: (sort: string) => void, onError: (error: unknown) => void }} Props
 */

/** The height of a row in pixels; style.css has the same. */
const ROW = 44;
/** Rows in the document above and below those in view. */
const OVERSCAN = 12;

/** @extends {Component<Props, { first: number, last: number }>} */
export class Table extends Component {
  state = { first: 0, last: 2 * OVERSCAN };
  pages = pagesOf(this.props.kind, this.props.path);
  /** The list in view until the first page of another one has arrived. */
  shown = this.pages;
  /** @type {HTMLElement | null} */
  body = null;
  #announced = "";

  componentDidMount() {
    addEventListener("scroll", this.measure, { passive: true });
    addEventListener("resize", this.measure, { passive: true });
    if (this.pages.scroll) scrollTo(0, this.pages.scroll);
    this.pages.error = null;
    this.fill();
  }

  componentDidUpdate(/** @type {Props} */ before) {
    if (before.path === this.props.path) return;
    this.pages.leave();
    this.pages = pagesOf(this.props.kind, this.props.path);
    this.pages.error = null;
    this.fill();
  }

  componentWillUnmount() {
    removeEventListener("scroll", this.measure);
    removeEventListener("resize", this.measure);
    this.pages.leave();
  }

  measure = () => {
    if (!this.body) return;
    this.pages.scroll = scrollY;
    const { top } = this.body.getBoundingClientRect();
    const first = Math.max(0, Math.floor(-top / ROW) - OVERSCAN);
    const last = Math.max(0, Math.ceil((innerHeight - top) / ROW)) + OVERSCAN;
    // Not for each row: half of the overscan is left.
    if (Math.abs(first - this.state.first) + Math.abs(last - this.state.last) < OVERSCAN) return;
    this.setState({ first, last });
    this.fill();
  };

  async fill() {
    const { pages } = this;
    await pages.show(this.state.first, this.state.last);
    if (pages !== this.pages) return;
    if (pages !== this.shown && (pages.started || pages.error)) {
      this.shown = pages;
      if (scrollY > 0) scrollTo(0, 0);
    }
    this.props.onError(pages.error);
    this.setState({});
    const said = pages.started && !pages.error ? this.summary() : "";
    if (said && this.#announced !== this.props.path) announce(said);
    this.#announced = this.props.path;
  }

  again = () => {
    this.pages.error = null;
    this.setState({});
    this.fill();
  };

  summary() {
    const { length, next } = this.shown;
    return `${count(length, this.props.kind.slice(0, -1))}${next ? " so far; more appear as you scroll" : ""}`;
  }

  render(/** @type {Props} */ { columns, sort, onSort, empty }) {
    const { shown } = this;
    if (shown.error) return html`<${Problem} error=${shown.error} again=${this.again} />`;
    if (!shown.started) return html`<p class="loading">Loading…</p>`;
    if (shown.length === 0 && !shown.next) return empty;
    const first = Math.min(this.state.first, shown.length);
    const rows = shown.rows(first, this.state.last);
    const after = shown.length - first - rows.length;
    const keep = (/** @type {HTMLElement | null} */ body) => (this.body = body);
    return html`
      <p class="summary">${this.summary()}</p>
      <table class="rows" aria-rowcount=${shown.next ? -1 : shown.length + 1}
        aria-busy=${shown !== this.pages}>
        <thead><tr aria-rowindex="1">${columns.map((column) => head(column, sort, onSort))}</tr></thead>
        <tbody ref=${keep}>
          ${spacer("before", first, columns.length)}
          ${rows.map((row, index) => html`
            <tr key=${row ? row.id : `row-${first + index}`} aria-rowindex=${first + index + 2}>
              ${columns.map((column) => html`<td class=${column.class}>${row ? column.cell(row) : "…"}</td>`)}
            </tr>`)}
          ${spacer("after", after, columns.length)}
        </tbody>
      </table>`;
  }
}

function head(
  /** @type {Column} */ column, /** @type {string} */ sort, /** @type {(sort: string) => void} */ onSort,
) {
  const { label, sort: by } = column;
  if (!by) return html`<th scope="col" class=${column.class}>${label}</th>`;
  const direction = sort === by ? "ascending" : sort === `-${by}` ? "descending" : undefined;
  const arrow = direction && (direction === "ascending" ? "▲" : "▼");
  return html`
    <th scope="col" class=${column.class} aria-sort=${direction}>
      <button type="button" onClick=${() => onSort(sort === by ? `-${by}` : by)}>
        ${label}<span aria-hidden="true">${arrow}</span>
      </button>
    </th>`;
}

/** Stands for rows that are not in the document. */
function spacer(/** @type {string} */ key, /** @type {number} */ rows, /** @type {number} */ columns) {
  return rows > 0 && html`
    <tr key=${key} aria-hidden="true" class="spacer" style=${{ height: `${rows * ROW}px` }}>
      <td colspan=${columns}></td>
    </tr>`;
}
