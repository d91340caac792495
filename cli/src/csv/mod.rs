//! Reads CSV files, and keeps spreadsheets from taking exported cells for formulas.

mod columns;
mod guard;
mod records;

pub(crate) use columns::csv_rows;
pub(crate) use guard::guarded;
#[cfg(test)]
pub(crate) use guard::unguarded;
pub(crate) use records::line_ends;
