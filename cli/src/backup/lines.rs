//! Reads a file line by line in bounded memory.

use std::io::{self, BufRead, Read};

use aws_lc_rs::digest::{Context, SHA256};

/// The longest line, in bytes. The longest line of a backup is a movie with its cast, which came
/// in a body of 64 KiB.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    /// Reading fails.
    #[error("{0}")]
    Read(#[from] io::Error),
    /// The line is longer than any line of a backup.
    #[error("line {0} is longer than {MAX_LINE_BYTES} bytes, the longest line of a backup")]
    TooLong(usize),
    /// The line does not end.
    #[error("line {0} has no end: the file is truncated")]
    Unended(usize),
    /// The line is not text.
    #[error("line {0} is not UTF-8")]
    NotText(usize),
}

/// The lines of a file.
pub(crate) struct Lines<R> {
    reader: R,
    /// The number of the last line, from 1.
    pub(crate) number: usize,
    /// Where the next line begins, in bytes.
    pub(crate) end: u64,
    buffer: Vec<u8>,
    digest: Context,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            end: 0,
            buffer: Vec::new(),
            digest: Context::new(&SHA256),
        }
    }

    /// The next line without its line feed; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<&str>, LineError> {
        self.buffer.clear();
        let mut limited = self.reader.by_ref().take(MAX_LINE_BYTES + 1);
        let read = limited.read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.digest.update(&self.buffer);
        let Some(line) = self.buffer.strip_suffix(b"\n") else {
            return Err(if read as u64 > MAX_LINE_BYTES {
                LineError::TooLong(self.number)
            } else {
                LineError::Unended(self.number)
            });
        };
        self.end += read as u64;
        str::from_utf8(line)
            .map(Some)
            .map_err(|_| LineError::NotText(self.number))
    }

    /// Begins the digest at the next line.
    pub(crate) fn restart_digest(&mut self) {
        self.digest = Context::new(&SHA256);
    }

    /// The SHA-256 digest of the lines, with their line feeds.
    pub(crate) fn digest(self) -> String {
        hex(self.digest)
    }
}

/// A digest in hexadecimal digits.
pub(crate) fn hex(digest: Context) -> String {
    let digest = digest.finish();
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_whole_or_an_error() {
        let mut lines = Lines::new(&b"one\n\ntwo\n"[..]);
        for expected in [Some("one"), Some(""), Some("two"), None] {
            assert_eq!(lines.next().unwrap(), expected);
        }
        assert_eq!((lines.number, lines.end), (3, 9));
        let error = |file: &[u8]| Lines::new(file).next().unwrap_err().to_string();
        assert_eq!(error(b"one"), "line 1 has no end: the file is truncated");
        assert_eq!(error(b"\xFF\n"), "line 1 is not UTF-8");
        let endless = "x".repeat(3 << 20);
        assert!(error(endless.as_bytes()).contains("is longer than 1048576 bytes"));
    }

    #[test]
    fn the_digest_is_that_of_the_bytes() {
        let mut lines = Lines::new(&b"header\nabc\n"[..]);
        lines.next().unwrap();
        lines.restart_digest();
        while lines.next().unwrap().is_some() {}
        // printf 'abc\n' | sha256sum
        let expected = "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb";
        assert_eq!(lines.digest(), expected);
    }
}
