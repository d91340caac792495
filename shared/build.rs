//! Writes the table of Latin letters that neither decompose nor fold to ASCII, such as `ø`, with
//! the ASCII letters that any_ascii gives for them. The whole of any_ascii would make each function
//! half a megabyte larger.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs, io};

/// The Unicode blocks with Latin letters beyond ASCII, from Latin-1 Supplement to Latin Extended-E,
/// in ascending order.
const LATIN: [(char, char); 7] = [
    ('\u{80}', '\u{2af}'),
    ('\u{1d00}', '\u{1dbf}'),
    ('\u{1e00}', '\u{1eff}'),
    ('\u{2184}', '\u{2184}'),
    ('\u{2c60}', '\u{2c7f}'),
    ('\u{a720}', '\u{a7ff}'),
    ('\u{ab30}', '\u{ab6f}'),
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut table = String::from("&[\n");
    for letter in LATIN.into_iter().flat_map(|(first, last)| first..=last) {
        let ascii = any_ascii::any_ascii_char(letter).to_ascii_lowercase();
        // Upper case has been folded before the table is used.
        if letter.is_alphabetic()
            && !letter.is_uppercase()
            && !ascii.is_empty()
            && ascii.bytes().all(|byte| byte.is_ascii_lowercase())
        {
            writeln!(table, "    ({letter:?}, {ascii:?}),").map_err(io::Error::other)?;
        }
    }
    table.push_str("]\n");
    let directory = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?;
    fs::write(Path::new(&directory).join("latin.rs"), table)
}
