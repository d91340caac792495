// The shapes that the console's modules share. Only the type checker reads this file.

import type { components } from "../generated/openapi";
import type { ApiError } from "../../../console/api";

type Schemas = components["schemas"];

declare global {
  // What the API sends.
  type Actor = Schemas["ActorWithCredits"];
  type Credit = Schemas["Credit"];
  type Movie = Schemas["MovieWithCast"];
  type CastMember = Schemas["CastMember"];
  type Cast = CastMember[];
  type Kind = "actors" | "movies";
  /** An actor or a movie. */
  type Row = { id: number } & Record<string, any>;
  type Detail = { field: string; message: string };
  type Read = { row: Row; etag: string | undefined };
  type Options = { body?: string; etag?: string; key?: string; signal?: AbortSignal };

  // Signing in.
  type Config = { api: string; issuer: string; clientId: string; audience: string; demoCommand?: string };
  /** What a response of the issuer is checked with, and the page to return to. */
  type Pending = { state: string; nonce: string; verifier: string; hash: string };
  type Session = { access: string; refresh?: string; id?: string; name: string; permissions: string[] };

  // Forms and filters: the fields' values by their names.
  type Values = Record<string, string>;
  type FieldSpec = {
    name: string; label: string; type?: string; hint?: string; min?: string; max?: string; inputmode?: string;
    /** Values to suggest. */
    list?: Set<string>;
    /** The only values to choose from. */
    choices?: Set<string>;
  };
  type FieldProps = FieldSpec & {
    id: string; value: string; error?: string; onInput: (value: string) => void;
  };
  type FiltersProps = {
    id: string; fields: FieldSpec[]; values: Values; error: ApiError | any; onChange: (values: Values) => void;
  };
  type FormProps = { resource: Resource; row?: Row; etag?: string };
  type FormState = { values: Values; errors: Values; error: unknown; busy: boolean; clash: Clash<Row> | null };

  // Two versions.
  type Choice = "yours" | "theirs";
  type Difference = { key: string; label: string; yours: string; theirs: string; pick: Choice };
  type Clash<T> = { theirs: T; etag: string | undefined; items: Difference[] };
  type ConflictProps = {
    what: string; items: Difference[]; onSave: (picks: Record<string, Choice>) => void; onClose: () => void;
  };

  // Pages.
  type Route = { path: string[]; query: URLSearchParams };
  type AppProps = { signedIn: boolean; problem: string };
  type AppState = {
    /** The last announcement that was shown, and the last for those who do not see the page. */
    shown: string;
    heard: string;
    /** Says whether the user has signed in again. */
    expired: ((signedIn: boolean) => void) | null;
    problem: string;
    /** Leaves the page without saving. */
    leave: (() => void) | null;
  };
  /** What differs between actors and movies. */
  type Resource = {
    kind: Kind;
    noun: string;
    title: string;
    filters: FieldSpec[];
    columns: Column[];
    /** A column that shows some of the other kind, if the user asks for it. */
    extra: Column;
    /** The order of a list that the user has not sorted. */
    order: (filters: Values) => string;
    fields: FieldSpec[];
    name: (row: Row) => string;
    /** What the form shows. */
    values: (row?: Row) => Values;
    facts: (row: Row) => any;
    /** The credits, or the cast. */
    related: (row: any) => any;
    /** What is deleted with the row; undefined if it is not visible. */
    lost: (row: Row) => string[] | undefined;
  };
  type ListProps = { resource: Resource; query: URLSearchParams };
  type RowProps = { resource: Resource; id: string };
  type RowState = { row: Row | null; error: unknown; deleting?: boolean };
  type DeletionProps = { resource: Resource; row: Row; onClose: () => void; onChanged: () => void };
  type DeletionState = { row: Row | null; etag?: string; error: string };
  type DialogProps = { title: any; onClose: () => void; children?: any };

  // Lists.
  /** A page of a list; without rows once they are far from view. */
  type Page = { path: string; rows: Row[] | null; length: number };
  type Column = { label: string; sort?: string; cell: (row: any) => any; class?: string };
  type TableProps = {
    kind: Kind; path: string; columns: Column[]; sort: string; empty: any; onSort: (sort: string) => void;
    onError: (error: unknown) => void;
  };
  /** A request that waits for its next attempt. */
  type Wait = { reason: string; at: number; now: () => void; stop: () => void };

  // The casting board.
  type CastActor = { id: number; name: string };
  type BoardState = RowState & {
    /** The cast that the server has. */
    saved: Cast;
    /** The cast on the board. */
    cast: Cast;
    /** By actor id and field. */
    errors: Values;
    saving: { done: number; total: number } | null;
    clash: Clash<Cast> | null;
    drag: { from: number; to: number } | null;
  };
  type SearchProps = { cast: Cast; onCast: (actor: CastActor) => void };
  type SearchState = { values: Values; rows: any[]; loading: boolean };
}
