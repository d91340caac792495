//! `docs/doctor.md` against the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex_lite::Regex;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The files of a folder as one text.
fn folder(path: &str) -> String {
    let files = fs::read_dir(Path::new(ROOT).join(path)).unwrap();
    let files = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    files.collect()
}

/// The names of findings that stand between these two marks.
fn names(text: &str, mark: &str) -> BTreeSet<String> {
    let checks = "api|clock|cors|issuer|keys|token|settings|permissions|endpoint|version";
    let name = Regex::new(&format!("{mark}((?:{checks})-[a-z0-9-]+){mark}")).unwrap();
    let found = name.captures_iter(text);
    found.map(|found| found[1].to_owned()).collect()
}

#[test]
fn the_page_and_the_tests_name_every_finding() {
    let code = names(&folder("src/doctor"), "\"");
    assert!(code.len() > 40, "{code:?}");
    let page = fs::read_to_string(Path::new(ROOT).join("../docs/doctor.md")).unwrap();
    let rows: String = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(names(&rows, "`"), code);
    let tested = names(&folder("tests/doctor"), "\"");
    assert_eq!(code.difference(&tested).collect::<Vec<_>>(), [""; 0]);
}
