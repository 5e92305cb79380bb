//! The logins that git's credential helpers keep.

use std::time::Duration;

use crate::git::{Git, Repo};

/// How long the helpers may take: one may ask a person to unlock a store.
const HELPER_TIME: Duration = Duration::from_secs(60);

impl Repo {
    /// Returns the login and the password that a credential helper has for a host. Nobody is asked for one.
    pub fn stored_login(&self, scheme: &str, host: &str) -> Option<(String, String)> {
        let wanted = format!("protocol={scheme}\nhost={host}\n\n");
        // An empty program for asking is none; without one git would use SSH_ASKPASS.
        let git = Git::for_remote(self.environment(), &self.url_base_dir().ok()?, "credential", false, false)
            .arg("fill")
            .env("GIT_ASKPASS", "")
            .input(wanted.into_bytes())
            .limit(HELPER_TIME);
        let output = git.output().ok().filter(|output| output.status.success())?;
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        let field = |name: &str| output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        // Without a helper git may succeed with empty fields.
        let password = field("password").filter(|password| !password.is_empty())?;
        Some((field("username").unwrap_or_default().to_owned(), password.to_owned()))
    }
}
