//! The bench as a command. That this is a test has Cargo build the program along with all others.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[track_caller]
fn complains(folder: &str, arguments: &[&str], expected: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(complaint.contains(expected), "{complaint}");
}

#[test]
fn what_is_missing_is_named() {
    complains(
        ROOT,
        &["guard", "--bootstraps", "nowhere"],
        "nowhere/get_actors/bootstrap is missing",
    );
    complains("/", &["guard"], "run in the repository's root");
}
