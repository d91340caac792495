//! Keeps a spreadsheet from taking a cell for a formula.
//!
//! OWASP's advice (<https://owasp.org/www-community/attacks/CSV_Injection>) is an apostrophe before
//! a cell that begins like a formula. A cell that begins with apostrophes and then like a formula
//! gets one more, so that [`unguarded`] undoes [`guarded`] for every text. A text such as `#N/A`,
//! which a spreadsheet takes for one of its errors, gets an apostrophe too.

use std::borrow::Cow;

/// The first characters of formulas, including the full-width forms that OWASP lists.
const FORMULA_STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The cell with an apostrophe before each formula.
///
/// In many countries Excel's delimiter is the semicolon, so a cell with semicolons may be read as
/// several: each part is guarded by itself.
pub(crate) fn guarded(cell: &str) -> Cow<'_, str> {
    part_by_part(cell, |part| is_special(part).then(|| format!("'{part}")))
}

/// The cell as it was before it was guarded.
pub(crate) fn unguarded(cell: &str) -> Cow<'_, str> {
    part_by_part(cell, |part| {
        part.strip_prefix('\'')
            .filter(|rest| is_special(rest))
            .map(str::to_owned)
    })
}

/// Whether the part begins like a formula, also after spaces and apostrophes.
fn begins_a_formula(part: &str) -> bool {
    part.trim_start_matches([' ', '\''])
        .starts_with(FORMULA_STARTS)
}

/// Whether this is how a spreadsheet shows an error: `#N/A` and `#REF!`, in several languages,
/// `Err:502`, or a column that is too narrow (`####`).
pub(crate) fn is_error_value(cell: &str) -> bool {
    let is_code = |name: &str| {
        name.chars()
            .all(|c| c.is_uppercase() || c.is_ascii_digit() || matches!(c, '/' | '_'))
    };
    match cell.strip_prefix('#') {
        Some("N/A" | "NV" | "N/D" | "N/V" | "GETTING_DATA") => true,
        Some(rest) if !rest.is_empty() => {
            rest.strip_suffix(['!', '?'])
                .is_some_and(|name| !name.is_empty() && is_code(name))
                || rest.bytes().all(|byte| byte == b'#')
        }
        Some(_) => false,
        None => cell
            .strip_prefix("Err:")
            .is_some_and(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit())),
    }
}

/// Whether a spreadsheet would take this for a formula or an error.
fn is_special(part: &str) -> bool {
    begins_a_formula(part) || is_error_value(part.trim_start_matches([' ', '\'']).trim_end())
}

fn part_by_part(cell: &str, change: impl Fn(&str) -> Option<String>) -> Cow<'_, str> {
    let parts: Vec<_> = cell
        .split(';')
        .map(|part| change(part).map_or(Cow::Borrowed(part), Cow::Owned))
        .collect();
    match parts.iter().any(|part| matches!(part, Cow::Owned(_))) {
        true => Cow::Owned(parts.join(";")),
        false => Cow::Borrowed(cell),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_cells_that_begin_like_a_formula_get_an_apostrophe() {
        let check = |cell: &str, expected: &str| {
            assert_eq!(guarded(cell), expected, "{cell:?}");
            assert_eq!(unguarded(expected), cell, "{cell:?}");
        };
        check("=1+1", "'=1+1");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("\r=1", "'\r=1");
        check("＝1", "'＝1");
        check(" =1", "' =1");
        check("'=1", "''=1");
        check("a;=1;b", "a;'=1;b");
        check("#N/A", "'#N/A");
        check("a;#REF!", "a;'#REF!");
        check("'#N/A", "''#N/A");
        check("'t Hooft", "'t Hooft");
        check("''", "''");
        check("a=1", "a=1");
        check("Ida; Max", "Ida; Max");
        check("", "");
    }

    #[test]
    fn a_spreadsheets_own_errors_are_told_from_titles() {
        let errors = [
            "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#NV",
            "#BEZUG!", "####", "Err:502",
        ];
        for cell in errors {
            assert!(is_error_value(cell), "{cell}");
        }
        for cell in [
            "#Alive",
            "#ALIVE",
            "#1",
            "#",
            "#!",
            "N/A",
            "Err:5020",
            "Err: 502",
            "#Help!",
            "#HELP ME!",
        ] {
            assert!(!is_error_value(cell), "{cell}");
        }
    }

    #[test]
    fn a_cell_that_nobody_guarded_keeps_its_apostrophe() {
        for cell in ["'t Hooft", "'", "O'Neill", "rock 'n' roll", "=1"] {
            assert_eq!(unguarded(cell), cell);
        }
    }

    proptest! {
        #[test]
        fn lifting_undoes_guarding(cell in "[-=+@;' \t\r\nab＝#NA/!]{0,12}|.*") {
            let guarded = guarded(&cell);
            prop_assert_eq!(unguarded(&guarded), cell.as_str());
            for part in guarded.split(';') {
                prop_assert!(!part.starts_with(FORMULA_STARTS), "{:?}", guarded);
            }
        }
    }
}
