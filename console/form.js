// The form that adds or changes a row. What the user has typed stays until it is saved.

import { ApiError, add, change, read } from "./api.js";
import { Conflict } from "./conflict.js";
import { day, plain } from "./format.js";
import { forget, update } from "./pages.js";
import { guard, replace } from "./router.js";
import { Component, Field, Problem, announce, areComplete, html, instead } from "./ui.js";

/** @extends {Component<FormProps, FormState>} */
export class Form extends Component {
  /** The row as the server has it, as far as we know, its version, and its values in the form. */
  row = this.props.row;
  etag = this.props.etag;
  base = this.props.resource.values(this.row);
  /** One key for all attempts to add this row, and the bodies that may have added it. */
  key = crypto.randomUUID();
  /** @type {string[]} */
  sent = [];
  /** @type {FormState} */
  state = { values: this.base, errors: {}, error: null, busy: false, clash: null };

  componentDidMount() { guard(() => this.changed(this.state.values).length > 0); }

  componentWillUnmount() { guard(() => false); }

  /** The names of the fields that the user has changed. */
  changed(/** @type {Values} */ values) {
    return Object.keys(values).filter((name) => values[name] !== this.base[name]);
  }

  async save(/** @type {Values} */ values) {
    if (this.state.busy || !areComplete("form.card input")) return;
    this.setState({ values, busy: true, errors: {}, error: null, clash: null });
    try {
      const saved = await (this.row ? this.change(this.row, values) : this.add(values));
      if (saved) this.done(saved, values);
    } catch (error) {
      this.failed(error);
    }
    this.setState({ busy: false });
  }

  /** Adds the row. An attempt with other values changes the row, if an earlier one has added it. */
  async add(/** @type {Values} */ values) {
    const { kind } = this.props.resource;
    const body = JSON.stringify(values, (_, value) => (value === "" ? undefined : value));
    if (!this.sent.includes(body)) this.sent.push(body);
    try {
      return await add(kind, body, this.key);
    } catch (error) {
      if (!(error instanceof ApiError && [413, 422].includes(error.status))) throw error;
      this.sent = this.sent.filter((other) => other !== body); // it has added nothing
      if (!error.details.some(({ field }) => field === "Idempotency-Key")) throw error;
    }
    for (const earlier of this.sent) {
      const added = await add(kind, earlier, this.key).catch(() => null);
      if (added) return this.change(this.keep(added), values);
    }
    throw new Error("An earlier attempt was saved with other values: look for it in the list.");
  }

  /** Changes the row, or shows what somebody else has changed. */
  async change(/** @type {Row} */ row, /** @type {Values} */ values) {
    const { kind, fields } = this.props.resource;
    const changed = this.changed(values);
    if (changed.length === 0) return { row, etag: this.etag };
    try {
      const body = Object.fromEntries(changed.map((name) => [name, values[name]]));
      return await change(kind, row.id, body, this.etag);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 412)) throw error;
    }
    const { row: theirs, etag } = await read(kind, row.id);
    const saved = this.props.resource.values(theirs);
    const differing = fields.filter(({ name }) => saved[name] !== values[name].trim());
    if (differing.length === 0) return { row: theirs, etag }; // ours: the response to an earlier attempt was lost
    const items = differing.map(({ name, label, type }) => {
      const [yours, other] = [values, saved].map(({ [name]: text }) => (type === "date" && text ? day(text) : text));
      /** @type {Choice} */
      const pick = changed.includes(name) ? "yours" : "theirs";
      return { key: name, label, yours, theirs: other, pick };
    });
    this.setState({ clash: { theirs, etag, items } });
    return null;
  }

  choose(/** @type {Clash<Row>} */ { theirs, etag }, /** @type {Record<string, string>} */ picks) {
    const { values } = this.state;
    this.keep({ row: theirs, etag });
    const yours = Object.entries(values).filter(([name]) => picks[name] === "yours");
    this.save({ ...this.base, ...Object.fromEntries(yours) });
  }

  /** @param {Read} read */
  keep({ row, etag }) {
    Object.assign(this, { row, etag, base: this.props.resource.values(row) });
    return row;
  }

  done(/** @type {Read} */ saved, /** @type {Values} */ values) {
    const { kind, name } = this.props.resource;
    const row = this.keep(saved);
    if (this.props.row) update(kind, row.id, row);
    else forget(kind);
    announce(`Saved ${plain(name(row))}`);
    if (this.state.values !== values) return; // what the user has entered in the meantime is still to be saved
    guard(() => false);
    replace(`#/${kind}/${row.id}`);
  }

  failed(/** @type {unknown} */ error) {
    const details = error instanceof ApiError ? error.details : [];
    const isGone = error instanceof ApiError && error.status === 404 && !this.props.row;
    // Somebody has deleted what an earlier attempt has added: the next attempt adds it anew.
    if (isGone) Object.assign(this, { row: undefined, key: crypto.randomUUID(), sent: [] });
    const errors = Object.fromEntries(details.map(({ field, message }) => [field, message]));
    const isBeside = details.length > 0 && details.every(({ field }) => field in this.state.values);
    this.setState({ errors, error: isBeside ? null : error }, () => {
      /** @type {HTMLElement | null} */ (document.querySelector("[aria-invalid=true]"))?.focus();
    });
  }

  render(/** @type {FormProps} */ { resource: { fields, kind, name }, row }) {
    const { values, errors, error, busy, clash } = this.state;
    const set = (/** @type {string} */ field, /** @type {string} */ value) =>
      this.setState(({ values, errors }) => ({ values: { ...values, [field]: value }, errors: { ...errors, [field]: "" } }));
    return html`
      <form class="card" onSubmit=${instead(() => this.save(values))} novalidate>
        ${fields.map((field) => html`
          <${Field} key=${field.name} ...${field} id=${`field-${field.name}`} value=${values[field.name]}
            hint=${row ? undefined : field.hint} error=${errors[field.name]}
            onInput=${(/** @type {string} */ value) => set(field.name, value)} />`)}
        ${error && html`<${Problem} error=${error} />`}
        <p class="actions">
          <button class="main" aria-disabled=${busy}>${busy ? "Saving…" : "Save"}</button>
          <a class="button" href=${row ? `#/${kind}/${row.id}` : `#/${kind}`}>Cancel</a>
        </p>
      </form>
      ${clash && html`
        <${Conflict} what=${name(this.row ?? clash.theirs)} items=${clash.items} onClose=${() => this.setState({ clash: null })}
          onSave=${(/** @type {any} */ picks) => this.choose(clash, picks)} />`}`;
  }
}
