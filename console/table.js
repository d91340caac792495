// A list as a table. Only the rows in view are in the document, however long the list is.

import { count } from "./format.js";
import { pagesOf } from "./pages.js";
import { Component, Problem, announceQuietly, html } from "./ui.js";

/** The height of a row in pixels; style.css has the same. */
const ROW = 44;
/** Rows in the document above and below those in view. */
const OVERSCAN = 12;

/** @extends {Component<TableProps, { first: number, last: number }>} */
export class Table extends Component {
  state = { first: 0, last: 2 * OVERSCAN };
  pages = pagesOf(this.props.kind, this.props.path);
  /** The list in view, until the first page of another one has arrived. */
  shown = this.pages;
  /** @type {HTMLElement | null} */
  body = null;
  #announced = "";

  componentDidMount() {
    for (const event of ["scroll", "resize"]) addEventListener(event, this.measure, { passive: true });
    scrollTo(0, this.pages.scroll);
    this.again();
  }

  componentDidUpdate(/** @type {TableProps} */ before) {
    if (before.path === this.props.path) return;
    this.pages.leave();
    this.pages = pagesOf(this.props.kind, this.props.path);
    this.again();
  }

  componentWillUnmount() {
    for (const event of ["scroll", "resize"]) removeEventListener(event, this.measure);
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
    this.setState({ first, last }, this.fill);
  };

  fill = async () => {
    const { pages } = this;
    pages.grown = () => pages === this.pages && pages.length > 0 && this.show();
    await pages.show(this.state.first, this.state.last);
    if (pages !== this.pages) return;
    this.props.onError(pages.error);
    this.show();
    if (this.#announced !== this.props.path && !pages.error) announceQuietly(this.summary());
    this.#announced = this.props.path;
  };

  show() {
    if (this.pages !== this.shown) scrollTo(0, 0);
    this.shown = this.pages;
    this.setState({}, this.measure);
  }

  again = () => { this.pages.error = null; this.setState({}, this.fill); };

  summary() {
    const { kind, length, next } = this.shown;
    const order = this.props.sort || length < 2 ? "" : ", best matches first";
    return `${count(length, kind.slice(0, -1))}${next ? " so far; more appear as you scroll" : ""}${order}`;
  }

  render(/** @type {TableProps} */ { columns, sort, onSort, empty }) {
    const { shown } = this;
    if (shown.error) return html`<${Problem} error=${shown.error} again=${this.again} />`;
    if (shown.pages.length === 0) return html`<p class="loading">Loading…</p>`;
    if (shown.length === 0 && !shown.next) return empty;
    const first = Math.min(this.state.first, shown.length);
    const rows = shown.rows(first, this.state.last);
    return html`
      <p class="summary">${this.summary()}</p>
      <table class="rows" aria-rowcount=${shown.next ? -1 : shown.length + 1} aria-busy=${shown !== this.pages}>
        <thead><tr aria-rowindex="1">${columns.map((column) => head(column, sort, onSort))}</tr></thead>
        <tbody ref=${(/** @type {HTMLElement | null} */ body) => (this.body = body)}>
          ${spacer("before", first, columns.length)}
          ${rows.map((row, index) => html`
            <tr key=${row?.id ?? `row-${first + index}`} aria-rowindex=${first + index + 2}>
              ${columns.map((column) => html`<td class=${column.class}>${row ? column.cell(row) : "…"}</td>`)}
            </tr>`)}
          ${spacer("after", shown.length - first - rows.length, columns.length)}
        </tbody>
      </table>`;
  }
}

/** @param {Column} column @param {string} sort @param {(sort: string) => void} onSort */
function head({ label, sort: by, class: name }, sort, onSort) {
  const direction = sort === by ? "ascending" : sort === `-${by}` ? "descending" : undefined;
  const button = by && html`<button type="button" onClick=${() => onSort(sort === by ? `-${by}` : by)}>${label}</button>`;
  return html`<th scope="col" class=${name} aria-sort=${by && direction}>${button ?? label}</th>`;
}

/** Stands for rows that are not in the document. @param {string} key @param {number} rows @param {number} columns */
const spacer = (key, rows, columns) => rows > 0 && html`
  <tr key=${key} aria-hidden="true" class="spacer" style=${{ height: `${rows * ROW}px` }}><td colspan=${columns}></td></tr>`;
