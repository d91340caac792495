//! Free text: names, titles and genders.

use serde::Serialize;

use super::form::Field;

/// A name, a title or a character: 1 to 200 characters, trimmed, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Name(String);

/// A gender, as the client wrote it: 1 to 80 characters, trimmed, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gender(String);

impl Name {
    const MAX_CHARACTERS: usize = 200;
    const RULE: &'static str = "must be a text of 1 to 200 characters without control characters";

    /// The trimmed text as a name, if it is valid.
    pub fn new(text: &str) -> Option<Self> {
        trimmed_if_valid(text, Self::MAX_CHARACTERS).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Gender {
    const MAX_CHARACTERS: usize = 80;
    pub(crate) const RULE: &'static str =
        "must be a text of 1 to 80 characters without control characters";

    /// The trimmed text as a gender, if it is valid.
    pub fn new(text: &str) -> Option<Self> {
        trimmed_if_valid(text, Self::MAX_CHARACTERS).map(Self)
    }

    /// The gender as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for Name {
    fn read(json: &str) -> Result<Self, &'static str> {
        string(json)
            .and_then(|text| Self::new(&text))
            .ok_or(Self::RULE)
    }
}

impl Field for Gender {
    fn read(json: &str) -> Result<Self, &'static str> {
        string(json)
            .and_then(|text| Self::new(&text))
            .ok_or(Self::RULE)
    }
}

/// The text of a JSON string. `None` for any other value, and for a string that is not Unicode (a
/// lone surrogate).
pub(super) fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// The trimmed text, if it has 1 to `max_characters` characters (Unicode scalar values) and no
/// control characters.
fn trimmed_if_valid(text: &str, max_characters: usize) -> Option<String> {
    let text = text.trim();
    let is_valid = !text.is_empty()
        && text.chars().count() <= max_characters
        && !text.chars().any(char::is_control);
    is_valid.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_otherwise_unchanged() {
        for (sent, kept) in [
            ("Ida", "Ida"),
            ("  Ida Lupino\n", "Ida Lupino"),
            ("\u{3000}李小龙\u{a0}", "李小龙"),
            ("🎭", "🎭"),
        ] {
            assert_eq!(
                Name::new(sent).as_ref().map(Name::as_str),
                Some(kept),
                "{sent:?}"
            );
        }
        assert_eq!(
            Gender::new(" Non-Binary ").as_ref().map(Gender::as_str),
            Some("Non-Binary")
        );
    }

    #[test]
    fn text_length_is_measured_in_characters() {
        assert!(Name::new(&"é".repeat(200)).is_some());
        assert!(Name::new(&format!("  {}  ", "x".repeat(200))).is_some());
        assert!(Name::new(&"x".repeat(201)).is_none());
        assert!(Gender::new(&"x".repeat(80)).is_some());
        assert!(Gender::new(&"x".repeat(81)).is_none());
    }

    #[test]
    fn an_empty_text_or_one_with_control_characters_is_rejected() {
        for text in [
            "",
            " ",
            "\t\n",
            "a\0b",
            "\0",
            "a\nb",
            "\u{1b}[31m",
            "a\u{7f}",
            "a\u{85}b",
        ] {
            assert!(
                Name::new(text).is_none() && Gender::new(text).is_none(),
                "{text:?}"
            );
        }
    }

    #[test]
    fn only_a_json_string_is_a_text() {
        assert!(Name::read(r#""Ida""#).is_ok());
        for json in [
            "1",
            "true",
            "[]",
            "{}",
            r#"["Ida"]"#,
            r#""\ud800""#,
            r#""""#,
        ] {
            assert_eq!(Name::read(json), Err(Name::RULE), "{json}");
        }
    }
}
