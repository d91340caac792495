// The casting board: the cast of a movie in billing order, and actors to choose from beside it.

import { ApiError, change, read } from "./api.js";
import { append, body, changes, clashes, inOrder, merge, move, steps } from "./cast.js";
import { Conflict } from "./conflict.js";
import { ACTOR_FILTERS, Filters, listPath, valuesIn } from "./filters.js";
import { count, plain } from "./format.js";
import { Pages } from "./pages.js";
import { guard } from "./router.js";
import { Component, Problem, Text, announce, html, setTitle } from "./ui.js";

/** @typedef {import("./cast.js").Cast} Cast */
/** @typedef {import("./api.js").CastMember} CastMember */
/** @typedef {import("./api.js").Movie} Movie */
/** @typedef {{ movie: Movie, etag: string | undefined, items: import("./conflict.js").Item[] }} Clash */
/**
 * @typedef {object} State
 * @property {Movie | null} movie
 * @property {Cast} saved the cast that the server has
 * @property {Cast} cast the cast on the board
 * @property {unknown} error
 * @property {Record<string, string>} errors by actor id and field
 * @property {{ done: number, total: number } | null} saving
 * @property {Clash | null} clash
 * @property {{ from: number, to: number } | null} drag
 */

/** How close to the edge of the window, in pixels, a dragged row scrolls the page. */
const EDGE = 60;

/** @extends {Component<{ id: string }, State>} */
export class Board extends Component {
  /** @type {State} */
  state = { movie: null, saved: [], cast: [], error: null, errors: {}, saving: null, clash: null, drag: null };
  /** @type {string | undefined} */
  etag;
  stopping = false;
  /** @type {HTMLElement | null} */
  list = null;

  componentDidMount() {
    setTitle("Cast");
    guard(() => this.state.saving !== null || changes(this.state.saved, this.state.cast).length > 0);
    this.load();
  }

  componentWillUnmount() {
    this.stopping = true;
    guard(() => false);
  }

  load = async () => {
    try {
      const { row, etag } = await read("movies", this.props.id);
      setTitle(`Cast of ${plain(row.title)}`);
      this.etag = etag;
      this.setState({ movie: row, saved: row.cast, cast: row.cast, error: null, errors: {} });
    } catch (error) {
      this.setState({ error });
    }
  };

  /** Saves the cast on the board, in as many steps as it takes. */
  async save() {
    const { movie, saved, cast, saving } = this.state;
    if (!movie || saving) return;
    const casts = steps(saved, cast);
    this.stopping = false;
    let done = 0;
    this.setState({ saving: { done, total: casts.length }, error: null, errors: {}, clash: null });
    try {
      for (const step of casts) {
        if (this.stopping) break;
        if (!(await this.saveStep(movie, step))) return;
        this.setState({ saved: step, saving: { done: ++done, total: casts.length } });
      }
      announce(done === casts.length ? "Saved the cast" : `Stopped: ${done} of ${casts.length} steps are saved`);
    } catch (error) {
      this.setState({ error });
    } finally {
      this.setState({ saving: null });
    }
  }

  /** Saves one step, and returns whether to go on. */
  async saveStep(/** @type {Movie} */ movie, /** @type {Cast} */ step) {
    for (;;) {
      try {
        const written = await change("movies", movie.id, body(step), this.etag);
        this.etag = written.etag;
        return true;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 422 && this.showErrors(error, step)) return false;
        if (error.status !== 412) throw error;
      }
      const { row, etag } = await read("movies", movie.id);
      if (changes(row.cast, step).length === 0) return this.keep(etag); // the response was lost
      if (changes(row.cast, this.state.saved).length > 0) return this.ask(row, etag);
      this.keep(etag); // somebody has changed the title or the date alone
    }
  }

  keep(/** @type {string | undefined} */ etag) {
    this.etag = etag;
    return true;
  }

  /** Shows what somebody else has changed. */
  ask(/** @type {Movie} */ movie, /** @type {string | undefined} */ etag) {
    const { saved, cast } = this.state;
    const items = clashes(saved, cast, movie.cast ?? []);
    if (items.length > 0) this.setState({ clash: { movie, etag, items } });
    else this.setState({ saved: movie.cast ?? [] }, () => this.keep(etag));
    return false;
  }

  choose(/** @type {Record<string, string>} */ picks) {
    const { clash, cast } = this.state;
    if (!clash) return;
    const theirs = clash.movie.cast ?? [];
    this.etag = clash.etag;
    this.setState({ saved: theirs, cast: merge(cast, theirs, picks), clash: null }, () => this.save());
  }

  /** Puts errors beside their fields; false if one belongs to no field. */
  showErrors(/** @type {ApiError} */ error, /** @type {Cast} */ step) {
    const errors = error.details.map(({ field, message }) => {
      const [, index, name] = /^cast\[(\d+)\]\.(\w+)$/.exec(field) ?? [];
      return [index && `${step[Number(index)]?.actor_id} ${name}`, message];
    });
    if (errors.some(([key]) => !key)) return false;
    this.setState({ errors: Object.fromEntries(errors) });
    announce("The cast was not saved: look at the errors beside the fields");
    return true;
  }

  set(/** @type {number} */ id, /** @type {Partial<CastMember>} */ fields) {
    this.setState(({ cast }) => ({
      cast: cast.map((member) => (member.actor_id === id ? { ...member, ...fields } : member)),
    }));
  }

  add = (/** @type {{ id: number, name: string }} */ actor) => {
    const cast = append(this.state.cast, actor);
    this.setState({ cast });
    const place = cast.findIndex(({ actor_id }) => actor_id === actor.id) + 1;
    announce(`${plain(actor.name)} is cast, ${place} of ${cast.length}`);
  };

  remove(/** @type {CastMember} */ member) {
    this.setState({ cast: this.state.cast.filter((other) => other !== member) });
    announce(`${plain(member.name)} is removed`);
    this.list?.focus();
  }

  move(/** @type {number} */ from, /** @type {number} */ to) {
    const { cast } = this.state;
    if (to < 0 || to >= cast.length || from === to) return;
    this.setState({ cast: move(cast, from, to) });
    announce(`${plain(cast[from].name)} is now ${to + 1} of ${cast.length}`);
  }

  keyDown(/** @type {KeyboardEvent} */ event, /** @type {number} */ index) {
    const last = this.state.cast.length - 1;
    /** @type {Record<string, number>} */
    const places = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: last };
    const to = places[event.key];
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
      const above = middles.filter((middle, index) => index !== from && middle < pageY).length;
      this.setState({ drag: { from, to: above } });
      if (clientY < EDGE) scrollBy(0, -EDGE / 4);
      if (clientY > innerHeight - EDGE) scrollBy(0, EDGE / 4);
    };
    const end = (/** @type {boolean} */ drop) => {
      handle.onpointermove = handle.onpointerup = handle.onpointercancel = null;
      const { drag } = this.state;
      this.setState({ drag: null });
      if (drop && drag) this.move(from, drag.to);
    };
    handle.onpointerup = () => end(true);
    handle.onpointercancel = () => end(false);
  }

  render() {
    const { movie, saved, cast, error, saving, clash } = this.state;
    if (!movie) {
      return error
        ? html`<h1 tabindex="-1">Cast</h1><${Problem} error=${error} again=${this.load} />`
        : html`<h1 tabindex="-1" class="hidden">Cast</h1><p class="loading">Loading…</p>`;
    }
    const changed = changes(saved, cast).length;
    const keepList = (/** @type {HTMLElement | null} */ list) => (this.list = list);
    return html`
      <p class="crumbs"><a href="#/movies">Movies</a> › <a href=${`#/movies/${movie.id}`}><${Text}>${movie.title}<//></a></p>
      <h1 tabindex="-1">Cast of <${Text}>${movie.title}<//></h1>
      <div class="board">
        <section aria-labelledby="cast-heading">
          <h2 id="cast-heading">Cast <span class="hint">${count(cast.length, "actor")} in billing order</span></h2>
          ${cast.length === 0 && html`<p class="empty">Nobody is cast yet. Find actors, and cast them here.</p>`}
          <ol class="cast" ref=${keepList} tabindex="-1" aria-label="Cast in billing order">
            ${cast.map((member, index) => this.row(member, index))}
          </ol>
        </section>
        <${Search} cast=${cast} onCast=${this.add} />
      </div>
      ${error && html`<${Problem} error=${error} />`}
      ${(changed > 0 || saving) && html`<div class="bar">
        ${saving ? html`
          <label>Saving step ${Math.min(saving.done + 1, saving.total)} of ${saving.total}
            <progress value=${saving.done} max=${saving.total}></progress></label>
          ${saving.total > 1 && html`<button type="button" onClick=${() => (this.stopping = true)}>Stop</button>`}` : html`
          <span>${count(changed, "change")} not saved</span>
          <button type="button" class="main" onClick=${() => this.save()}>Save cast</button>
          <button type="button" onClick=${() => this.setState({ cast: saved, errors: {}, error: null })}>Discard changes</button>`}
      </div>`}
      ${clash && html`
        <${Conflict} what=${movie.title} items=${clash.items}
          onSave=${(/** @type {any} */ picks) => this.choose(picks)} onClose=${() => this.setState({ clash: null })} />`}`;
  }

  row(/** @type {CastMember} */ member, /** @type {number} */ index) {
    const { drag, errors } = this.state;
    const { actor_id: id, character, billing } = member;
    const name = plain(member.name);
    const target = drag?.to === index && drag.from !== index;
    const classes = [drag?.from === index && "dragged", target && (drag.to < drag.from ? "before" : "after")];
    const problems = ["actor_id", "character", "billing"].map((field) => errors[`${id} ${field}`]).filter(Boolean);
    const value = (/** @type {any} */ event) => event.currentTarget.value;
    return html`
      <li key=${id} class=${classes.filter(Boolean).join(" ")}>
        <button type="button" class="handle" aria-label=${`Move ${name}`} aria-describedby="handle-hint"
          onKeyDown=${(/** @type {KeyboardEvent} */ event) => this.keyDown(event, index)}
          onPointerDown=${(/** @type {PointerEvent} */ event) => this.drag(event, index)}>⠿</button>
        <input type="number" class="billing" min="1" max="1000" value=${billing ?? ""} placeholder="–"
          aria-label=${`Billing of ${name}`} aria-invalid=${Boolean(errors[`${id} billing`])}
          onInput=${(/** @type {Event} */ event) => this.set(id, { billing: value(event) === "" ? null : Number(value(event)) })}
          onChange=${() => this.setState({ cast: inOrder(this.state.cast) })} />
        <a class="name" href=${`#/actors/${id}`} title=${member.name}><${Text}>${member.name}<//></a>
        <input class="character" value=${character ?? ""} placeholder="Character"
          aria-label=${`Character of ${name}`} aria-invalid=${Boolean(errors[`${id} character`])}
          onInput=${(/** @type {Event} */ event) => this.set(id, { character: value(event) || null })}
          onChange=${(/** @type {Event} */ event) => this.set(id, { character: value(event).trim() || null })} />
        <button type="button" class="remove" aria-label=${`Remove ${name}`} onClick=${() => this.remove(member)}>✕</button>
        ${problems.length > 0 && html`<p class="error">${problems.join("; ")}</p>`}
      </li>`;
  }
}

/** @typedef {{ cast: Cast, onCast: (actor: { id: number, name: string }) => void }} SearchProps */

/** Actors to choose from. */
class Search extends Component {
  state = { values: valuesIn(ACTOR_FILTERS, new URLSearchParams()), rows: /** @type {any[]} */ ([]), loading: true };
  pages = this.search(this.state.values);

  search(/** @type {Record<string, string>} */ values) {
    const sort = Object.values(values).some(Boolean) ? "" : "name";
    return new Pages("actors", listPath("actors", { ...values, sort }));
  }

  componentDidMount() {
    this.fill(1);
  }

  componentWillUnmount() {
    this.pages.leave();
  }

  /** Shows the first rows, at least this many if there are as many. */
  async fill(/** @type {number} */ rows) {
    const { pages } = this;
    this.setState({ loading: true });
    await pages.show(0, rows);
    if (pages === this.pages) this.setState({ rows: pages.rows(0, pages.length), loading: false });
  }

  change = (/** @type {Record<string, string>} */ values) => {
    this.pages.leave();
    this.pages = this.search(values);
    this.setState({ values });
    this.fill(1).then(() => announce(`${count(this.pages.length, "actor")}${this.pages.next ? " so far" : ""}`));
  };

  render(/** @type {SearchProps} */ { cast, onCast }) {
    const { values, rows, loading } = this.state;
    const { error, next, length } = this.pages;
    const ids = new Set(cast.map(({ actor_id }) => actor_id));
    const again = () => {
      this.pages.error = null;
      this.fill(1);
    };
    return html`
      <section aria-labelledby="search-heading" class="search">
        <h2 id="search-heading">Find actors</h2>
        <${Filters} id="search" fields=${ACTOR_FILTERS} values=${values} error=${error} onChange=${this.change} />
        <p id="handle-hint" class="hidden">Press the arrow keys to move</p>
        ${error ? html`<${Problem} error=${error} again=${again} />` : html`
          ${rows.length === 0 && html`<p class="empty">${loading ? "Loading…" : "No actor matches."}</p>`}
          <ul class="results" aria-busy=${loading}>${rows.map((actor) => html`
            <li key=${actor.id} class=${ids.has(actor.id) ? "chosen" : ""}>
              <span><${Text}>${actor.name}<//> <small>${actor.age}, <${Text}>${actor.gender}<//></small></span>
              ${ids.has(actor.id) ? html`<small>In the cast</small>` : html`
                <button type="button" aria-label=${`Cast ${plain(actor.name)}`} onClick=${() => onCast(actor)}>Cast</button>`}
            </li>`)}
          </ul>
          ${next && html`<button type="button" onClick=${() => this.fill(length + 1)}>More actors</button>`}`}
      </section>`;
  }
}
