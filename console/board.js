// The casting board: the cast of a movie in billing order, and actors to choose from beside it.

import { ApiError, change, read, waits } from "./api.js";
import { append, body, changes, clashes, merge, move, settle, steps } from "./cast.js";
import { Conflict } from "./conflict.js";
import { count, plain } from "./format.js";
import { forget } from "./pages.js";
import { guard, leave } from "./router.js";
import { Loader } from "./rows.js";
import { Search } from "./search.js";
import { Problem, Text, announce, announceQuietly, areComplete, entered, html, link, setTitle } from "./ui.js";

/** How close to the edge of the window, in pixels, a dragged row scrolls the page. */
const EDGE = 60;

/** @extends {Loader<BoardState>} */
export class Board extends Loader {
  /** @type {BoardState} */
  state = { row: null, saved: [], cast: [], error: null, errors: {}, saving: null, clash: null, drag: null };
  isStopping = false;
  /** @type {HTMLElement | null} */
  list = null;

  componentDidMount() { this.watch(); super.componentDidMount(); }

  componentWillUnmount() { this.isStopping = true; guard(() => false); }

  loaded(/** @type {Movie} */ { title, cast = [] }) {
    setTitle(`Cast of ${plain(title)}`);
    return { saved: cast, cast };
  }

  watch() { guard(() => this.state.saving !== null || changes(this.state.saved, this.state.cast).length > 0); }

  stop = () => { this.isStopping = true; waits.forEach(({ stop }) => stop()); };

  discard = () => leave(() => this.setState({ cast: this.state.saved, errors: {}, error: null }, () => this.watch()));

  /** Saves the cast on the board, in as many steps as it takes. */
  async save() {
    const { saved, cast, saving } = this.state;
    if (saving || !areComplete(".cast input")) return;
    const casts = steps(saved, cast);
    const total = casts.length;
    this.isStopping = false;
    this.setState({ saving: { done: 0, total }, error: null, errors: {}, clash: null });
    let done = 0;
    try {
      while (done < total && !this.isStopping && (await this.saveStep(casts[done]))) {
        this.setState({ saved: casts[done], saving: { done: ++done, total } });
      }
      if (this.isStopping) announce(`Stopped: ${done} of ${total} steps are saved`);
      else if (done === total) announce("Saved the cast");
    } catch (error) {
      this.setState({ error });
    }
    forget("actors"); // lists may show casts and credits, and some steps may be saved
    forget("movies");
    this.setState({ saving: null });
  }

  /** Saves one step, and returns whether to go on. @returns {Promise<boolean>} */
  async saveStep(/** @type {Cast} */ step) {
    const id = Number(this.props.id);
    try {
      this.etag = (await change("movies", id, body(step), this.etag)).etag;
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 412 && error.status !== 422) throw error;
      if (error.status === 422 && this.showErrors(error, step)) return false;
    }
    const { row, etag } = await read("movies", id);
    this.setState({ row });
    const { saved, cast } = this.state;
    if (changes(row.cast, saved).length > 0 && changes(row.cast, step).length > 0) {
      this.setState({ clash: { theirs: row.cast, etag, items: clashes(saved, cast, row.cast) } });
      return false;
    }
    this.etag = etag;
    // The response to an earlier attempt was lost, or somebody has changed the title or the date.
    return changes(row.cast, step).length === 0 || this.saveStep(step);
  }

  choose(/** @type {Clash<Cast>} */ { theirs, etag }, /** @type {Record<string, string>} */ picks) {
    this.etag = etag;
    this.setState({ saved: theirs, cast: merge(this.state.cast, theirs, picks), clash: null }, () => this.save());
  }

  /** Puts errors beside their fields; false if one is of an actor who is not on the board any more. */
  showErrors(/** @type {ApiError} */ error, /** @type {Cast} */ step) {
    const ids = new Set(this.state.cast.map(({ actor_id }) => actor_id));
    const errors = error.details.map(({ field, message }) => {
      const [, index, name] = /^cast\[(\d+)\]\.(\w+)$/.exec(field) ?? [];
      if (!index) throw error;
      return { id: step[Number(index)].actor_id, name, message };
    });
    if (errors.some(({ id }) => !ids.has(id))) return false;
    this.setState({ errors: Object.fromEntries(errors.map(({ id, name, message }) => [`${id} ${name}`, message])) });
    announce("The cast was not saved: look at the errors beside the fields");
    return true;
  }

  set(/** @type {number} */ id, /** @type {Partial<CastMember>} */ fields) {
    this.setState({ cast: this.state.cast.map((member) => (member.actor_id === id ? { ...member, ...fields } : member)) });
  }

  add = (/** @type {CastActor} */ actor) => {
    this.setState({ cast: append(this.state.cast, actor) });
    announceQuietly(`${plain(actor.name)} is cast`);
  };

  remove(/** @type {CastMember} */ member) {
    this.setState({ cast: this.state.cast.filter((other) => other !== member) });
    announceQuietly(`${plain(member.name)} is removed`);
    this.list?.focus();
  }

  move(/** @type {number} */ from, /** @type {number} */ to) {
    const { cast } = this.state;
    if (to < 0 || to >= cast.length || from === to) return;
    this.setState({ cast: move(cast, from, to) });
    announceQuietly(`${plain(cast[from].name)} is now ${to + 1} of ${cast.length}`);
  }

  keyDown(/** @type {KeyboardEvent} */ event, /** @type {number} */ index) {
    const places = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: this.state.cast.length - 1 };
    const to = /** @type {Record<string, number>} */ (places)[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const handle = /** @type {HTMLElement} */ (event.currentTarget);
    this.move(index, to);
    requestAnimationFrame(() => handle.focus()); // moving a row in the document takes its focus
  }

  /** Drags a row by its handle, with a mouse, a pen or a finger. */
  drag(/** @type {PointerEvent} */ event, /** @type {number} */ from) {
    if (event.button !== 0 || !this.list) return;
    const handle = /** @type {HTMLElement} */ (event.currentTarget);
    const middles = [...this.list.children].map((row) => {
      const { top, height } = row.getBoundingClientRect();
      return top + scrollY + height / 2;
    });
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = ({ clientY, pageY }) => {
      const to = middles.filter((middle, index) => index !== from && middle < pageY).length;
      this.setState({ drag: { from, to } });
      scrollBy(0, clientY < EDGE ? -EDGE / 4 : clientY > innerHeight - EDGE ? EDGE / 4 : 0);
    };
    handle.onpointerup = handle.onpointercancel = ({ type }) => {
      handle.onpointermove = handle.onpointerup = handle.onpointercancel = null;
      const { drag } = this.state;
      this.setState({ drag: null });
      if (type === "pointerup" && drag) this.move(from, drag.to);
    };
  }

  show(/** @type {Movie} */ movie) {
    const { cast, error, clash } = this.state;
    return html`
      <p class="crumbs"><a href="#/movies">Movies</a> › ${link(`movies/${movie.id}`, movie.title)}</p>
      <h1 tabindex="-1">Cast of <${Text}>${movie.title}<//></h1>
      <div class="board">
        <section aria-labelledby="cast-heading">
          <h2 id="cast-heading">Cast <span class="hint">${count(cast.length, "actor")} in billing order</span></h2>
          ${cast.length === 0 && html`<p class="empty">Nobody is cast yet. Find actors, and cast them here.</p>`}
          <p id="handle-hint" class="hint" hidden=${cast.length < 2}>Drag ⠿ to reorder, or focus it and press the arrow keys.</p>
          <ol class="cast" tabindex="-1" aria-label="Cast in billing order"
            ref=${(/** @type {HTMLElement | null} */ list) => (this.list = list)}>${cast.map(this.row, this)}</ol>
        </section>
        <${Search} cast=${cast} onCast=${this.add} />
      </div>
      ${error && html`<${Problem} error=${error} />`}
      ${this.bar()}
      ${clash && html`
        <${Conflict} what=${movie.title} items=${clash.items} onClose=${() => this.setState({ clash: null })}
          onSave=${(/** @type {any} */ picks) => this.choose(clash, picks)} />`}`;
  }

  /** What is not saved yet, or how far saving is. */
  bar() {
    const { saved, cast, saving } = this.state;
    if (saving) {
      return html`<div class="bar">
        <label>Saving step ${Math.min(saving.done + 1, saving.total)} of ${saving.total}
          <progress value=${saving.done} max=${saving.total}></progress></label>
        ${saving.total > 1 && html`<button type="button" onClick=${this.stop}>Stop</button>`}
      </div>`;
    }
    const changed = changes(saved, cast).length;
    return changed > 0 && html`<div class="bar">
      <span>${count(changed, "change")} not saved</span>
      <button type="button" class="main" onClick=${() => this.save()}>Save cast</button>
      <button type="button" onClick=${this.discard}>Discard changes</button>
    </div>`;
  }

  row(/** @type {CastMember} */ member, /** @type {number} */ index) {
    const { drag, errors } = this.state;
    const { actor_id: id } = member;
    const name = plain(member.name);
    const edge = drag?.to === index && drag.from !== index && (drag.to < drag.from ? "before" : "after");
    const problems = Object.keys(errors).filter((key) => key.startsWith(`${id} `));
    /** @param {"billing" | "character"} field @param {object} input @param {(text: string) => any} parse @param {(text: string) => void} commit */
    const field = (field, input, parse, commit) => html`
      <input ...${input} class=${field} value=${member[field] ?? ""} aria-invalid=${`${id} ${field}` in errors}
        aria-label=${`${field === "billing" ? "Billing" : "Character"} of ${name}`} autocomplete="off"
        aria-describedby=${problems.length > 0 ? `error-${id}` : undefined}
        onInput=${entered((text) => this.set(id, { [field]: parse(text) }))} onChange=${entered(commit)} />`;
    return html`
      <li key=${id} class=${drag?.from === index ? "dragged" : edge || undefined}>
        <button type="button" class="handle" aria-label=${`Move ${name}`} aria-describedby="handle-hint"
          onKeyDown=${(/** @type {KeyboardEvent} */ event) => this.keyDown(event, index)}
          onPointerDown=${(/** @type {PointerEvent} */ event) => this.drag(event, index)}>⠿</button>
        ${field("billing", { type: "number", min: 1, max: 1000, placeholder: "–" }, (text) => (text ? Number(text) : null),
          () => this.setState({ cast: settle(this.state.cast, id) }))}
        <span class="name">${link(`actors/${id}`, member.name)}</span>
        ${field("character", { placeholder: "Character", dir: "auto" }, (text) => text || null,
          (text) => this.set(id, { character: text.trim() || null }))}
        <button type="button" class="remove" aria-label=${`Remove ${name}`} onClick=${() => this.remove(member)}>✕</button>
        ${problems.length > 0 && html`<p class="error" id=${`error-${id}`}>${problems.map((key) => errors[key]).join("; ")}</p>`}
      </li>`;
  }
}
