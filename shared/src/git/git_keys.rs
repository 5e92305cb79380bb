//! Reading git's own config keys, one function each. Our own keys are read through [`crate::config`].

use std::path::PathBuf;

use crate::{Result, git::Repo};

/// The key for the notes that `git log` shows.
const SHOWN_NOTES: &str = "notes.displayRef";

impl Repo {
    /// Returns the remote of a branch (`branch.<name>.remote`).
    pub fn remote_of_branch(&self, branch: &str) -> Option<String> {
        self.config(&format!("branch.{branch}.remote"))
    }

    /// Returns the upstream ref of a branch at its remote (`branch.<name>.merge`).
    pub fn upstream_ref_of_branch(&self, branch: &str) -> Option<String> {
        self.config(&format!("branch.{branch}.merge"))
    }

    /// Returns the first URL of a remote (`remote.<name>.url`).
    pub fn url_of_remote(&self, remote: &str) -> Option<String> {
        self.config_all(&format!("remote.{remote}.url")).into_iter().next()
    }

    /// Returns the fetch refspecs of a remote (`remote.<name>.fetch`).
    pub fn fetch_refspecs(&self, remote: &str) -> Vec<String> {
        self.config_all(&fetch_key(remote))
    }

    /// Adds a fetch refspec to a remote.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn add_fetch_refspec(&self, remote: &str, refspec: &str) -> Result<()> {
        self.edit_config(&["--add", &fetch_key(remote), refspec]).map(|_| ())
    }

    /// Removes a fetch refspec. `false`: it was not there.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn remove_fetch_refspec(&self, remote: &str, refspec: &str) -> Result<bool> {
        self.remove_value(&fetch_key(remote), refspec)
    }

    /// Returns whether the config rewrites URLs (`url.<base>.insteadOf`).
    pub fn rewrites_urls(&self) -> bool {
        !self.config_sections("url").is_empty()
    }

    /// Returns the notes that `git log` shows, as ref patterns.
    pub fn shown_notes(&self) -> Vec<String> {
        self.config_all(SHOWN_NOTES)
    }

    /// Adds to the notes that `git log` shows.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn show_notes(&self, notes: &str) -> Result<()> {
        self.edit_config(&["--add", SHOWN_NOTES, notes]).map(|_| ())
    }

    /// Removes from the notes that `git log` shows. `false`: they were not there.
    ///
    /// # Errors
    /// The config is locked or cannot be written.
    pub fn hide_notes(&self, notes: &str) -> Result<bool> {
        self.remove_value(SHOWN_NOTES, notes)
    }

    /// Returns the path of the user's attributes file (`core.attributesFile`), with `~` expanded.
    pub fn attributes_file(&self) -> Option<PathBuf> {
        self.config_path("core.attributesFile")
    }

    /// Returns whether any filter for the content of files is configured.
    pub fn has_filters(&self) -> bool {
        self.gix
            .config_snapshot()
            .plumbing()
            .sections_by_name("filter")
            .is_some_and(|mut all| all.next().is_some())
    }

    /// Returns the file of certificates that git trusts instead of the system's (`http.sslCAInfo`).
    pub fn certificates_file(&self) -> Option<PathBuf> {
        self.config_path("http.sslCAInfo")
    }

    /// Returns the proxy for HTTP (`http.proxy`).
    pub fn http_proxy(&self) -> Option<String> {
        self.config("http.proxy").filter(|address| !address.trim().is_empty())
    }

    fn remove_value(&self, key: &str, value: &str) -> Result<bool> {
        self.edit_config(&["--fixed-value", "--unset-all", key, value]).map(|code| code == 0)
    }
}

fn fetch_key(remote: &str) -> String {
    format!("remote.{remote}.fetch")
}
