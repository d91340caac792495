//! The file that an export is written to.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that gets its name when it is complete.
///
/// Until then it is a new file in the same folder, with a random name, and readable by its owner
/// alone. If it is dropped before it is finished, it is removed.
pub struct ExportFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
    /// The permissions of the file that it replaces.
    permissions: Option<Permissions>,
}

impl ExportFile {
    /// Creates the file with its random name.
    ///
    /// # Errors
    /// If the file cannot be created, or something other than a file has its name. A link is an
    /// error: neither the link nor its target should be replaced silently.
    pub fn create(path: &Path) -> io::Result<Self> {
        let replaced = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
            Ok(there) => Some(file(there)?),
        };
        path.file_name()
            .ok_or_else(|| io::Error::other("this is not the name of a file"))?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        if !folder.is_dir() {
            let message = format!("there is no folder {}", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        let file = tempfile::Builder::new()
            .prefix(".export-")
            .suffix(".part")
            .tempfile_in(folder);
        let file = file.map_err(|error| in_folder(folder, &error))?;
        let permissions = replaced.map(|there| there.permissions());
        Ok(Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
            permissions,
        })
    }

    /// Renames the file, which replaces an existing one and gets its permissions.
    ///
    /// # Errors
    /// If the file cannot be written or renamed; an existing one stays as it was.
    pub fn finish(self) -> io::Result<()> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        if let Some(permissions) = self.permissions {
            file.as_file().set_permissions(plain(permissions))?;
        }
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// The error with the folder's name instead of the file's random name.
fn in_folder(folder: &Path, error: &io::Error) -> io::Error {
    let cause = error
        .get_ref()
        .and_then(|error| error.source())
        .map_or_else(|| error.to_string(), ToString::to_string);
    io::Error::new(
        error.kind(),
        format!(
            "no file can be created in the folder {}: {cause}",
            folder.display()
        ),
    )
}

/// The permissions without set-user-id, set-group-id and sticky bits.
#[cfg(unix)]
fn plain(permissions: Permissions) -> Permissions {
    use std::os::unix::fs::PermissionsExt;
    Permissions::from_mode(permissions.mode() & 0o777)
}

#[cfg(not(unix))]
fn plain(permissions: Permissions) -> Permissions {
    permissions
}

fn file(there: Metadata) -> io::Result<Metadata> {
    match (there.is_symlink(), there.is_file()) {
        (true, _) => Err(io::Error::other(
            "this is a link, which export does not follow; name the file that it leads to, \
             or leave --output out to write to standard output",
        )),
        (_, true) => Ok(there),
        _ => Err(io::Error::other(
            "this is not a file; leave --output out to write to standard output",
        )),
    }
}

impl Write for ExportFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
