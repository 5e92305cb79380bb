//! Which processes work in a folder. Nothing is taken away below somebody's feet, and no flag changes that.

use std::path::{Path, PathBuf};

use crate::{model::text, supervise::tree};

/// A process that stands in a folder, runs a program of it or has a file in it open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProcessInFolder {
    /// Its number.
    pub pid: i32,
    /// What it is called.
    pub name: String,
}

impl ProcessInFolder {
    /// For people.
    pub fn sentence(&self) -> String {
        format!("process {} ({}) works in its worktree", self.pid, text::one_line(&self.name, 40))
    }
}

/// Where all processes work at one moment, this one aside. Those of other users cannot be seen without rights.
#[derive(Debug)]
pub struct Places(Vec<(i32, PathBuf)>);

impl Places {
    /// Looks.
    pub fn now() -> Self {
        Self(tree::places_in_use())
    }

    /// The first process that works in a folder, links resolved.
    pub fn first_in(&self, folder: &Path) -> Option<ProcessInFolder> {
        let (pid, _) = self.0.iter().find(|(_, path)| lies_in(path, folder))?;
        Some(ProcessInFolder { pid: *pid, name: tree::name_of(*pid) })
    }
}

fn lies_in(path: &Path, folder: &Path) -> bool {
    let text = path.to_string_lossy();
    // A file that was deleted is named so, and is open even so.
    match text.strip_suffix(" (deleted)") {
        Some(deleted) => Path::new(deleted).starts_with(folder),
        None => path.starts_with(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_folder_is_not_beside_it() {
        let folder = Path::new("/w/agent");
        for (path, inside) in [
            ("/w/agent", true),
            ("/w/agent/src", true),
            ("/w/agent/gone (deleted)", true),
            ("/w/agent-2/src", false),
            ("/w", false),
        ] {
            assert_eq!(lies_in(Path::new(path), folder), inside, "{path}");
        }
    }
}
