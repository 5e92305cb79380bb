//! Signing commits with the user's own signing program.

use std::time::Duration;

use super::{Oid, Repo, objects::Commit};
use crate::{Error, Result};

/// Time limit of the signing program: a person may have to touch a key or type a passphrase.
const SIGNING_TIMEOUT: Duration = Duration::from_secs(60);

impl Repo {
    /// Returns whether the user wants commits to be signed (`commit.gpgSign`).
    pub fn signs_commits(&self) -> bool {
        self.gix.config_snapshot().boolean("commit.gpgsign").unwrap_or(false)
    }

    /// Returns whether a commit has a signature, without verifying it.
    pub fn is_signed(&self, commit: Oid) -> bool {
        let Ok(commit) = self.gix.find_commit(commit.gix()) else { return false };
        let Ok(decoded) = commit.decode() else { return false };
        decoded.extra_headers().pgp_signature().is_some()
    }

    /// Writes a commit with a signature, as git does, and syncs it to the disk.
    ///
    /// The configuration decides which program signs, so it must have been accepted.
    ///
    /// # Errors
    /// The signing program fails (5), or does not answer in time (124).
    pub fn write_signed_commit(&self, commit: &Commit) -> Result<Oid> {
        let date = format!("@{} +0000", commit.seconds);
        let parents = commit.parents.iter().flat_map(|id| ["-p".to_owned(), id.to_string()]);
        let mut git = self.git_in(&self.common_dir()?, "commit-tree").args(["-S", "-F", "-"]).args(parents);
        for who in ["AUTHOR", "COMMITTER"] {
            git = git
                .env(&format!("GIT_{who}_NAME"), commit.name.as_str())
                .env(&format!("GIT_{who}_EMAIL"), commit.email.as_str())
                .env(&format!("GIT_{who}_DATE"), date.as_str());
        }
        let said = git
            .arg(commit.tree.to_string())
            .input(commit.message.clone().into_bytes())
            .limit(SIGNING_TIMEOUT)
            .line()?;
        Oid::parse(&said).ok_or_else(|| Error::internal("git commit-tree printed no commit"))
    }
}
