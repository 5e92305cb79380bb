//! Communicating with remotes through the `git` program, with the user's own transports and credentials.

use std::{path::PathBuf, time::Duration};

use crate::{
    Code, Error, Result,
    context::Context,
    git::{Git, Oid, Repo, command::Output},
    model::text,
};

/// Maximum number of refs that are named on one command line.
const MAX_REFS_PER_PUSH: usize = 500;
/// How many lines of what a remote prints are kept.
const MAX_SAID: usize = 200;
/// What git says of a remote that takes no push options.
const NO_PUSH_OPTIONS: &str = "does not support push options";

/// The condition for changing a ref of the remote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PushRule {
    /// Only to a commit that contains the present one.
    FastForwardOnly,
    /// Only while it still has this value; `None`: while it does not exist.
    Lease(Option<Oid>),
}

/// A change of one ref at a remote.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefPush {
    /// Its full name there.
    pub name: String,
    /// The new value; `None`: deleted.
    pub new: Option<Oid>,
    /// The condition.
    pub rule: PushRule,
}

/// A ref that the remote did not change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RejectedRef {
    /// Its full name there.
    pub name: String,
    /// The reason, in the words of git or the remote.
    pub why: String,
    /// What kind of reason it is.
    pub cause: RejectionCause,
}

/// Why a remote did not change a ref.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RejectionCause {
    /// Another push was faster: it can be tried again after a fetch.
    Race,
    /// The ref is locked there, by a git that is writing it or by one that was killed.
    Locked,
    /// The remote rejects the change.
    Refused,
}

/// What a remote did with the push of one ref.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PushAnswer {
    /// The ref, if the remote did not change it.
    pub rejected: Option<RejectedRef>,
    /// The lines that the remote printed, as they are.
    pub said: Vec<String>,
}

/// Options for communicating with a remote.
#[derive(Clone, Copy, Debug, Default)]
pub struct RemoteOptions {
    /// Whether git may ask for a password.
    pub ask: bool,
}

impl Repo {
    /// Fetches `refspecs` and prunes refs that no longer exist at the remote. Writes nothing else: no tags, no `FETCH_HEAD`, none
    /// of the configured refspecs.
    ///
    /// # Errors
    /// Git cannot communicate with the remote, or the transfer is interrupted.
    pub fn fetch(
        &self,
        context: &Context,
        remote: &str,
        refspecs: &[String],
        options: RemoteOptions,
    ) -> Result<()> {
        let git = Git::for_remote(self.environment(), &self.url_base_dir()?, "fetch", false, options.ask)
            .args(["--no-tags", "--no-write-fetch-head", "--refmap=", "--prune", "--progress"])
            .args(["--no-recurse-submodules", "--no-show-forced-updates", "--end-of-options", remote])
            .args(refspecs);
        let output = git.run_with_progress(context)?;
        if output.status.success() {
            return Ok(());
        }
        Err(remote_error(format!("cannot fetch from '{}'", text::safe(remote)), &output))
    }

    /// Fetches one branch, by a refspec, and never asks for a password.
    ///
    /// # Errors
    /// Git cannot communicate with the remote, it takes longer than `limit`, or the transfer is interrupted.
    pub fn fetch_branch(
        &self,
        context: &Context,
        remote: &str,
        refspec: &str,
        limit: Duration,
    ) -> Result<()> {
        let git = Git::for_remote(self.environment(), &self.url_base_dir()?, "fetch", false, false)
            .args(["--no-tags", "--no-write-fetch-head", "--refmap=", "--no-prune", "--progress"])
            .args([
                "--no-recurse-submodules",
                "--no-show-forced-updates",
                "--end-of-options",
                remote,
                refspec,
            ])
            .limit(limit);
        let output = git.run_with_progress(context)?;
        if output.status.success() {
            return Ok(());
        }
        Err(remote_error(format!("cannot fetch from '{}'", text::safe(remote)), &output))
    }

    /// Lists the refs that a remote advertises and their objects, without fetching. `remote` is a name or a URL.
    ///
    /// # Errors
    /// Git cannot communicate with the remote.
    pub fn remote_refs(
        &self,
        context: &Context,
        remote: &str,
        options: RemoteOptions,
    ) -> Result<Vec<(String, Oid)>> {
        let git = Git::for_remote(self.environment(), &self.url_base_dir()?, "ls-remote", false, options.ask)
            .args(["--refs", "--quiet", "--end-of-options", remote]);
        let output = git.run_with_progress(context)?;
        if !output.status.success() {
            return Err(remote_error(format!("cannot list the refs of '{}'", text::safe(remote)), &output));
        }
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        let refs = output.lines().filter_map(|line| line.split_once('\t'));
        Ok(refs.filter_map(|(id, name)| Some((name.to_owned(), Oid::parse(id)?))).collect())
    }

    /// Changes refs at a remote, each under its rule, and returns those that the remote did not change.
    ///
    /// # Errors
    /// Git cannot communicate with the remote, or the remote rejects the whole push.
    pub fn push(
        &self,
        context: &Context,
        remote: &str,
        refs: &[RefPush],
        options: RemoteOptions,
    ) -> Result<Vec<RejectedRef>> {
        let mut rejected = Vec::new();
        for chunk in refs.chunks(MAX_REFS_PER_PUSH) {
            let leases = chunk.iter().filter_map(lease);
            let refspecs = chunk.iter().map(refspec);
            rejected.extend(self.run_push(context, remote, leases, refspecs, options)?);
        }
        Ok(rejected)
    }

    /// Changes one ref at a remote under its rule, with options for the remote, none of which may have several lines.
    ///
    /// # Errors
    /// Git cannot communicate with the remote, or the remote takes no push options.
    pub fn push_with(
        &self,
        context: &Context,
        remote: &str,
        push: &RefPush,
        push_options: &[String],
        options: RemoteOptions,
    ) -> Result<PushAnswer> {
        let flags = push_options.iter().map(|one| format!("--push-option={one}")).chain(lease(push));
        let output = self.output_of_push(context, remote, flags, std::iter::once(refspec(push)), options)?;
        let rejected = rejections(&output).into_iter().next();
        if !output.status.success() && rejected.is_none() {
            if output.stderr.contains(NO_PUSH_OPTIONS) {
                let what = format!("'{}' takes no push options", text::safe(remote));
                return Err(Error::new(Code::RemoteRejected, what));
            }
            return Err(remote_error(format!("cannot push to '{}'", text::safe(remote)), &output));
        }
        Ok(PushAnswer { rejected, said: said(&output.stderr) })
    }

    /// Creates refs at a remote or forwards them, by patterns: each pair is a prefix of local refs, and the prefix that takes its
    /// place at the remote. Git compares each refspec with every ref on both sides, so naming many refs takes quadratic time.
    /// Returns those that the remote did not change.
    ///
    /// # Errors
    /// Git cannot communicate with the remote, or the remote rejects the whole push.
    pub fn push_below(
        &self,
        context: &Context,
        remote: &str,
        prefixes: &[(String, String)],
        options: RemoteOptions,
    ) -> Result<Vec<RejectedRef>> {
        let refspecs = prefixes.iter().map(|(from, to)| format!("{from}*:{to}*"));
        self.run_push(context, remote, std::iter::empty(), refspecs, options)
    }

    fn run_push(
        &self,
        context: &Context,
        remote: &str,
        leases: impl Iterator<Item = String>,
        refspecs: impl Iterator<Item = String>,
        options: RemoteOptions,
    ) -> Result<Vec<RejectedRef>> {
        let output = self.output_of_push(context, remote, leases, refspecs, options)?;
        let rejected = rejections(&output);
        if !output.status.success() && rejected.is_empty() {
            return Err(remote_error(format!("cannot push to '{}'", text::safe(remote)), &output));
        }
        Ok(rejected)
    }

    fn output_of_push(
        &self,
        context: &Context,
        remote: &str,
        flags: impl Iterator<Item = String>,
        refspecs: impl Iterator<Item = String>,
        options: RemoteOptions,
    ) -> Result<Output> {
        let git = Git::for_remote(self.environment(), &self.url_base_dir()?, "push", true, options.ask)
            .args(["--porcelain", "--progress", "--no-follow-tags", "--recurse-submodules=no"])
            .args(flags)
            .args(["--end-of-options", remote])
            .args(refspecs);
        git.run_with_progress(context)
    }

    /// Returns the URLs that git pushes to, after applying the config (`pushurl`, `insteadOf`). `remote` is the name of a
    /// configured remote, or a URL.
    ///
    /// # Errors
    /// Git cannot be run, or finds no URL.
    pub fn push_urls(&self, remote: &str) -> Result<Vec<String>> {
        if !self.remotes().iter().any(|name| name == remote) {
            return Ok(vec![self.rewritten_for_push(remote)]);
        }
        let git = self.git_in(&self.url_base_dir()?, "remote");
        let output = git.args(["get-url", "--push", "--all", "--end-of-options", remote]).line()?;
        Ok(output.lines().map(str::to_owned).collect())
    }

    /// Returns whether git pushes to another URL than it fetches from.
    pub fn has_other_push_url(&self, remote: &str) -> bool {
        let own = |key: &str| self.config_all(&format!("remote.{remote}.{key}"));
        !own("pushurl").is_empty() || own("url").len() > 1 || self.has_push_rewrites()
    }

    /// Returns the addresses of a remote as they are in git config: those that git fetches from, and those only for pushes.
    pub fn configured_urls(&self, remote: &str) -> (Vec<String>, Vec<String>) {
        let own = |key: &str| self.config_all(&format!("remote.{remote}.{key}"));
        (own("url"), own("pushurl"))
    }

    /// Fetches the objects of branches without writing any ref.
    ///
    /// # Errors
    /// Git cannot communicate with it, or the transfer breaks off.
    pub fn fetch_objects(
        &self,
        context: &Context,
        remote: &str,
        branches: &[String],
        options: RemoteOptions,
    ) -> Result<()> {
        let git = Git::for_remote(self.environment(), &self.url_base_dir()?, "fetch", false, options.ask)
            .args(["--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--no-prune"])
            .args(["--no-recurse-submodules", "--end-of-options", remote])
            .args(branches);
        let output = git.run_with_progress(context)?;
        if output.status.success() {
            return Ok(());
        }
        Err(remote_error(format!("cannot fetch from '{}'", text::safe(remote)), &output))
    }

    /// Returns the sorted names of the configured remotes.
    pub fn remotes(&self) -> Vec<String> {
        let mut names = self.config_sections("remote");
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Returns the folder from which git resolves relative URLs.
    pub(super) fn url_base_dir(&self) -> Result<PathBuf> {
        self.work_dir().map_or_else(|| self.common_dir(), Ok)
    }
}

fn lease(push: &RefPush) -> Option<String> {
    let PushRule::Lease(old) = push.rule else { return None };
    let old = old.map(|old| old.to_string()).unwrap_or_default();
    Some(format!("--force-with-lease={}:{old}", push.name))
}

/// Returns what the remote printed; git marks its lines.
fn said(stderr: &str) -> Vec<String> {
    let lines = stderr.split(['\r', '\n']).filter_map(|line| line.strip_prefix("remote: "));
    lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).take(MAX_SAID).collect()
}

fn refspec(push: &RefPush) -> String {
    let new = push.new.map(|new| new.to_string()).unwrap_or_default();
    format!("{new}:{}", push.name)
}

/// Parses lines of the form `!<TAB>from:to<TAB>[rejected] (why)`.
fn rejections(output: &Output) -> Vec<RejectedRef> {
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = answer.lines().filter_map(|line| line.strip_prefix("!\t"));
    let found = lines.filter_map(|line| {
        let (refs, why) = line.split_once('\t')?;
        let name = refs.rsplit_once(':')?.1.to_owned();
        let (cause, lock) = cause(&name, why, &output.stderr);
        let why = match lock {
            Some(lock) => format!(
                "it is locked there: if no git runs in the repository of the remote, '{lock}' in it was left by one that \
                 was killed, and can be removed"
            ),
            None => why.to_owned(),
        };
        Some(RejectedRef { name, why: text::one_line(&why, 300), cause })
    });
    found.collect()
}

/// Determines from git's messages, of both sides, whether there was a race or a lock; returns the lock as well.
fn cause(name: &str, why: &str, stderr: &str) -> (RejectionCause, Option<String>) {
    let races = [
        "fetch first",
        "non-fast-forward",
        "stale info",
        "cannot lock ref",
        "failed to update ref",
        "failed to lock",
        "incorrect old value",
        "reference already exists",
        "remote ref updated since checkout",
    ];
    if !races.iter().any(|race| why.contains(race)) {
        return (RejectionCause::Refused, None);
    }
    // A ref cannot be deleted while `packed-refs` is locked.
    let locks = [format!("{name}.lock"), "packed-refs.lock".to_owned()];
    let is_in_the_way = |lock: &String| {
        let names = |line: &str| line.contains(&format!("{lock}'")) && line.contains("File exists");
        stderr.lines().chain([why]).any(names)
    };
    match locks.into_iter().find(is_in_the_way) {
        Some(lock) => (RejectionCause::Locked, Some(lock)),
        None => (RejectionCause::Race, None),
    }
}

pub(super) fn remote_error(message: String, output: &Output) -> Error {
    let progress = ["Enumerating", "Counting", "Compressing", "Writing", "Receiving", "Resolving", "Delta"];
    let lines = output.stderr.split(['\r', '\n']).map(|line| line.trim_start_matches("remote: ").trim());
    let found: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !progress.iter().any(|word| line.starts_with(word)))
        .collect();
    let last: Vec<&str> = found.iter().rev().take(12).rev().copied().collect();
    Error::new(Code::RemoteFailed, message).because(text::safe_block(&last.join("\n")))
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

    use super::*;

    #[test]
    fn rejections_are_classified_by_the_messages_of_git() {
        let answer = "To x\n*\taa:refs/o/a\t[new reference]\n!\tbb:refs/o/b\t[rejected] (fetch first)\n\
                      !\tcc:refs/o/c\t[remote rejected] (deny updating a hidden ref)\n\
                      !\tdd:refs/o/d\t[remote rejected] (failed to update ref)\nDone\n";
        let stderr = "remote: error: cannot lock ref 'refs/o/d': Unable to create '/h/./refs/o/d.lock': File exists.   \n";
        let output =
            Output { status: ExitStatus::from_raw(256), stdout: answer.into(), stderr: stderr.into() };
        let found = rejections(&output);
        assert!(found[2].why.contains("'refs/o/d.lock'"), "{}", found[2].why);
        let found: Vec<(&str, RejectionCause)> =
            found.iter().map(|one| (one.name.as_str(), one.cause)).collect();
        assert_eq!(
            found,
            [
                ("refs/o/b", RejectionCause::Race),
                ("refs/o/c", RejectionCause::Refused),
                ("refs/o/d", RejectionCause::Locked)
            ]
        );
    }

    #[test]
    fn a_ref_that_cannot_be_deleted_for_the_packed_ones_is_locked() {
        let stderr = "remote: error: Unable to create '/h/./packed-refs.lock': File exists.\n";
        let (cause, lock) = cause("refs/o/d", "[remote rejected] (failed to update ref)", stderr);
        assert_eq!((cause, lock.as_deref()), (RejectionCause::Locked, Some("packed-refs.lock")));
    }

    #[test]
    fn leases_and_refspecs() {
        let (old, new) = (Oid::EMPTY_TREE, Oid::from_bytes([1; 20]));
        let push = |new, rule| RefPush { name: "refs/x".into(), new, rule };
        assert_eq!(lease(&push(Some(new), PushRule::FastForwardOnly)), None);
        assert_eq!(
            lease(&push(None, PushRule::Lease(Some(old)))),
            Some(format!("--force-with-lease=refs/x:{old}"))
        );
        assert_eq!(lease(&push(None, PushRule::Lease(None))).as_deref(), Some("--force-with-lease=refs/x:"));
        assert_eq!(refspec(&push(None, PushRule::FastForwardOnly)), ":refs/x");
        assert_eq!(refspec(&push(Some(new), PushRule::FastForwardOnly)), format!("{new}:refs/x"));
    }
}
