//! The bootstraps as files.

use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::process::Command;

use zip::write::SimpleFileOptions;

use crate::{Failure, Plan, failed};

/// The eight functions.
pub(crate) const FUNCTIONS: [&str; 8] = [
    "get_actors",
    "post_actors",
    "patch_actors",
    "delete_actors",
    "get_movies",
    "post_movies",
    "patch_movies",
    "delete_movies",
];

/// The programs that the functions are compared with. `floor_sdk` is every floor that uses the SDK.
const FLOORS: [&str; 3] = ["floor_noop", "floor_sdk", "floor_raw"];

/// The crates that are a TLS or a cryptographic library, or bring a second HTTP stack.
const STACKS: [&str; 12] = [
    "aws-lc-sys",
    "boring-sys",
    "h2",
    "hyper",
    "hyper-tls",
    "native-tls",
    "openssl-sys",
    "reqwest",
    "ring",
    "rustls",
    "rustls-native-certs",
    "s2n-tls",
];

/// The path of a function's program.
pub(crate) fn path(plan: &Plan, function: &str) -> Result<PathBuf, Failure> {
    let (folder, program) = match function {
        "floor_get" | "floor_query" | "floor_patch" | "floor_post" => (&plan.floors, "floor_sdk"),
        floor if FLOORS.contains(&floor) => (&plan.floors, floor),
        function => (&plan.bootstraps, function),
    };
    let path = folder.join(program).join("bootstrap");
    if path.is_file() {
        Ok(path)
    } else {
        Err(failed(format!(
            "{} is missing; `make bench` builds it",
            path.display()
        )))
    }
}

pub(crate) fn bytes(plan: &Plan, function: &str) -> Result<u64, Failure> {
    Ok(fs::metadata(path(plan, function)?)?.len())
}

/// The size of the upload in bytes: the program in a ZIP archive.
fn zipped(plan: &Plan, function: &str) -> Result<usize, Failure> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file("bootstrap", SimpleFileOptions::default())?;
    archive.write_all(&fs::read(path(plan, function)?)?)?;
    Ok(archive.finish()?.into_inner().len())
}

/// The newest glibc version whose symbols the program needs, for example `2.30`.
pub(crate) fn glibc(plan: &Plan, function: &str) -> Result<String, Failure> {
    let program = fs::read(path(plan, function)?)?;
    let text = String::from_utf8_lossy(&program);
    let versions = text.split("GLIBC_").skip(1).filter_map(|rest| {
        let version = rest.split('\0').next()?;
        let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??))
    });
    let (major, minor) = versions
        .max()
        .ok_or_else(|| failed(format!("{function} requires no glibc")))?;
    Ok(format!("{major}.{minor}"))
}

/// The crates of a function that are TLS, cryptography or HTTP, with their versions.
pub(crate) fn stacks(function: &str) -> Result<Vec<String>, Failure> {
    let tree = Command::new("cargo")
        .args(["tree", "-p", function, "-e", "normal", "--prefix", "none"])
        .output()?;
    if !tree.status.success() {
        return Err(failed(String::from_utf8_lossy(&tree.stderr)));
    }
    let tree = String::from_utf8(tree.stdout)?;
    let crates = tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (name, version) = (words.next()?, words.next()?);
        STACKS.contains(&name).then(|| {
            format!(
                "{name} {}",
                version.split('.').take(2).collect::<Vec<_>>().join(".")
            )
        })
    });
    let mut crates: Vec<_> = crates.collect();
    crates.sort();
    crates.dedup();
    Ok(crates)
}

pub(crate) fn table(plan: &Plan) -> Result<String, Failure> {
    let mut table =
        "| program | bytes, stripped | bytes, zipped | glibc |\n|---|---|---|---|\n".to_owned();
    for function in FUNCTIONS.iter().chain(&FLOORS) {
        let (bytes, zipped, glibc) = (
            bytes(plan, function)?,
            zipped(plan, function)?,
            glibc(plan, function)?,
        );
        table += &format!(
            "| `{function}` | {} | {} | {glibc} |\n",
            grouped(bytes),
            grouped(zipped as u64)
        );
    }
    Ok(table)
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
