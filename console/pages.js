// A list of the API, page by page. Of a long list only the pages near the visible rows are kept.

import { send } from "./api.js";
import { config } from "./auth.js";
import { GENDERS } from "./filters.js";

/** Rows in a page, and pages that are kept before and after the visible ones. */
const LIMIT = 100;
const KEPT = 5;
/** Lists that are kept for the way back to them. */
const RECENT = 4;

export class Pages {
  /** @type {Page[]} */
  pages = [];
  /** @type {unknown} */
  error = null;
  /** Where the page was scrolled to. */
  scroll = 0;
  /** Called after each page: of a filtered list, a page may be short or empty. */
  grown = () => /** @type {unknown} */ (undefined);
  #abort = new AbortController();
  /** Calls of `show` take their turns. */
  #turn = Promise.resolve();

  constructor(/** @type {Kind} */ kind, /** @type {string} */ path) {
    this.kind = kind;
    /** @type {string | undefined} the path of the next page */
    this.next = `${path}${path.includes("?") ? "&" : "?"}limit=${LIMIT}`;
  }

  get length() { return this.pages.reduce((sum, page) => sum + page.length, 0); }

  /** The rows from `first` to before `last`; null for a row that is not loaded. */
  rows(/** @type {number} */ first, /** @type {number} */ last) {
    const end = Math.min(last, this.length);
    return Array.from({ length: Math.max(0, end - first) }, (_, index) => {
      const { page, offset } = this.#at(first + index);
      return this.pages[page]?.rows?.[offset] ?? null;
    });
  }

  /** Loads what is needed to show these rows and some more, and forgets pages far away. */
  show(/** @type {number} */ first, /** @type {number} */ last) {
    return (this.#turn = this.#turn.then(() => this.#show(first, last)));
  }

  async #show(/** @type {number} */ first, /** @type {number} */ last) {
    if (this.error) return;
    const { signal } = this.#abort;
    try {
      for (const page of this.#near(first, last, 1)) if (!page.rows) await this.#load(page, signal);
      while (this.next && this.length < last + LIMIT / 2) {
        const page = { path: this.next, rows: null, length: 0 };
        this.next = await this.#load(page, signal);
        this.pages.push(page);
        this.grown();
      }
      const near = new Set(this.#near(first, last, KEPT));
      for (const page of this.pages) if (!near.has(page)) page.rows = null;
    } catch (error) {
      if (!signal.aborted) this.error = error;
    }
  }

  leave() { this.#abort.abort(); this.#abort = new AbortController(); }

  /** Puts a row in the place of its earlier state, or removes it. */
  update(/** @type {number} */ id, /** @type {Row | null} */ row) {
    for (const page of this.pages) {
      const at = page.rows?.findIndex((old) => old.id === id) ?? -1;
      if (at >= 0) page.rows?.splice(at, 1, ...(row ? [{ ...page.rows[at], ...row }] : []));
      page.length = page.rows?.length ?? page.length;
    }
  }

  /** Loads a page's rows, and returns the path of the page after it. */
  async #load(/** @type {Page} */ page, /** @type {AbortSignal} */ signal) {
    const { body } = await send("GET", page.path, { signal });
    page.rows = body[this.kind];
    page.length = body[this.kind].length;
    for (const { gender } of body[this.kind]) if (gender) GENDERS.add(gender.toLowerCase());
    // `next` begins with the API's base path, if it has one.
    return body.next?.slice(new URL(config.api).pathname.replace(/\/$/, "").length);
  }

  /** The page of the row with this index, and the row's place in it. */
  #at(/** @type {number} */ index) {
    let page = 0;
    while (page < this.pages.length && index >= this.pages[page].length) index -= this.pages[page++].length;
    return { page, offset: index };
  }

  /** The pages that these rows are in, and some before and after them. */
  #near(/** @type {number} */ first, /** @type {number} */ last, /** @type {number} */ more) {
    return this.pages.slice(Math.max(0, this.#at(first).page - more), this.#at(last).page + more + 1);
  }
}

/** @type {Map<string, Pages>} */
const recent = new Map();

/** The list at this path, as it was left if that was not long ago. */
export function pagesOf(/** @type {Kind} */ kind, /** @type {string} */ path) {
  const pages = recent.get(path) ?? new Pages(kind, path);
  recent.delete(path);
  recent.set(path, pages);
  for (const oldest of [...recent.keys()].slice(0, -RECENT)) recent.delete(oldest);
  return pages;
}

/** Forgets the lists of this kind: they lack a new row. */
export function forget(/** @type {Kind} */ kind) {
  for (const [path, pages] of recent) if (pages.kind === kind) recent.delete(path);
}

/** Shows a changed row in the lists of this kind; null for a deleted one. */
export function update(/** @type {Kind} */ kind, /** @type {number} */ id, /** @type {Row | null} */ row) {
  for (const pages of recent.values()) if (pages.kind === kind) pages.update(id, row);
}
