// What every page is built with.

import { explain, waits } from "./api.js";
import { Component, h, render } from "./vendor/preact.js";
import htm from "./vendor/htm.js";

export { Component, render };
/** Builds elements from a template. Values are always text, never markup. */
export const html = htm.bind(h);

/** Where announcements go: one of two live regions, which the page sets. */
export const regions = { say: (/** @type {string} */ _text, /** @type {"shown" | "heard"} */ _region) => {} };
/** Announces what happened, and shows it for some seconds. */
export const announce = (/** @type {string} */ text) => regions.say(text, "shown");
/** Announces what the page shows already, for those who do not see it. */
export const announceQuietly = (/** @type {string} */ text) => regions.say(text, "heard");

/** An event handler that does only this, and not what the browser would do. */
export const instead = (/** @type {() => void} */ act) => (/** @type {Event} */ event) => (event.preventDefault(), act());

/** An event handler that takes what is in the field now. */
export const entered = (/** @type {(text: string) => void} */ take) => (/** @type {any} */ { currentTarget: { value } }) => take(value);

export function setTitle(/** @type {string} */ title) { document.title = `${title} – Casting Agency`; }

/** Moves the focus to the first field of a form, or to what the page is called, so that a screen reader reads it. */
export const focusHeading = () =>
  /** @type {HTMLElement | null} */ (document.querySelector("form.card input") ?? document.querySelector("h1"))?.focus({ preventScroll: true });

/** A text that somebody entered, kept apart from the direction of the text around it. */
export const Text = (/** @type {{ children?: any }} */ { children }) => html`<bdi>${children}</bdi>`;

/** A link to a page that is called as somebody has entered it. @param {string} address @param {string} name */
export const link = (address, name) => html`<a href=${`#/${address}`} title=${name}><${Text}>${name}<//></a>`;

/** Headings of columns. */
export const headings = (/** @type {string[]} */ ...names) => names.map((name) => html`<th scope="col">${name}</th>`);

/** An error, and a button to try again. */
export const Problem = (/** @type {{ error: unknown, again?: () => void }} */ { error, again }) => html`
  <div class="problem" role="alert">
    <p>${explain(error)}</p>
    ${again && !(Number(/** @type {any} */ (error).status) < 500) && html`<button type="button" onClick=${again}>Try again</button>`}
  </div>`;

/** In place of a page whose content is still to come, or is not to be had. */
export const Unready = (/** @type {{ title: string, error: unknown, again: () => void }} */ { title, error, again }) => html`
  <h1 tabindex="-1" class=${error ? "" : "hidden"}>${title}</h1>
  ${error ? html`<${Problem} error=${error} again=${again} />` : html`<p class="loading">Loading…</p>`}`;

/** The first request that waits for its next attempt. A dialog shows it too, since nothing behind it can be clicked. */
export class Waiting extends Component {
  timer = setInterval(() => this.setState({}), 250);

  componentWillUnmount() { clearInterval(this.timer); }

  render() {
    const [wait] = waits;
    return wait && html`
      <div class="waiting" role="alert">
        <span>${wait.reason}.</span>
        <span aria-live="off">Trying again in ${Math.max(0, Math.ceil((wait.at - Date.now()) / 1000))} s.</span>
        <button type="button" onClick=${() => waits.forEach(({ now }) => now())}>Try now</button>
        <button type="button" onClick=${() => waits.forEach(({ stop }) => stop())}>Stop trying</button>
      </div>`;
  }
}

let dialogs = 0;

/** A modal dialog. Escape closes it. */
export class Dialog extends Component {
  /** @type {HTMLDialogElement | null} */
  element = null;
  id = `dialog-${dialogs++}`;

  componentDidMount() { this.element?.showModal(); }

  componentWillUnmount() {
    const { element } = this;
    this.element = null;
    element?.close(); // gives the focus back
  }

  render(/** @type {DialogProps} */ { title, onClose, children }) {
    const close = instead(() => this.element && onClose());
    const keep = (/** @type {HTMLDialogElement | null} */ element) => element && (this.element = element);
    return html`
      <dialog ref=${keep} aria-labelledby=${this.id} onCancel=${close} onClose=${close}>
        <h2 id=${this.id}>${title}</h2>
        ${children}
        <${Waiting} />
      </dialog>`;
  }
}

/** Whether no field holds half a date or number, which its value does not show. If one does, says so beside it. */
export function areComplete(/** @type {string} */ selector) {
  const inputs = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll(selector));
  return [...inputs].find(({ validity }) => validity.badInput)?.reportValidity() ?? true;
}

/** A labelled input with its error. */
export function Field(/** @type {FieldProps} */ { id, label, value, error, hint, list, choices, onInput, ...input }) {
  const notes = [error && `${id}-error`, hint && `${id}-hint`].filter(Boolean).join(" ");
  return html`
    <div class="field">
      <label for=${id}>${label}</label>
      <${choices ? "select" : "input"} ...${input} id=${id} value=${value} autocomplete="off" list=${list && `${id}-list`}
        aria-invalid=${error ? "true" : undefined} aria-describedby=${notes || undefined}
        onInput=${entered(onInput)}>
        ${choices && [...new Set(["", value, ...choices])].map((item) => html`<option value=${item}>${item || "Any"}</option>`)}
      <//>
      ${list && html`<datalist id=${`${id}-list`}>${[...list].map((item) => html`<option value=${item} />`)}</datalist>`}
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
      ${error && html`<p class="error" id=${`${id}-error`}>${error}</p>`}
    </div>`;
}
