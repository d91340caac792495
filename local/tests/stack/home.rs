//! A folder that the stack cannot use: the stack reports the right error and changes nothing.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use local::{Options, Stack};
use rusqlite::Connection;

use crate::support::{Folder, local, program, text};

/// The user that runs the program when the tests run as root, whom file modes do not restrict.
const NOBODY: u32 = 65_534;

/// A folder in which a stack has run.
struct Kept {
    folder: Folder,
    /// A copy of the program that another user may run; only if the tests run as root.
    copy: Option<PathBuf>,
}

impl Kept {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let home = folder.0.join(".local");
        fs::create_dir(&home).unwrap();
        for (name, contents) in files() {
            fs::write(home.join(name), contents).unwrap();
        }
        let kept = Self {
            copy: is_root(&folder.0).then(|| copy_program(&folder.0)),
            folder,
        };
        kept.give_away();
        kept
    }

    fn home(&self) -> PathBuf {
        self.folder.0.join(".local")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    /// Gives the folder to the user that runs the program.
    fn give_away(&self) {
        if self.copy.is_some() {
            let files = fs::read_dir(self.home())
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path());
            for path in files
                .filter(|path| path.exists() && !path.is_symlink())
                .chain([self.home()])
            {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
    }

    /// Starts the stack, which must fail, and returns its error message.
    fn error(&self) -> String {
        let ports: [_; 4] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = ports.map(|listener| listener.local_addr().unwrap().port().to_string());
        let mut command = match &self.copy {
            Some(copy) => program(copy, &self.folder.0),
            None => local(&self.folder.0),
        };
        let flags = [
            "--port",
            "--identity-port",
            "--dynamodb-port",
            "--console-port",
        ];
        for (flag, port) in flags.into_iter().zip(ports) {
            command.args([flag, &port]);
        }
        if self.copy.is_some() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines().next();
        child.kill().unwrap();
        assert!(printed.is_none(), "it started");
        let mut error = Vec::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_end(&mut error)
            .unwrap();
        assert!(!child.wait().unwrap().success());
        text(&error)
    }
}

fn is_root(folder: &Path) -> bool {
    fs::metadata(folder).unwrap().uid() == 0
}

/// Copies the program to where any user may execute it.
fn copy_program(folder: &Path) -> PathBuf {
    let (program, copy) = (env!("CARGO_BIN_EXE_local"), folder.join("program"));
    fs::hard_link(program, &copy)
        .or_else(|_| fs::copy(program, &copy).map(drop))
        .unwrap();
    copy
}

/// The files of a stack that has run, created once.
fn files() -> &'static [(&'static str, Vec<u8>)] {
    static FILES: OnceLock<Vec<(&str, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = Folder::new("home-files");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let stack = Stack::start(Options {
                home: Some(folder.0.clone()),
                ..Options::in_memory()
            })
            .await
            .unwrap();
            stack.log().unwrap();
            stack.stop().await;
        });
        drop(runtime);
        let names = [
            "lock",
            "requests.jsonl",
            "signing-key.der",
            "dynamodb.sqlite",
        ];
        names
            .map(|name| (name, fs::read(folder.0.join(name)).unwrap()))
            .to_vec()
    })
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_unusable_file_is_reported_with_a_remedy_that_deletes_nothing() {
    let check = |name: &str, breaks: &dyn Fn(&Kept), expected: &[&str]| {
        let kept = Kept::new(&format!("home-{name}"));
        breaks(&kept);
        let error = kept.error();
        for part in expected {
            assert!(error.contains(part), "{name}: {part} is not in: {error}");
        }
        assert!(!error.contains("delete"), "{name}: {error}");
        if kept.home().is_dir() {
            // So that the test can remove the folder.
            set_mode(&kept.home(), 0o755);
        }
    };
    let mode = |name: &'static str, mode: u32| move |kept: &Kept| set_mode(&kept.file(name), mode);
    let denied = "Permission denied (os error 13)";
    let access = "let your user read and write it and its folder";
    check(
        "unreadable",
        &mode("dynamodb.sqlite", 0),
        &[
            "dynamodb.sqlite: ",
            denied,
            "unable to open database",
            access,
        ],
    );
    check(
        "unwritable",
        &mode("dynamodb.sqlite", 0o444),
        &["dynamodb.sqlite: ", denied, "readonly database", access],
    );
    let shm = |kept: &Kept| {
        fs::write(kept.file("dynamodb.sqlite-shm"), "").unwrap();
        kept.give_away();
        set_mode(&kept.file("dynamodb.sqlite-shm"), 0o444);
    };
    check(
        "shm",
        &shm,
        &["dynamodb.sqlite-shm: ", denied, "SQLite: ", access],
    );
    let folder = |kept: &Kept| set_mode(&kept.home(), 0o555);
    check(
        "folder",
        &folder,
        &[
            "dynamodb.sqlite: SQLite: ",
            "let your user write to its folder",
        ],
    );
    check(
        "closed",
        &|kept| set_mode(&kept.home(), 0),
        &["lock: ", denied, access],
    );
    check("lock", &mode("lock", 0o444), &["lock: ", denied, access]);
    check(
        "log",
        &mode("requests.jsonl", 0o444),
        &["requests.jsonl: ", denied, access],
    );
    check(
        "key",
        &mode("signing-key.der", 0),
        &["signing-key.der: ", denied, access],
    );
    let no_key = |kept: &Kept| fs::write(kept.file("signing-key.der"), "no key").unwrap();
    check(
        "no-key",
        &no_key,
        &["signing-key.der: this is not a signing key", "move it away"],
    );
    let file = |kept: &Kept| {
        fs::remove_dir_all(kept.home()).unwrap();
        fs::write(kept.home(), "").unwrap();
    };
    check(
        "file",
        &file,
        &[".local: File exists", "a folder belongs here"],
    );
    let full = |kept: &Kept| {
        fs::remove_file(kept.file("signing-key.der")).unwrap();
        symlink("/dev/full", kept.file("signing-key.new")).unwrap();
    };
    if cfg!(target_os = "linux") {
        check(
            "full",
            &full,
            &[
                "signing-key.der: No space left on device",
                "the disk is full",
            ],
        );
    }
}

#[test]
fn a_start_waits_two_seconds_for_a_lock_and_then_reports_it() {
    let kept = Kept::new("home-locked");
    let other = Connection::open(kept.file("dynamodb.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    kept.give_away();
    let started = Instant::now();
    let error = kept.error();
    let waited = started.elapsed();
    assert!(
        error.contains("database is locked; another program has locked it"),
        "{error}"
    );
    assert!(
        error.contains("for the 2 s that this one waited") && !error.contains("delete"),
        "{error}"
    );
    assert!(
        waited > Duration::from_secs(2) && waited < Duration::from_secs(10),
        "{waited:?}"
    );
}

#[test]
fn a_start_waits_two_seconds_for_a_reader_that_prevents_the_journal_mode_and_then_reports_it() {
    let kept = Kept::new("home-reader");
    let other = Connection::open(kept.file("dynamodb.sqlite")).unwrap();
    other.pragma_update(None, "journal_mode", "delete").unwrap();
    other
        .execute_batch("BEGIN; SELECT count(*) FROM sqlite_master")
        .unwrap();
    kept.give_away();
    let started = Instant::now();
    let error = kept.error();
    assert!(
        error.contains("database is locked; another program has locked it"),
        "{error}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn the_remedy_for_a_malformed_database_is_to_move_it() {
    let check = |name: &str, contents: &[u8], expected: &str| {
        let kept = Kept::new(&format!("home-{name}"));
        fs::write(kept.file("dynamodb.sqlite"), contents).unwrap();
        let error = kept.error();
        assert!(
            error.contains(&format!("dynamodb.sqlite: SQLite: {expected}")),
            "{error}"
        );
        assert!(
            error.contains("put a copy in its place; or move the file"),
            "{error}"
        );
        assert!(!error.contains("delete"), "{error}");
        assert_eq!(
            fs::read(kept.file("dynamodb.sqlite")).unwrap(),
            contents,
            "{name}"
        );
    };
    let database = &files()[3].1;
    check("garbage", &[b'x'; 4096], "file is not a database");
    check(
        "half",
        &database[..database.len() / 2],
        "database disk image is malformed",
    );
}

#[test]
fn a_database_of_a_newer_version_is_an_error_and_stays_unchanged() {
    let kept = Kept::new("home-newer");
    let database = Connection::open(kept.file("dynamodb.sqlite")).unwrap();
    database
        .execute(
            "UPDATE _config SET value = '9999' WHERE key = 'schema_version'",
            [],
        )
        .unwrap();
    database.close().unwrap();
    kept.give_away();
    let before = fs::read(kept.file("dynamodb.sqlite")).unwrap();
    let error = kept.error();
    assert!(
        error.contains("newer version") && error.contains("Run the version of this project"),
        "{error}"
    );
    assert!(!error.contains("delete"), "{error}");
    assert_eq!(fs::read(kept.file("dynamodb.sqlite")).unwrap(), before);
}

#[test]
fn a_file_without_a_key_is_an_error_where_a_token_is_printed() {
    let kept = Kept::new("home-token");
    fs::write(kept.file("signing-key.der"), "no key").unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
        .to_string();
    let output = local(&kept.folder.0)
        .args(["token", "director", "--identity-port", &port])
        .output()
        .unwrap();
    let error = text(&output.stderr);
    assert!(
        error.contains("signing-key.der: this is not a signing key; move it away"),
        "{error}"
    );
    assert!(
        !output.status.success() && !error.contains("delete"),
        "{error}"
    );
}
