//! CSV: reads a file's records and columns, and keeps exported cells from being taken for formulas.

mod columns;
mod guard;
mod records;

pub(crate) use columns::csv_rows;
pub(crate) use guard::guarded;
#[cfg(test)]
pub(crate) use guard::lifted;
pub(crate) use records::line_ends;
