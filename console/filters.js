// The fields above a list. They search as the user types.

import { Component, Field, html, instead } from "./ui.js";

/** How long the user has to pause, in milliseconds. */
const PAUSE = 200;

/** The genders that the user has seen, and the most frequent ones. The API takes any, and ignores case. */
export const GENDERS = new Set(["female", "male", "non-binary"]);
/** @type {FieldSpec[]} */
export const ACTOR_FILTERS = [
  { name: "name", label: "Name", type: "search" },
  { name: "gender", label: "Gender", choices: GENDERS },
  { name: "min_age", label: "Age from", type: "number", min: "0", max: "150" },
  { name: "max_age", label: "Age to", type: "number", min: "0", max: "150" },
];
/** The dates that the API takes. */
export const DATES = { type: "date", min: "1800-01-01", max: "9999-12-31" };
/** @type {FieldSpec[]} */
export const MOVIE_FILTERS = [
  { name: "title", label: "Title", type: "search" },
  { name: "released_from", label: "Released from", ...DATES },
  { name: "released_to", label: "Released to", ...DATES },
];

/** The values of these fields in a query. @param {FieldSpec[]} fields @param {URLSearchParams} [query] */
export const valuesIn = (fields, query) =>
  Object.fromEntries(fields.map(({ name }) => [name, query?.get(name) ?? ""]));

const isSame = (/** @type {Values | undefined} */ one, /** @type {Values} */ other) =>
  JSON.stringify(one) === JSON.stringify(other);

/** @extends {Component<FiltersProps, { values: Values }>} */
export class Filters extends Component {
  state = { values: this.props.values };
  timer = 0;
  /** @type {Values | undefined} what this form has sent, until it arrives */
  sent = undefined;

  componentDidUpdate(/** @type {FiltersProps} */ before) {
    const { values } = this.props;
    if (isSame(values, before.values)) return;
    // Another address, by the back button or a link, is not what the user has typed here.
    if (!isSame(this.sent, values)) this.setState({ values });
    this.sent = undefined;
  }

  componentWillUnmount() { clearTimeout(this.timer); }

  set(/** @type {string} */ name, /** @type {string} */ value) {
    const values = { ...this.state.values, [name]: value };
    this.setState({ values });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(values), PAUSE);
  }

  send(/** @type {Values} */ values) {
    clearTimeout(this.timer);
    if (isSame(values, this.props.values)) return;
    this.sent = values;
    this.props.onChange(values);
  }

  render(/** @type {FiltersProps} */ { id, fields, error }) {
    const { values } = this.state;
    const problem = (/** @type {string} */ name) =>
      error?.details?.find((/** @type {any} */ detail) => detail.field === name)?.message;
    const clear = () => this.setState({ values: valuesIn(fields) }, () => this.send(this.state.values));
    return html`
      <form role="search" class="filters" onSubmit=${instead(() => this.send(values))} novalidate>
        ${fields.map((field) => html`
          <${Field} key=${field.name} ...${field} id=${`${id}-${field.name}`} value=${values[field.name]}
            error=${problem(field.name)} onInput=${(/** @type {string} */ value) => this.set(field.name, value)} />`)}
        <button type="button" disabled=${!Object.values(values).some(Boolean)} onClick=${clear}>Clear</button>
      </form>`;
  }
}
