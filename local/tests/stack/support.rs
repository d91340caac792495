//! What the tests share.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An empty folder that is gone when the test ends.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("casting-agency-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// The command in a folder, without cargo's and the machine's own settings.
pub(crate) fn local(folder: &Path) -> Command {
    program(Path::new(env!("CARGO_BIN_EXE_local")), folder)
}

/// The same of a copy of the program.
pub(crate) fn program(file: &Path, folder: &Path) -> Command {
    let mut command = Command::new(file);
    command.current_dir(folder);
    for variable in [
        "CARGO_MANIFEST_DIR",
        "AUTH0_DOMAIN",
        "API_AUDIENCE",
        "CONSOLE_CLIENT_ID",
        "JWKS_CACHE_SECONDS",
        "JWKS_COOLDOWN_SECONDS",
    ] {
        command.env_remove(variable);
    }
    command
}

/// What a program wrote, without the white space around it.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
