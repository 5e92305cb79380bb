//! Changing the repository's own config. Git edits a copy, which then replaces the config under a lock of ours, so that no kill
//! leaves the config locked.

use std::{fs, io, path::Path};

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Git, RefError, Repo, careful},
    model::quote,
    world::Environment,
};

/// How often to retry when another program changes the config.
const ATTEMPTS: u32 = 5;

impl Repo {
    /// Returns the command that opens the repository's own config in an editor. It works if git cannot parse the config: outside the
    /// repository, git does not read it first.
    pub fn edit_config_command(&self) -> String {
        let path = self.common_dir().unwrap_or_default().join("config");
        quote::command(&[&"git", &"-C", &"/", &"config", &"--file", &path, &"--edit"])
    }

    /// Runs `git config` on the repository's own config and returns its exit code.
    ///
    /// # Errors
    /// Another program has the config locked or keeps changing it (4), or it cannot be written.
    pub(crate) fn edit_config(&self, arguments: &[&str]) -> Result<i32> {
        let common = self.common_dir()?;
        let path = common.join("config");
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            // Git writes to the target of the link.
            return code(self.git_in(&common, "config").arg("--local").args(arguments));
        }
        for _ in 0..ATTEMPTS {
            let before = read(&path)?;
            let place =
                tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
            let copy = place.path().join("config");
            fs::write(&copy, &before)
                .context(Kind::External, || format!("cannot write '{}'", copy.display()))?;
            let code = code(self.git_in(&common, "config").arg("--file").arg(&copy).args(arguments))?;
            let after = read(&copy)?;
            if code != 0 || after == before {
                return Ok(code);
            }
            let Some(lock) = self.lock_file(&path, after, None)? else {
                return Err(
                    RefError::Locked { name: "config".into(), lock: common.join("config.lock") }.into()
                );
            };
            if read(&path)? == before {
                lock.commit()?;
                return Ok(0);
            }
        }
        Err(Error::new(Code::LockHeld, format!("other programs keep changing '{}'", path.display()))
            .hint("try again"))
    }
}

/// Runs `git config` on the user's own configuration, under git's lock, and returns its exit code.
///
/// # Errors
/// The configuration is locked or cannot be written (5).
pub(crate) fn edit_user_config(environment: &Environment, arguments: &[&str]) -> Result<i32> {
    let home = environment.home();
    let folder = home.as_deref().unwrap_or_else(|| environment.directory());
    code(Git::new(environment, folder, "config").arg("--global").args(arguments))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    match careful::read(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other.context(Kind::External, || format!("cannot read '{}'", path.display())),
    }
}

/// Returns the exit code of `git config` if it is a result, and an error otherwise.
fn code(git: Git) -> Result<i32> {
    let output = git.output()?;
    match output.status.code() {
        // 5: the key to unset does not exist.
        Some(code @ (0 | 5)) => Ok(code),
        _ => {
            let said = crate::model::text::safe_block(output.stderr.trim());
            Err(Error::new(Code::GitFailed, "git config failed").because(said))
        }
    }
}
