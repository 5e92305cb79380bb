//! Which processes use a folder. A folder in use is never removed, and no flag changes that.

use std::path::{Path, PathBuf};

use crate::{model::text, supervise::tree};

/// A process that has its working directory, its program or an open file in a folder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProcessInFolder {
    /// Its process id.
    pub pid: i32,
    /// Its name.
    pub name: String,
}

impl ProcessInFolder {
    /// Describes the process for people.
    pub fn sentence(&self) -> String {
        format!("process {} ({}) uses its worktree", self.pid, text::one_line(&self.name, 40))
    }
}

/// The paths that all other processes use at one moment. Processes of other users are visible only with sufficient rights.
#[derive(Debug)]
pub struct UsedPaths(Vec<(i32, PathBuf)>);

impl UsedPaths {
    /// Lists the paths in use now.
    pub fn now() -> Self {
        Self(tree::places_in_use())
    }

    /// Returns the first process that uses a folder. Links in `folder` must be resolved.
    pub fn first_in(&self, folder: &Path) -> Option<ProcessInFolder> {
        let (pid, _) = self.0.iter().find(|(_, path)| is_in(path, folder))?;
        Some(ProcessInFolder { pid: *pid, name: tree::name_of(*pid) })
    }
}

fn is_in(path: &Path, folder: &Path) -> bool {
    let text = path.to_string_lossy();
    // The system marks a deleted file so; it is still open.
    match text.strip_suffix(" (deleted)") {
        Some(deleted) => Path::new(deleted).starts_with(folder),
        None => path.starts_with(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_of_a_folder_are_not_in_it() {
        let folder = Path::new("/w/agent");
        for (path, inside) in [
            ("/w/agent", true),
            ("/w/agent/src", true),
            ("/w/agent/gone (deleted)", true),
            ("/w/agent-2/src", false),
            ("/w", false),
        ] {
            assert_eq!(is_in(Path::new(path), folder), inside, "{path}");
        }
    }
}
