//! Text from files and servers on its way to a terminal.

use std::borrow::Cow;
use std::io::{self, Write};

/// The text with every character escaped that a terminal could act on, for messages of one line.
///
/// Control characters (C0, DEL, C1), line and paragraph separators, and the characters that change
/// the direction of text become `\u{1b}` and the like. Text without them is unchanged.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, is_control)
}

/// As [`escaped`], but line feeds stay, for text of several lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |character| character != '\n' && is_control(character))
}

fn replaced(text: &str, is_unsafe: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_unsafe) {
        return Cow::Borrowed(text);
    }
    let escape = |character: char| match is_unsafe(character) {
        true => character.escape_unicode().to_string(),
        false => character.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

fn is_control(character: char) -> bool {
    // The ranges after the controls: line and paragraph separator with the bidirectional embeddings
    // and overrides, then the isolates.
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A writer to a terminal: what is written comes out as [`escaped_lines`].
pub struct EscapedWriter<W> {
    inner: W,
    /// The beginning of a character whose end is not written yet.
    incomplete: Vec<u8>,
}

impl<W: Write> EscapedWriter<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, incomplete: Vec::new() }
    }
}

impl<W: Write> Write for EscapedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.incomplete.extend(bytes);
        let complete = match str::from_utf8(&self.incomplete) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.incomplete.len(),
        };
        let text: Vec<u8> = self.incomplete.drain(..complete).collect();
        self.inner.write_all(escaped_lines(&String::from_utf8_lossy(&text)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_could_act_on_is_escaped_and_nothing_is_dropped() {
        let check = |text: &str, expected: &str| assert_eq!(escaped(text), expected, "{text:?}");
        check("Zoë 🎬 \\ \"x\" ’", "Zoë 🎬 \\ \"x\" ’");
        check("a\u{1b}[2Jb", "a\\u{1b}[2Jb");
        check("\0\t\r\n\u{7f}", "\\u{0}\\u{9}\\u{d}\\u{a}\\u{7f}");
        check("\u{80}\u{9b}31m\u{9f}", "\\u{80}\\u{9b}31m\\u{9f}");
        for control in ('\u{2028}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
            check(&format!("a{control}b"), &format!("a\\u{{{:x}}}b", u32::from(control)));
        }
        assert_eq!(escaped_lines("a\nb\r\u{202e}"), "a\nb\\u{d}\\u{202e}");
    }

    #[test]
    fn a_writer_escapes_characters_that_come_in_pieces() {
        let mut written = Vec::new();
        let mut writer = EscapedWriter::new(&mut written);
        for byte in "Zoë\u{1b}[0m\u{202e}\n".as_bytes() {
            writer.write_all(&[*byte]).unwrap();
        }
        assert_eq!(String::from_utf8(written).unwrap(), "Zoë\\u{1b}[0m\\u{202e}\n");
    }
}
