// The form that adds or changes a row. What the user has typed stays until it is saved.

import { ApiError, add, change, read } from "./api.js";
import { Conflict } from "./conflict.js";
import { day } from "./format.js";
import { forget, update } from "./pages.js";
import { guard, replace } from "./router.js";
import { Component, Field, Problem, announce, html } from "./ui.js";

/** @typedef {import("./rows.js").Resource} Resource */
/** @typedef {import("./pages.js").Row} Row */
/** @typedef {Record<string, string>} Values */
/** @typedef {{ resource: Resource, row?: Row, etag?: string }} Props */
/** @typedef {{ theirs: Row, etag: string | undefined, items: import("./conflict.js").Item[] }} Clash */
/**
 * @typedef {{ values: Values, errors: Values, error: unknown, busy: boolean, clash: Clash | null }} State
 */

/** @extends {Component<Props, State>} */
export class Form extends Component {
  /** The values that the server has, as far as we know. */
  base = this.props.resource.values(this.props.row);
  row = this.props.row;
  etag = this.props.etag;
  /** One key for all attempts to add this row, and the bodies that may have added it. */
  key = crypto.randomUUID();
  /** @type {string[]} */
  sent = [];
  /** @type {State} */
  state = { values: this.base, errors: {}, error: null, busy: false, clash: null };

  componentDidMount() {
    guard(() => this.changed(this.state.values).length > 0);
  }

  componentWillUnmount() {
    guard(() => false);
  }

  changed(/** @type {Values} */ values) {
    return Object.keys(values).filter((name) => values[name] !== this.base[name]);
  }

  async save(/** @type {Values} */ values) {
    if (this.state.busy) return;
    this.setState({ values, busy: true, errors: {}, error: null, clash: null });
    try {
      const row = this.row ? await this.change(this.row, values) : await this.add(values);
      if (row) this.done(row);
    } catch (error) {
      this.failed(error);
    } finally {
      this.setState({ busy: false });
    }
  }

  /** Adds the row. Another attempt with other values changes it if it was added before. */
  async add(/** @type {Values} */ values) {
    const { kind } = this.props.resource;
    const text = JSON.stringify(values, (_, value) => (value === "" ? undefined : value));
    try {
      if (!this.sent.includes(text)) this.sent.push(text);
      return (await add(kind, text, this.key)).row;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.details.some(({ field }) => field === "Idempotency-Key")) return this.overwrite(values);
      if (error.status < 500) this.sent = this.sent.filter((other) => other !== text);
      throw error;
    }
  }

  /** An earlier attempt did add the row, with other values. */
  async overwrite(/** @type {Values} */ values) {
    const { kind } = this.props.resource;
    for (const text of this.sent) {
      const added = await add(kind, text, this.key).catch(() => null);
      if (!added) continue;
      const { row, etag } = await read(kind, added.row.id);
      Object.assign(this, { row, etag, base: this.props.resource.values(row) });
      return this.change(row, values);
    }
    throw new Error("An earlier attempt was saved with other values: look for it in the list.");
  }

  /** Changes the row, or shows what somebody else has changed. */
  async change(/** @type {Row} */ row, /** @type {Values} */ values) {
    const { kind, fields, values: valuesOf } = this.props.resource;
    const names = this.changed(values);
    if (names.length === 0) return row;
    try {
      const fields = Object.fromEntries(names.map((name) => [name, values[name]]));
      return (await change(kind, row.id, fields, this.etag)).row;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 412)) throw error;
    }
    const { row: theirs, etag } = await read(kind, row.id);
    const saved = valuesOf(theirs);
    const differing = fields.filter(({ name }) => saved[name] !== values[name]);
    if (differing.length === 0) return theirs; // ours: the response to an earlier attempt was lost
    const items = differing.map(({ name, label, type }) => {
      const shown = (/** @type {string} */ text) => (type === "date" && text ? day(text) : text);
      const pick = values[name] === this.base[name] ? "theirs" : "yours";
      const [yours, other] = [shown(values[name]), shown(saved[name])];
      return { key: name, label, yours, theirs: other, pick: /** @type {const} */ (pick) };
    });
    this.setState({ clash: { theirs, etag, items } });
    return null;
  }

  choose(/** @type {Record<string, string>} */ picks) {
    const { clash, values } = this.state;
    if (!clash) return;
    this.row = clash.theirs;
    this.etag = clash.etag;
    this.base = this.props.resource.values(clash.theirs);
    const kept = Object.entries(values).map(([name, value]) => [
      name, picks[name] === "yours" ? value : this.base[name],
    ]);
    this.save(Object.fromEntries(kept));
  }

  done(/** @type {Row} */ row) {
    const { kind, name } = this.props.resource;
    if (this.row) update(kind, row.id, row);
    else forget(kind);
    guard(() => false);
    announce(`Saved ${name(row)}`);
    replace(`#/${kind}/${row.id}`);
  }

  failed(/** @type {unknown} */ error) {
    const details = error instanceof ApiError ? error.details : [];
    const names = this.props.resource.fields.map(({ name }) => name);
    const errors = Object.fromEntries(details.map(({ field, message }) => [field, message]));
    const elsewhere = details.length === 0 || details.some(({ field }) => !names.includes(field));
    this.setState({ errors, error: elsewhere ? error : null }, () => {
      const invalid = document.querySelector("[aria-invalid=true]");
      if (invalid instanceof HTMLElement) invalid.focus();
    });
  }

  render(/** @type {Props} */ { resource, row }) {
    const { values, errors, error, busy, clash } = this.state;
    const { fields, kind, name } = resource;
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.save(values);
    };
    const set = (/** @type {string} */ field) => (/** @type {string} */ value) =>
      this.setState({ values: { ...this.state.values, [field]: value } });
    return html`
      <form class="card" onSubmit=${submit} novalidate>
        ${fields.map((field) => html`
          <${Field} key=${field.name} ...${field} id=${`field-${field.name}`} value=${values[field.name]}
            hint=${row ? undefined : field.hint} error=${errors[field.name]} onInput=${set(field.name)} />`)}
        ${error && html`<${Problem} error=${error} />`}
        <p class="actions">
          <button class="main" aria-disabled=${busy}>${busy ? "Saving…" : "Save"}</button>
          <a class="button" href=${row ? `#/${kind}/${row.id}` : `#/${kind}`}>Cancel</a>
        </p>
      </form>
      ${clash && html`
        <${Conflict} what=${name(clash.theirs)} items=${clash.items}
          onSave=${(/** @type {any} */ picks) => this.choose(picks)} onClose=${() => this.setState({ clash: null })} />`}`;
  }
}
