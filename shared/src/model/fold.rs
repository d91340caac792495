//! Folds texts for comparison without case and accents, so that `lea` finds `Léa`.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

/// Folds a text for search: compatibility decomposed (NFKD), without marks, case folded, its words
/// separated by one space.
pub(crate) fn folded(text: &str) -> String {
    let categories = CodePointMapData::<GeneralCategory>::new();
    let decomposed = DecomposingNormalizerBorrowed::new_nfkd().normalize(text);
    let bare: String = decomposed
        .chars()
        .filter(|c| !GeneralCategoryGroup::Mark.contains(categories.get(*c)))
        .collect();
    let folded = CaseMapper::new().fold_string(&bare);
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
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
    fn neither_case_nor_accents_nor_width_count() {
        let check = |text: &str, expected: &str| assert_eq!(folded(text), expected, "{text:?}");
        check("Léa SEYDOUX", "lea seydoux");
        check("Lea\u{301}  Seydoux", "lea seydoux");
        check("Straße", "strasse");
        check("ŁÓDŹ", "łodz");
        check("ＡＢＣ\u{3000}１", "abc 1");
        check("İstanbul", "istanbul");
        check("ΣΊΣΥΦΟΣ", "σισυφοσ");
        check("ﬁnal", "final");
        check("李小龙", "李小龙");
        check("\u{301}", "");
    }

    #[test]
    fn a_gender_is_compared_without_case_alone() {
        assert_eq!(caseless("FEMALE"), caseless("female"));
        assert_eq!(caseless("e\u{301}"), caseless("É"));
        assert_ne!(caseless("é"), caseless("e"));
    }

    #[test]
    fn the_last_word_and_the_title_behind_an_article() {
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
