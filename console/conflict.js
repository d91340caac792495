// After a 412: both versions side by side, and a choice for each field.

import { Component, Dialog, Text, html, instead } from "./ui.js";

/** @extends {Component<ConflictProps, Record<string, Choice>>} */
export class Conflict extends Component {
  state = Object.fromEntries(this.props.items.map(({ key, pick }) => [key, pick]));

  render(/** @type {ConflictProps} */ { what, items, onSave, onClose }) {
    return html`
      <${Dialog} title="Changed by someone else" onClose=${onClose}>
        <p>Somebody has changed “<${Text}>${what}<//>” since you opened it. Choose what to keep.</p>
        <form onSubmit=${instead(() => onSave(this.state))}>
          <table class="conflict">
            <thead><tr><td></td><th scope="col">Yours</th><th scope="col">Theirs</th></tr></thead>
            <tbody>${items.map((item) => this.row(item))}</tbody>
          </table>
          <p class="actions">
            <button class="main">Save this choice</button>
            <button type="button" onClick=${onClose}>Back to the form</button>
          </p>
        </form>
      <//>`;
  }

  row(/** @type {Difference} */ { key, label, ...texts }) {
    const choice = (/** @type {Choice} */ pick) => html`
      <td><label>
        <input type="radio" name=${`pick-${key}`} checked=${this.state[key] === pick}
          aria-label=${`${label}: ${pick}, ${texts[pick]}`} onChange=${() => this.setState({ [key]: pick })} />
        <${Text}>${texts[pick]}<//>
      </label></td>`;
    return html`<tr key=${key}><th scope="row"><${Text}>${label}<//></th>${choice("yours")}${choice("theirs")}</tr>`;
  }
}
