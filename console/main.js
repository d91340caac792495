// Starts the console: signs in, and shows the page that the address names.

import { actors } from "./actors.js";
import * as auth from "./auth.js";
import { Board } from "./board.js";
import { movies } from "./movies.js";
import { onWait, waits } from "./retry.js";
import * as router from "./router.js";
import { AddPage, EditPage, Lacking, ListPage, RowPage } from "./rows.js";
import { Component, Dialog, Text, announceWith, html, render, setTitle } from "./ui.js";

/** @typedef {{ resolve: (signedIn: boolean) => void }} Expiry */
/** @typedef {{ said: string, expiry: Expiry | null, problem: string, leave: (() => void) | null }} State */

const RESOURCES = { actors, movies };

/** @extends {Component<{ signedIn: boolean, problem: string }, State>} */
class App extends Component {
  /** @type {State} */
  state = { said: "", expiry: null, problem: "", leave: null };
  address = "";

  componentDidMount() {
    // A text that is said twice is said anew only if it changes.
    announceWith((text) => this.setState({ said: this.state.said === text ? `${text}\u00a0` : text }));
    onWait(() => this.setState({}));
    setInterval(() => waits.size > 0 && this.setState({}), 500); // counts the seconds down
    auth.onExpiry(() => new Promise((resolve) => this.setState({ expiry: { resolve }, problem: "" })));
    router.start(() => {
      if (router.route().path.join("/") !== this.address) scrollTo(0, 0);
      this.setState({});
    }, (leave) => this.setState({ leave }));
  }

  componentDidUpdate() {
    const address = router.route().path.join("/");
    if (address === this.address) return;
    this.address = address;
    document.querySelector("h1")?.focus({ preventScroll: true });
  }

  async signInAgain() {
    const { expiry } = this.state;
    try {
      this.setState({ problem: "" });
      await auth.signInAgain();
      this.setState({ expiry: null });
      expiry?.resolve(true);
    } catch (error) {
      this.setState({ problem: error instanceof Error ? error.message : String(error) });
    }
  }

  render(/** @type {{ signedIn: boolean, problem: string }} */ { signedIn, problem }) {
    const { said, expiry, leave } = this.state;
    const close = () => this.setState({ leave: null });
    const giveUp = () => {
      this.setState({ expiry: null });
      expiry?.resolve(false);
    };
    return html`
      ${signedIn && html`<${Header} />`}
      ${[...waits].slice(0, 1).map((wait) => html`
        <div class="waiting" role="alert" key="waiting">
          <span>${wait.reason}.</span>
          <span aria-live="off">Trying again in ${Math.max(0, Math.ceil((wait.at - Date.now()) / 1000))} s.</span>
          <button type="button" onClick=${() => waits.forEach(({ now }) => now())}>Try now</button>
          <button type="button" onClick=${() => waits.forEach(({ stop }) => stop())}>Stop trying</button>
        </div>`)}
      <main>${signedIn ? page(router.route()) : html`<${Welcome} problem=${problem} />`}</main>
      <p class="said" role="status">${said}</p>
      ${expiry && html`
        <${Dialog} title="Sign in again" onClose=${giveUp}>
          <p>Your sign-in has expired. Sign in again in a new window: what you have entered here stays.</p>
          ${this.state.problem && html`<p class="problem" role="alert">${this.state.problem}</p>`}
          <p class="actions">
            <button type="button" class="main" onClick=${() => this.signInAgain()}>Sign in again</button>
            <button type="button" onClick=${giveUp}>Not now</button>
          </p>
        <//>`}
      ${leave && html`
        <${Dialog} title="Leave without saving?" onClose=${close}>
          <p>What you have changed on this page is not saved.</p>
          <p class="actions">
            <button type="button" class="danger" onClick=${() => { close(); leave(); }}>Leave</button>
            <button type="button" onClick=${close}>Stay</button>
          </p>
        <//>`}`;
  }
}

function Header() {
  const [section] = router.route().path;
  const link = (/** @type {"actors" | "movies"} */ kind) => auth.can(`get:${kind}`) && html`
    <a href=${`#/${kind}`} aria-current=${section === kind ? "page" : undefined}>${RESOURCES[kind].title}</a>`;
  return html`
    <header>
      <a class="brand" href="#/">Casting Agency</a>
      <nav aria-label="Main">${link("actors")} ${link("movies")}</nav>
      <span class="user"><${Text}>${auth.user()?.name}<//></span>
      <button type="button" onClick=${auth.signOut}>Sign out</button>
    </header>`;
}

/** The page for a route. Its key makes each address a page of its own. */
function page(/** @type {router.Route} */ { path: [kind = "", id, action, ...rest], query }) {
  if (kind === "") return home();
  const resource = kind === "actors" || kind === "movies" ? RESOURCES[kind] : undefined;
  const key = [kind, id, action].join("/");
  if (!resource || rest.length > 0) return html`<${NotFound} key="none" />`;
  if (!auth.can(`get:${kind}`)) return html`<${Lacking} permission=${`get:${kind}`} />`;
  if (!id) return html`<${ListPage} key=${key} resource=${resource} query=${query} />`;
  if (id === "new" && !action) return html`<${AddPage} key=${key} resource=${resource} />`;
  if (!action) return html`<${RowPage} key=${key} resource=${resource} id=${id} />`;
  if (action === "edit") return html`<${EditPage} key=${key} resource=${resource} id=${id} />`;
  if (action === "cast" && kind === "movies") return board(key, id);
  return html`<${NotFound} key="none" />`;
}

function board(/** @type {string} */ key, /** @type {string} */ id) {
  const missing = ["patch:movies", "get:actors"].find((permission) => !auth.can(permission));
  return missing ? html`<${Lacking} permission=${missing} />` : html`<${Board} key=${key} id=${id} />`;
}

/** The first list that the user may see. */
function home() {
  const first = ["actors", "movies"].find((kind) => auth.can(`get:${kind}`));
  if (!first) return html`<${Lacking} permission="get:actors or get:movies" />`;
  queueMicrotask(() => router.replace(`#/${first}`));
  return null;
}

function NotFound() {
  setTitle("Not found");
  return html`<h1 tabindex="-1">Not found</h1><p>There is no such page. <a href="#/">Go to the start.</a></p>`;
}

function Welcome(/** @type {{ problem: string }} */ { problem }) {
  return html`
    <div class="welcome card">
      <h1 tabindex="-1">Casting Agency</h1>
      <p>Find actors by name, age and gender, keep the agency's movies, and cast who plays in what.</p>
      <ul>
        <li>Search as you type, and share what you have found by its address.</li>
        <li>Arrange a cast by dragging, and save it at once.</li>
        <li>If a colleague changes the same row, you see both versions and choose.</li>
      </ul>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
      <p class="actions"><button type="button" class="main" onClick=${signIn}>Sign in</button></p>
    </div>`;
}

const signIn = () => auth.signIn().catch(fail);

function show(/** @type {boolean} */ signedIn, problem = "") {
  render(html`<${App} signedIn=${signedIn} problem=${problem} />`, /** @type {Element} */ (document.getElementById("app")));
}

function fail(/** @type {unknown} */ error) {
  console.warn(error);
  const cause = error instanceof Error ? error.message : String(error);
  show(false, error instanceof TypeError ? `The sign-in service cannot be reached (${cause}).` : `You could not be signed in: ${cause}.`);
}

history.scrollRestoration = "manual";
auth.start().then((state) => state !== "away" && show(state === "in"), fail);
