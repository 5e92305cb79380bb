//! A readable transcript: the program's own file, or a temporary file with what the program exported.

use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// The path of a transcript. A temporary file is deleted when this value is dropped.
#[derive(Debug)]
pub struct Transcript {
    path: PathBuf,
    _made: Option<TempPath>,
}

impl Transcript {
    /// Refers to the program's own file.
    pub fn own(path: &Path) -> Self {
        Self { path: path.to_owned(), _made: None }
    }

    /// Refers to a temporary file, and takes ownership of it.
    pub fn made(file: NamedTempFile) -> Self {
        Self { path: file.path().to_owned(), _made: Some(file.into_temp_path()) }
    }

    /// Returns the path of the transcript.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
