// Starts the console: signs in, and shows the page that the address names.

import { actors } from "./actors.js";
import { leavePage } from "./api.js";
import * as auth from "./auth.js";
import { Board } from "./board.js";
import { movies } from "./movies.js";
import * as router from "./router.js";
import { AddPage, EditPage, Lacking, ListPage, RowPage } from "./rows.js";
import { Component, Dialog, Text, Waiting, announce, focusHeading, html, regions, render, setTitle } from "./ui.js";

const RESOURCES = { actors, movies };

/** @extends {Component<AppProps, AppState>} */
class App extends Component {
  /** @type {AppState} */
  state = { shown: "", heard: "", expired: null, problem: "", leave: null };
  address = "";

  componentDidMount() {
    // A text that is said twice is said anew only if it changes.
    regions.say = (text, region) => this.setState({ [region]: this.state[region] === text ? `${text}\u00a0` : text });
    auth.onExpiry(() => new Promise((expired) => this.setState({ expired, problem: "" })));
    router.start(() => {
      if (router.route().path.join("/") !== this.address) { leavePage(); scrollTo(0, 0); }
      this.setState({});
    }, (leave) => this.setState({ leave }));
    this.componentDidUpdate();
  }

  componentDidUpdate() {
    const address = router.route().path.join("/");
    if (address !== this.address) focusHeading();
    this.address = address;
  }

  signInAgain = () => {
    this.setState({ problem: "" });
    auth.signInAgain().then(() => this.close(true), (error) => this.setState({ problem: cause(error) }));
  };

  close(/** @type {boolean} */ signedIn) {
    this.state.expired?.(signedIn);
    this.setState({ expired: null });
  }

  render(/** @type {AppProps} */ { signedIn, problem }) {
    const { shown, heard, expired, leave } = this.state;
    const stay = () => this.setState({ leave: null });
    return html`
      ${signedIn && html`<${Header} />`}
      <main>${signedIn ? page(router.route()) : html`<${Welcome} problem=${problem} />`}</main>
      <${Waiting} />
      <p role="status"><span class="said" key=${shown}>${shown}</span></p>
      <p role="status" class="hidden">${heard}</p>
      ${expired && html`
        <${Dialog} title="Sign in again" onClose=${() => this.close(false)}>
          <p>Your sign-in has expired. Sign in again in a new window: what you have entered here stays.</p>
          ${this.state.problem && html`<p class="problem" role="alert">${this.state.problem}</p>`}
          <p class="actions">
            <button type="button" class="main" onClick=${this.signInAgain}>Sign in again</button>
            <button type="button" onClick=${() => this.close(false)}>Not now</button>
          </p>
        <//>`}
      ${leave && html`
        <${Dialog} title="Discard your changes?" onClose=${stay}>
          <p>What you have changed on this page is not saved.</p>
          <p class="actions">
            <button type="button" class="danger" onClick=${() => this.setState({ leave: null }, leave)}>Discard</button>
            <button type="button" autofocus onClick=${stay}>Keep editing</button>
          </p>
        <//>`}`;
  }
}

function Header() {
  const [section = first()] = router.route().path;
  const link = (/** @type {"actors" | "movies"} */ kind) => auth.can(`get:${kind}`) && html`
    <a href=${`#/${kind}`} aria-current=${section === kind ? "page" : undefined}>${RESOURCES[kind].title}</a>`;
  return html`
    <header>
      <a class="brand" href="#/">Casting Agency</a>
      <nav aria-label="Main">${link("actors")} ${link("movies")}</nav>
      <span class="user"><${Text}>${auth.userName()}<//></span>
      <button type="button" onClick=${() => router.leave(signOut)}>Sign out</button>
    </header>`;
}

/** The page that the permissions allowed when it was opened. */
let allowed = "";

/** The page for a route. Its key makes each address a page of its own. */
function page(/** @type {Route} */ { path, query }) {
  const [kind = first(), id, action, ...rest] = path;
  const resource = kind === "actors" || kind === "movies" ? RESOURCES[kind] : undefined;
  if (!resource || rest.length > 0) return html`<${NotFound} />`;
  const props = { key: [kind, ...path.slice(1)].join("/"), resource, id, query };
  const needing = (/** @type {string[]} */ permissions, /** @type {any} */ Page) => {
    // Whoever signs in again with fewer permissions keeps the input; saving it says what is missing.
    const missing = props.key !== allowed && permissions.find((permission) => !auth.can(permission));
    if (!missing) allowed = props.key;
    return missing ? html`<${Lacking} permission=${missing} />` : html`<${Page} ...${props} />`;
  };
  if (!id) return needing([`get:${kind}`], ListPage);
  if (id === "new" && !action) return needing([`post:${kind}`], AddPage);
  if (!action) return needing([`get:${kind}`], RowPage);
  if (action === "edit") return needing([`get:${kind}`, `patch:${kind}`], EditPage);
  if (action === "cast" && kind === "movies") return needing(["get:movies", "get:actors", "patch:movies"], Board);
  return html`<${NotFound} />`;
}

const first = () => (auth.can("get:actors") || !auth.can("get:movies") ? "actors" : "movies");

function NotFound() {
  setTitle("Not found");
  return html`<h1 tabindex="-1">Not found</h1><p>There is no such page. <a href="#/">Go to the start.</a></p>`;
}

const Welcome = (/** @type {{ problem: string }} */ { problem }) => html`
  <div class="welcome card">
    <h1 tabindex="-1">Casting Agency</h1>
    <p>Find actors by name, age and gender, keep the agency's movies, and cast who plays in what.</p>
    <p>Search as you type, arrange a cast by dragging, and see both versions if a colleague changes the same row.</p>
    ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    <p class="actions"><button type="button" class="main" onClick=${() => auth.signIn().catch(fail)}>Sign in</button></p>
  </div>`;

function show(/** @type {boolean} */ signedIn, problem = "") {
  render(html`<${App} signedIn=${signedIn} problem=${problem} />`, /** @type {Element} */ (document.getElementById("app")));
}

const cause = (/** @type {any} */ error) =>
  error instanceof TypeError ? `The sign-in service cannot be reached (${error.message}).` : String(error.message ?? error);
const fail = (/** @type {unknown} */ error) => show(false, cause(error));
const signOut = () => auth.signOut().catch((error) => announce(`You are still signed in. ${cause(error)}`));

history.scrollRestoration = "manual";
auth.start().then((state) => state !== "away" && show(state === "in"), fail);
