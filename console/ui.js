// What every page is built with.

import { explain } from "./api.js";
import { Component, h, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export { Component, render };
/** Builds elements from a template. Values are always text, never markup. */
export const html = htm.bind(h);

/** Says something in the live region: what happened, where the page does not show it by itself. */
let announcer = (/** @type {string} */ _text) => {};
export const announce = (/** @type {string} */ text) => announcer(text);
export function announceWith(/** @type {typeof announcer} */ say) {
  announcer = say;
}

export function setTitle(/** @type {string} */ title) {
  document.title = `${title} – Casting Agency`;
}

/** A text that somebody entered, kept apart from the direction of the text around it. */
export const Text = (/** @type {{ children?: any }} */ { children }) => html`<bdi>${children}</bdi>`;

/** An error, and a button to try again. */
export const Problem = (/** @type {{ error: unknown, again?: () => void }} */ { error, again }) => html`
  <div class="problem" role="alert">
    <p>${explain(error)}</p>
    ${again && html`<button type="button" onClick=${again}>Try again</button>`}
  </div>`;

/** @typedef {{ title: any, onClose: () => void, children?: any }} DialogProps */
let dialogs = 0;

/** A modal dialog. Escape closes it. */
export class Dialog extends Component {
  /** @type {HTMLDialogElement | null} */
  element = null;
  id = `dialog-${dialogs++}`;
  open = false;

  componentDidMount() {
    this.element?.showModal();
    this.open = true;
  }

  componentWillUnmount() {
    this.open = false;
    this.element?.close(); // gives the focus back
  }

  render(/** @type {DialogProps} */ { title, onClose, children }) {
    const close = (/** @type {Event} */ event) => {
      event.preventDefault();
      if (this.open) onClose();
    };
    const keep = (/** @type {HTMLDialogElement | null} */ element) => {
      this.element = element ?? this.element;
    };
    return html`
      <dialog ref=${keep} aria-labelledby=${this.id} onCancel=${close} onClose=${close}>
        <h2 id=${this.id}>${title}</h2>
        ${children}
      </dialog>`;
  }
}

/** @typedef {{ name: string, label: string, type?: string, hint?: string, list?: string[], min?: string, max?: string, autocomplete?: string, inputmode?: string }} FieldSpec */
/** @typedef {FieldSpec & { id: string, value: string, error?: string, hideLabel?: boolean, onInput: (value: string) => void, onChange?: (value: string) => void }} FieldProps */

/** A labelled input with its error. */
export function Field(/** @type {FieldProps} */ field) {
  const { id, label, value, error, hint, list, hideLabel, onInput, onChange } = field;
  const notes = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  const read = (/** @type {any} */ event) => event.currentTarget.value;
  return html`
    <div class="field">
      <label for=${id} class=${hideLabel ? "hidden" : ""}>${label}</label>
      <input id=${id} type=${field.type ?? "text"} value=${value} autocomplete="off"
        min=${field.min} max=${field.max} inputmode=${field.inputmode} list=${list && `${id}-list`}
        aria-invalid=${error ? "true" : undefined} aria-describedby=${notes || undefined}
        onInput=${(/** @type {Event} */ event) => onInput(read(event))}
        onChange=${(/** @type {Event} */ event) => onChange?.(read(event))} />
      ${list && html`<datalist id=${`${id}-list`}>${list.map((item) => html`<option value=${item} />`)}</datalist>`}
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
      ${error && html`<p class="error" id=${`${id}-error`}>${error}</p>`}
    </div>`;
}
