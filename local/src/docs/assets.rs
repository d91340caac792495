//! Swagger UI's files, from the archive that its crate embeds.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use axum::body::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// Reads the file of this name from Swagger UI's `dist` folder. Unpacks the archive each time: that
/// takes milliseconds, and the page is rarely opened.
///
/// # Errors
/// If the archive has no such file.
pub(super) fn file(name: &str) -> Result<Bytes, String> {
    let mut archive =
        ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).map_err(|error| error.to_string())?;
    let path = archive
        .file_names()
        .flatten()
        .find(|path| is_served_as(path, name))
        .map(Cow::into_owned);
    let path = path.ok_or_else(|| format!("there is no {name}"))?;
    let mut contents = Vec::new();
    let mut file = archive.by_name(&path).map_err(|error| error.to_string())?;
    file.read_to_end(&mut contents)
        .map_err(|error| error.to_string())?;
    Ok(contents.into())
}

/// Whether a path in the archive is `<the version's folder>/dist/<name>`.
fn is_served_as(path: &str, name: &str) -> bool {
    path.split_once('/')
        .is_some_and(|(_, path)| path.strip_prefix("dist/") == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served_and_nothing_outside_its_folder() {
        for name in [
            "swagger-ui-bundle.js",
            "swagger-ui.css",
            "favicon-32x32.png",
        ] {
            assert!(
                file(name).is_ok_and(|contents| !contents.is_empty()),
                "{name}"
            );
        }
        for name in ["package.json", "../package.json", "swagger-ui-bundle"] {
            assert!(file(name).is_err(), "{name}");
        }
    }
}
