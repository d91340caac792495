//! Escapes text from files and servers before it reaches a terminal.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::Format;

/// Escapes every character that a terminal could act on, for messages of one line.
///
/// Control characters (C0, DEL, C1), line and paragraph separators, the characters that change the
/// direction of text, and invisible ones become `\u{1b}` and the like. Text without them is
/// unchanged. The joiners U+200C and U+200D stay, since names in Persian and in Indic scripts are
/// written with them.
pub fn escaped(text: &str) -> Cow<'_, str> {
    replaced(text, is_control)
}

/// As [`escaped`], but keeps line feeds, for text of several lines.
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
    character.is_control() || is_separator_or_direction(character) || is_invisible(character)
}

/// Line and paragraph separators, and the marks, embeddings, overrides and isolates that change the
/// direction of text.
fn is_separator_or_direction(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Invisible characters, with which one text can look like another: soft hyphen, zero width spaces,
/// invisible operators, annotations and tags.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// Writes rows to a terminal: escapes them as [`escaped`] does, except for the line feeds that end
/// rows.
pub struct EscapedWriter<W> {
    inner: W,
    format: Format,
    /// Whether a CSV cell is open, in which a line feed does not end the row.
    in_quotes: bool,
    /// The first bytes of an incomplete character.
    incomplete: Vec<u8>,
}

impl<W: Write> EscapedWriter<W> {
    /// Writes rows of this format to `inner`.
    pub fn new(inner: W, format: Format) -> Self {
        Self {
            inner,
            format,
            in_quotes: false,
            incomplete: Vec::new(),
        }
    }

    fn escape(&mut self, text: &str) -> String {
        let mut written = String::with_capacity(text.len());
        for character in text.chars() {
            // A doubled quotation mark closes the cell and opens it again.
            self.in_quotes ^= self.format == Format::Csv && character == '"';
            match character {
                '\n' if !self.in_quotes => written.push('\n'),
                _ if is_control(character) => written.extend(character.escape_unicode()),
                _ => written.push(character),
            }
        }
        written
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
        let written = self.escape(&String::from_utf8_lossy(&text));
        self.inner.write_all(written.as_bytes())?;
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
    fn control_and_invisible_characters_are_escaped_and_none_is_dropped() {
        let check = |text: &str, expected: &str| assert_eq!(escaped(text), expected, "{text:?}");
        check("Zoë 🎬 \\ \"x\" ’", "Zoë 🎬 \\ \"x\" ’");
        check("a\u{1b}[2Jb", "a\\u{1b}[2Jb");
        check("\0\t\r\n\u{7f}", "\\u{0}\\u{9}\\u{d}\\u{a}\\u{7f}");
        check("\u{80}\u{9b}31m\u{9f}", "\\u{80}\\u{9b}31m\\u{9f}");
        let invisible = [
            '\u{ad}', '\u{61c}', '\u{180e}', '\u{200b}', '\u{200e}', '\u{200f}', '\u{feff}',
        ];
        let ranges = ('\u{2028}'..='\u{202e}')
            .chain('\u{2060}'..='\u{206f}')
            .chain('\u{e0000}'..='\u{e007f}');
        for control in ranges.chain(invisible) {
            check(
                &format!("a{control}b"),
                &format!("a\\u{{{:x}}}b", u32::from(control)),
            );
        }
        check("می\u{200c}خواهم क्\u{200d}ष", "می\u{200c}خواهم क्\u{200d}ष");
        assert_eq!(escaped_lines("a\nb\r\u{202e}"), "a\nb\\u{d}\\u{202e}");
    }

    #[test]
    fn a_writer_escapes_characters_that_come_in_pieces() {
        let mut written = Vec::new();
        let mut writer = EscapedWriter::new(&mut written, Format::Csv);
        for byte in "Zoë\u{1b}[0m\u{202e}\n".as_bytes() {
            writer.write_all(&[*byte]).unwrap();
        }
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "Zoë\\u{1b}[0m\\u{202e}\n"
        );
    }

    #[test]
    fn a_line_feed_in_a_cell_begins_no_line() {
        let check = |format, text: &str, expected: &str| {
            let mut written = Vec::new();
            EscapedWriter::new(&mut written, format)
                .write_all(text.as_bytes())
                .unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), expected);
        };
        let csv = "1,\"a \"\"b\"\"\n2,\",f\n2,\"\n\",f\n";
        check(
            Format::Csv,
            csv,
            "1,\"a \"\"b\"\"\\u{a}2,\",f\n2,\"\\u{a}\",f\n",
        );
        check(Format::Jsonl, "{\"a\\\"\":1}\n{}\n", "{\"a\\\"\":1}\n{}\n");
    }
}
