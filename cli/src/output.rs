//! The file that an export is written to.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that takes its name when it is whole.
///
/// Until then it is a new file in the same folder, with a random name and for its owner alone. If
/// it is dropped before it is finished, it is removed.
pub struct ToFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
    /// Those of the file that it replaces.
    permissions: Option<Permissions>,
}

impl ToFile {
    /// Begins the file.
    ///
    /// # Errors
    /// When it cannot be made, or something other than a file has its name. A link is an error
    /// whatever it leads to: to replace what is behind it could be as unwelcome as to replace the
    /// link.
    pub fn create(path: &Path) -> io::Result<Self> {
        let replaced = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
            Ok(there) => Some(file(there)?),
        };
        path.file_name()
            .ok_or_else(|| io::Error::other("this is no file's name"))?;
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

    /// Gives the file its name, in place of one that had it, whose permissions it takes over.
    ///
    /// # Errors
    /// When it cannot be written to its end or renamed; what had its name before has it still.
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

/// An error with the folder in place of the file's random name, which says nothing to anybody.
fn in_folder(folder: &Path, error: &io::Error) -> io::Error {
    let cause = error
        .get_ref()
        .and_then(|error| error.source())
        .map_or_else(|| error.to_string(), ToString::to_string);
    io::Error::new(
        error.kind(),
        format!(
            "no file can be made in the folder {}: {cause}",
            folder.display()
        ),
    )
}

/// Who may read and write: what else a mode can say is not for a file of rows.
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
            "this is no file; leave --output out to write to standard output",
        )),
    }
}

impl Write for ToFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
