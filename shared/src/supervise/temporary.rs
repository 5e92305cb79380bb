//! The folder for the temporary files of one agent: short, because sockets have paths of at most 108 bytes, and the user's alone.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use crate::{model::AgentId, world::Environment};

/// The longest path of the folder above, in bytes.
const MAX_BASE: usize = 40;
/// How the name of the user's folder begins; the number of the user follows.
const OURS: &str = "git-orchestra-";

/// Makes the folder of an agent, unless it is there. `None`: the agent uses that of its user, because something else is in the place.
pub fn make(environment: &Environment, id: &AgentId) -> Option<PathBuf> {
    let of_user = base(environment).join(format!("{OURS}{}", user()));
    private_folder(&of_user).ok()?;
    let folder = of_user.join(id.as_str());
    private_folder(&folder).ok()?;
    Some(folder)
}

/// Removes the folder of an agent if nothing is in it: the next attempt makes it again.
pub fn remove_if_empty(folder: &Path) {
    let _ = fs::remove_dir(folder);
}

/// Removes the folder of an agent with everything in it, if it is one that [`make`] has made. What is left is deleted by the system.
pub fn remove(folder: &Path, id: &AgentId) {
    let is_of_user =
        folder.parent().and_then(Path::file_name).is_some_and(|name| *name == *format!("{OURS}{}", user()));
    let is_of_agent = folder.file_name().is_some_and(|name| name == id.as_str());
    if is_of_user && is_of_agent && is_private(folder) {
        let _ = fs::remove_dir_all(folder);
    }
}

/// Returns the folder for temporary files of the caller. For an agent that starts another one, it is not its own.
fn base(environment: &Environment) -> PathBuf {
    let named = environment.variable("TMPDIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let named = named.map(|path| without_ours(&path).to_owned());
    named.filter(|path| path.as_os_str().len() <= MAX_BASE && path.is_dir()).unwrap_or_else(|| "/tmp".into())
}

fn without_ours(path: &Path) -> &Path {
    let is_ours = |above: &&Path| {
        above.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(OURS))
    };
    path.ancestors().find(is_ours).and_then(Path::parent).unwrap_or(path)
}

fn private_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ if is_private(path) => Ok(()),
        _ => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

/// Returns whether a folder is the user's own, and closed to others. In a folder for all users, another one may have made it.
fn is_private(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_dir() && found.uid() == user() && found.mode() & 0o077 == 0)
}

fn user() -> u32 {
    rustix::process::getuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_starts_another_does_not_lend_its_folder() {
        for (path, expected) in [
            ("/tmp/git-orchestra-1000/add-tests-q0q88", "/tmp"),
            ("/tmp/git-orchestra-1000/add-tests-q0q88/x", "/tmp"),
            ("/var/tmp", "/var/tmp"),
        ] {
            assert_eq!(without_ours(Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn only_a_folder_of_ours_is_made_and_removed() {
        let id = AgentId::parse("add-tests-q0q88").unwrap();
        let base = tempfile::Builder::new().prefix("r").tempdir_in("/tmp").unwrap();
        let environment = Environment::new([("TMPDIR".into(), base.path().into())], base.path());
        let made = make(&environment, &id).unwrap();
        assert!(made.starts_with(base.path()) && is_private(&made), "{}", made.display());
        assert_eq!(make(&environment, &id).as_deref(), Some(made.as_path()));
        fs::write(made.join("a"), "x").unwrap();
        remove(base.path(), &id);
        remove(&made, &AgentId::parse("other-q0q88").unwrap());
        assert!(made.join("a").exists());
        remove(&made, &id);
        assert!(!made.exists());
        // Another user's link in the place of the folder.
        std::os::unix::fs::symlink(base.path(), &made).unwrap();
        assert_eq!(make(&environment, &id), None);
    }
}
