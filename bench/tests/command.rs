//! The bench as a command. That this is a test has Cargo build the program along with all others.

use std::process::Command;

#[test]
fn a_program_that_is_missing_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench")).args(["guard", "--bootstraps", "nowhere"]).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(complaint.contains("nowhere/get_actors/bootstrap is missing"), "{complaint}");
}
