// The fields above a list. They search as the user types.

import { Component, Field, html } from "./ui.js";

/** @typedef {import("./ui.js").FieldSpec} FieldSpec */
/** @typedef {Record<string, string>} Values */
/**
 * @typedef {{ id: string, fields: FieldSpec[], values: Values, error: any,
 *   onChange: (values: Values) => void }} Props
 */

/** How long the user has to pause, in milliseconds. */
const PAUSE = 200;

/** @type {FieldSpec[]} */
export const ACTOR_FILTERS = [
  { name: "name", label: "Name", type: "search" },
  { name: "gender", label: "Gender", list: ["female", "male", "non-binary"] },
  { name: "min_age", label: "Age from", type: "number", min: "0", max: "150" },
  { name: "max_age", label: "Age to", type: "number", min: "0", max: "150" },
];

/** @type {FieldSpec[]} */
export const MOVIE_FILTERS = [
  { name: "title", label: "Title", type: "search" },
  { name: "released_from", label: "Released from", type: "date", min: "1800-01-01", max: "9999-12-31" },
  { name: "released_to", label: "Released to", type: "date", min: "1800-01-01", max: "9999-12-31" },
];

/** The values of these fields in a query. */
export const valuesIn = (/** @type {FieldSpec[]} */ fields, /** @type {URLSearchParams} */ query) =>
  Object.fromEntries(fields.map(({ name }) => [name, query.get(name) ?? ""]));

/** The path of a list with these parameters; those without a value are left out. */
export function listPath(/** @type {string} */ kind, /** @type {Values} */ parameters) {
  const set = Object.entries(parameters).filter(([, value]) => value.trim() !== "");
  return `/${kind}${set.length ? `?${new URLSearchParams(set)}` : ""}`;
}

/** @extends {Component<Props, { values: Values }>} */
export class Filters extends Component {
  state = { values: this.props.values };
  timer = 0;

  componentDidUpdate(/** @type {Props} */ before) {
    const { values } = this.props;
    if (JSON.stringify(values) === JSON.stringify(before.values)) return;
    // Another address, by the back button or a link: it is not what the user has typed here.
    if (JSON.stringify(values) !== JSON.stringify(this.sent)) this.setState({ values });
  }

  componentWillUnmount() {
    clearTimeout(this.timer);
  }

  /** @type {Values | undefined} */
  sent = undefined;

  set(/** @type {FieldSpec} */ field, /** @type {string} */ value, /** @type {boolean} */ complete) {
    const values = { ...this.state.values, [field.name]: value };
    this.setState({ values });
    clearTimeout(this.timer);
    // A choice from a list matches as a whole: a part of it would find nothing.
    const isPart = field.list && value !== "" && !field.list.includes(value) && !complete;
    if (!isPart) this.timer = setTimeout(() => this.send(values), complete ? 0 : PAUSE);
  }

  send(/** @type {Values} */ values) {
    if (JSON.stringify(values) === JSON.stringify(this.props.values)) return;
    this.sent = values;
    this.props.onChange(values);
  }

  render(/** @type {Props} */ { id, fields, error }) {
    const { values } = this.state;
    const problem = (/** @type {string} */ name) =>
      error?.details?.find((/** @type {any} */ detail) => detail.field === name)?.message;
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      clearTimeout(this.timer);
      this.send(values);
    };
    const clear = () => this.setState({ values: {} }, () => this.send(valuesIn(fields, new URLSearchParams())));
    return html`
      <form role="search" class="filters" onSubmit=${submit} novalidate>
        ${fields.map((field) => html`
          <${Field} key=${field.name} ...${field} id=${`${id}-${field.name}`} value=${values[field.name] ?? ""}
            error=${problem(field.name)} onInput=${(/** @type {string} */ value) => this.set(field, value, false)}
            onChange=${(/** @type {string} */ value) => field.list && this.set(field, value, true)} />`)}
        ${Object.values(values).some(Boolean) && html`<button type="button" onClick=${clear}>Clear</button>`}
      </form>`;
  }
}
