//! What keys of git itself say, one function each. Our own keys are read through [`crate::config`].

use std::path::PathBuf;

use crate::{Result, git::Repo};

/// Which notes `git log` shows.
const SHOWN_NOTES: &str = "notes.displayRef";

impl Repo {
    /// The remote of a branch (`branch.<name>.remote`).
    pub fn remote_of_branch(&self, branch: &str) -> Option<String> {
        self.config(&format!("branch.{branch}.remote"))
    }

    /// The ref at its remote from which a branch takes what is new (`branch.<name>.merge`).
    pub fn upstream_ref_of_branch(&self, branch: &str) -> Option<String> {
        self.config(&format!("branch.{branch}.merge"))
    }

    /// The first URL of a remote (`remote.<name>.url`).
    pub fn url_of_remote(&self, remote: &str) -> Option<String> {
        self.config_all(&format!("remote.{remote}.url")).into_iter().next()
    }

    /// What every fetch of a remote brings (`remote.<name>.fetch`).
    pub fn fetch_refspecs(&self, remote: &str) -> Vec<String> {
        self.config_all(&fetch_key(remote))
    }

    /// Has every fetch of a remote bring more.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn add_fetch_refspec(&self, remote: &str, refspec: &str) -> Result<()> {
        self.edit_config(&["--add", &fetch_key(remote), refspec]).map(|_| ())
    }

    /// Takes a refspec back. `false`: it was not there.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn remove_fetch_refspec(&self, remote: &str, refspec: &str) -> Result<bool> {
        self.remove_value(&fetch_key(remote), refspec)
    }

    /// Whether the config rewrites URLs (`url.<base>.insteadOf`).
    pub fn rewrites_urls(&self) -> bool {
        !self.config_sections("url").is_empty()
    }

    /// The notes that `git log` shows, as patterns of refs.
    pub fn shown_notes(&self) -> Vec<String> {
        self.config_all(SHOWN_NOTES)
    }

    /// Has `git log` show notes.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn show_notes(&self, notes: &str) -> Result<()> {
        self.edit_config(&["--add", SHOWN_NOTES, notes]).map(|_| ())
    }

    /// Has `git log` show notes no more. `false`: it did not before.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn hide_notes(&self, notes: &str) -> Result<bool> {
        self.remove_value(SHOWN_NOTES, notes)
    }

    /// The user's file of attributes (`core.attributesFile`), `~` spelled out.
    pub fn attributes_file(&self) -> Option<PathBuf> {
        self.config_path("core.attributesFile")
    }

    fn remove_value(&self, key: &str, value: &str) -> Result<bool> {
        self.edit_config(&["--fixed-value", "--unset-all", key, value]).map(|code| code == 0)
    }
}

fn fetch_key(remote: &str) -> String {
    format!("remote.{remote}.fetch")
}
