//! A transcript that can be read: the program's own file, or one that was made of what the program gives away.

use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// See the module. A made one is gone when this is.
#[derive(Debug)]
pub struct Transcript {
    path: PathBuf,
    _made: Option<TempPath>,
}

impl Transcript {
    /// The program's own file.
    pub fn own(path: &Path) -> Self {
        Self { path: path.to_owned(), _made: None }
    }

    /// A file that was made.
    pub fn made(file: NamedTempFile) -> Self {
        Self { path: file.path().to_owned(), _made: Some(file.into_temp_path()) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
