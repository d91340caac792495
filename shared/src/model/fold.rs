//! Folds texts for comparison as people type them, so that `lea` finds `Léa` and `o'neil` finds
//! `O’Neil`.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

/// The Latin letters that NFKD does not reduce to ASCII, with the ASCII letters they fold to: `ø`
/// to `o`, `æ` to `ae`. Sorted by letter. Written by `build.rs`.
const LATIN: &[(char, &str)] = include!(concat!(env!("OUT_DIR"), "/latin.rs"));

/// Folds a text for search: compatibility decomposed (NFKD), without marks, case folded, Latin
/// letters as ASCII, one kind of apostrophe, and its words separated by one space. Hyphens and
/// dashes separate words too.
///
/// The index keys of stored rows contain folded texts. If you change this function, increment
/// [`crate::store::KEY_FORMAT`]: stored rows need new keys (docs/architecture.md, "Indexes").
pub(crate) fn folded(text: &str) -> String {
    let categories = CodePointMapData::<GeneralCategory>::new();
    // An acute accent on its own (U+1FFD is the same character) would decompose to a space and a
    // mark.
    let text = text.replace(['\u{b4}', '\u{1ffd}'], "'");
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(&text);
    let bare: String = decomposed
        .chars()
        .filter_map(|c| match categories.get(c) {
            GeneralCategory::DashPunctuation => Some(' '),
            // Soft hyphens and other characters that show nothing.
            GeneralCategory::Format => None,
            category if GeneralCategoryGroup::Mark.contains(category) => None,
            _ => Some(punctuation(c)),
        })
        .collect();
    let mut folded = String::with_capacity(bare.len());
    for c in CaseMapper::new().fold_string(&bare).chars() {
        match LATIN.binary_search_by_key(&c, |(letter, _)| *letter) {
            Ok(place) => folded.push_str(LATIN[place].1),
            Err(_) => folded.push(c),
        }
    }
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Any apostrophe as `'`, and what looks like a dash as a space; other characters as they are.
fn punctuation(c: char) -> char {
    match c {
        // Grave accent; modifier letters (prime, commas, half rings, vertical line, accents).
        '`' | '\u{2b9}' | '\u{2bb}'..='\u{2bf}' | '\u{2c8}' | '\u{2ca}' | '\u{2cb}' => '\'',
        // Single quotation marks; primes.
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2035}' => '\'',
        // Armenian apostrophe, Hebrew geresh, Nko tone apostrophes, Latin saltillos.
        '\u{55a}' | '\u{5f3}' | '\u{7f4}' | '\u{7f5}' | '\u{a78b}' | '\u{a78c}' => '\'',
        // Modifier letter minus; hyphen bullet; swung dash; minus sign.
        '\u{2d7}' | '\u{2043}' | '\u{2053}' | '\u{2212}' => ' ',
        other => other,
    }
}

/// Folds a text for a comparison that ignores only case (canonical caseless matching, Unicode
/// section 3.13).
pub(crate) fn caseless(text: &str) -> String {
    let normalizer = DecomposingNormalizerBorrowed::new_nfd();
    let folded = CaseMapper::new()
        .fold_string(&normalizer.normalize(text))
        .into_owned();
    ComposingNormalizerBorrowed::new_nfc()
        .normalize(&folded)
        .into_owned()
}

/// The last word of a folded text.
pub(crate) fn last_word(folded: &str) -> &str {
    folded.rsplit(' ').next().unwrap_or_default()
}

/// A folded title without its leading article (the, a, an), unless the article is the whole title.
pub(crate) fn without_article(folded: &str) -> &str {
    let rest = ["the ", "a ", "an "]
        .into_iter()
        .find_map(|article| folded.strip_prefix(article));
    rest.unwrap_or(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_ignores_case_accents_and_width() {
        let check = |text: &str, expected: &str| assert_eq!(folded(text), expected, "{text:?}");
        check("Léa SEYDOUX", "lea seydoux");
        check("Lea\u{301}  Seydoux", "lea seydoux");
        check("Straße", "strasse");
        check("ŁÓDŹ", "lodz");
        check(
            "Søren Ærø Åse Đặng Þór Išık Œuvre",
            "soren aero ase dang thor isik oeuvre",
        );
        check("ẞß ŉ", "ssss 'n");
        check("ＡＢＣ\u{3000}１", "abc 1");
        check("İstanbul", "istanbul");
        check("ΣΊΣΥΦΟΣ", "σισυφοσ");
        check("ﬁnal", "final");
        check("李小龙", "李小龙");
        check("\u{301}", "");
        check("Øя Ωж", "oя ωж");
    }

    #[test]
    fn apostrophes_fold_to_one_character_and_dashes_to_a_space() {
        for apostrophe in "'’‘‛ʼʻʾʿʹ′‵`´\u{1ffd}＇ˈˊˋ՚׳ߴߵꞋꞌ".chars() {
            assert_eq!(
                folded(&format!("O{apostrophe}Neil")),
                "o'neil",
                "{apostrophe:?}"
            );
        }
        for dash in "-‐‑‒–—―−－﹣˗⁃⁓".chars() {
            assert_eq!(
                folded(&format!("Day{dash}Sample")),
                "day sample",
                "{dash:?}"
            );
            assert_eq!(
                folded(&format!("{dash} Day {dash}{dash}")),
                "day",
                "{dash:?}"
            );
        }
        assert_eq!(last_word(&folded("Ida Day-Sample")), "sample");
        assert_eq!(folded("Day\u{ad}Sam\u{200d}ple"), "daysample");
    }

    #[test]
    fn latin_letters_fold_to_ascii_and_other_letters_do_not() {
        assert!(LATIN.is_sorted_by_key(|(letter, _)| *letter));
        for letter in ('\u{c0}'..='\u{17f}').chain("ɓɔəɛɖƒɠɨɲʉʋȝⱣᵽↃↄᴀ".chars())
        {
            let folded = folded(&letter.to_string());
            let is_ascii = |c: char| c.is_ascii() || !c.is_alphabetic();
            assert!(folded.chars().all(is_ascii), "{letter} {folded}");
        }
        for letter in "αяאअ李ア".chars() {
            assert!(!folded(&letter.to_string()).is_ascii(), "{letter}");
        }
    }

    #[test]
    fn genders_are_compared_ignoring_case_but_not_accents() {
        assert_eq!(caseless("FEMALE"), caseless("female"));
        assert_eq!(caseless("e\u{301}"), caseless("É"));
        assert_ne!(caseless("é"), caseless("e"));
    }

    #[test]
    fn the_last_word_and_the_title_without_its_article_are_extracted() {
        assert_eq!(
            (last_word("ida lupino"), last_word("ida"), last_word("")),
            ("lupino", "ida", "")
        );
        for (title, rest) in [
            ("the third man", "third man"),
            ("a", "a"),
            ("an", "an"),
            ("theodora", "theodora"),
            ("a a", "a"),
        ] {
            assert_eq!(without_article(title), rest);
        }
    }
}
