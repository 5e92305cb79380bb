//! The folder and settings with which git merges into a branch. Git reads attributes from the files of a checkout: here from the
//! branch's own checkout, uncommitted changes included, or, if the branch is not checked out, from a temporary folder with the
//! files that a checkout would have.

use std::{
    ffi::OsString,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use super::merge_tree_output::{self, MergeResult};
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Git, Oid, Repo, worktrees::Checkout},
    model::text,
    world::Environment,
};

/// The name of a folder's attributes file.
pub(super) const ATTRIBUTES: &str = ".gitattributes";
/// Maximum number of folders of a tree that are searched for attributes; no repository has more.
const MAX_FOLDERS: usize = 200_000;
/// Maximum size of an attributes file that git reads, in bytes.
const MAX_ATTRIBUTES_BYTES: u64 = 100 << 20;

/// The folder and settings with which git merges into a branch.
pub struct MergePlace {
    checkout: Checkout,
    common: PathBuf,
    environment: Environment,
    /// The attributes of a branch that is not checked out.
    _temporary: Option<TempDir>,
    limit: Duration,
    mark: Option<(String, String)>,
}

impl MergePlace {
    /// Returns the place for merging into a branch, by its full name and tip. `limit` is the time limit of one merge.
    ///
    /// # Errors
    /// The commit cannot be read, or no temporary folder can be made.
    pub fn of_branch(repo: &Repo, branch_ref: &str, tip: Oid, limit: Duration) -> Result<Self> {
        let checkouts = repo.checkouts_of(branch_ref)?;
        let usable = |one: &Checkout| one.is_on(branch_ref) && one.verify().is_ok();
        match checkouts.into_iter().find(usable) {
            Some(checkout) => Self::of_checkout(repo, checkout, limit),
            None => Self::of_commit(repo, tip, limit),
        }
    }

    /// Returns the place for merging as git does in a checkout.
    ///
    /// # Errors
    /// The repository is gone.
    pub fn of_checkout(repo: &Repo, checkout: Checkout, limit: Duration) -> Result<Self> {
        let environment = repo.environment().clone();
        Ok(Self { checkout, common: repo.common_dir()?, environment, _temporary: None, limit, mark: None })
    }

    /// Returns the place for merging into a commit as if it were checked out.
    ///
    /// # Errors
    /// As for [`MergePlace::of_branch`].
    pub fn of_commit(repo: &Repo, commit: Oid, limit: Duration) -> Result<Self> {
        let folder =
            tempfile::tempdir().context(Kind::External, || "cannot make a temporary folder".into())?;
        for (path, content) in attributes_in(repo, repo.tree_of(commit)?)? {
            let file = folder.path().join(std::ffi::OsStr::from_bytes(&path));
            let cannot = || format!("cannot write '{}'", file.display());
            fs::create_dir_all(file.parent().unwrap_or(folder.path())).context(Kind::External, cannot)?;
            fs::write(&file, content).context(Kind::External, cannot)?;
        }
        let common = repo.common_dir()?;
        let checkout = Checkout { git_dir: common.clone(), path: folder.path().to_owned() };
        let environment = repo.environment().clone();
        Ok(Self { checkout, common, environment, _temporary: Some(folder), limit, mark: None })
    }

    /// Sets an environment variable for every process that git starts here, by which they can be found.
    #[must_use]
    pub fn marked(mut self, name: &str, value: &str) -> Self {
        self.mark = Some((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder from whose files attributes are read.
    pub(super) fn path(&self) -> &Path {
        &self.checkout.path
    }

    /// The common git directory.
    pub(super) fn common_dir(&self) -> &Path {
        &self.common
    }

    /// The environment in which git runs.
    pub(super) const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The time limit of one merge.
    pub(super) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Returns a git command here, with the settings of the command line (`git -c`).
    pub(super) fn git(&self, verb: &str) -> Git {
        self.configured(self.checkout.git(&self.environment, verb))
    }

    /// Like [`MergePlace::git`], for commands that write only temporary objects.
    pub(super) fn git_without_fsync(&self, verb: &str) -> Git {
        let Checkout { path, git_dir } = &self.checkout;
        self.configured(Git::without_fsync(&self.environment, path, git_dir, verb).allow_lazy_fetch())
    }

    fn configured(&self, git: Git) -> Git {
        let git = git.command_line_settings().limit(self.limit);
        match &self.mark {
            Some((name, value)) => git.env(name, value),
            None => git,
        }
    }

    /// Returns the error of a merge that took too long.
    fn timeout_error(&self) -> Error {
        Error::new(Code::GitTimeout, format!("git takes longer than {} to merge them", self.shown_limit()))
    }

    /// Returns the limit and the key that sets it, for messages.
    pub(super) fn shown_limit(&self) -> String {
        format!("{} s (orchestra.mergeTimeout)", self.limit.as_secs())
    }

    /// Merges two commits and writes the resulting tree.
    ///
    /// # Errors
    /// Git cannot merge them (5), or takes too long (124).
    pub fn merge(&self, ours: Oid, theirs: Oid) -> Result<MergeResult> {
        let output = self
            .git(MERGE_TREE[0])
            .args(&MERGE_TREE[1..])
            .input(format!("{ours} {theirs}\n").into_bytes())
            .output()
            .map_err(|error| if error.code == Code::GitTimeout { self.timeout_error() } else { error })?;
        match merge_tree_output::parse(&output.stdout) {
            (answers, true) if output.status.success() && answers.len() == 1 => {
                answers.into_iter().next().ok_or_else(|| Error::internal("git merge-tree printed no result"))
            }
            _ => {
                Err(Error::new(Code::GitFailed, "git cannot merge them")
                    .because(failure_message(&output.stderr)))
            }
        }
    }
}

/// The git command that merges pairs of commits outside of any checkout.
pub(super) const MERGE_TREE: [&str; 4] = ["merge-tree", "--write-tree", "--stdin", "--name-only"];

/// Returns git's error message on one line, safe to display.
pub(super) fn failure_message(said: &str) -> String {
    let line = |line: &&str| !line.trim().is_empty();
    let lines: Vec<&str> = said.lines().filter(line).map(str::trim).take(3).collect();
    let lines = if lines.is_empty() { "it failed without a message".to_owned() } else { lines.join("; ") };
    text::one_line(&lines, 300)
}

/// Returns the path and content of every attributes file in a tree, except links.
fn attributes_in(repo: &Repo, tree: Oid) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let cannot = || format!("cannot read tree {}", tree.short());
    let (mut found, mut pending, mut folders) = (Vec::new(), vec![(Vec::new(), tree.gix())], 0);
    while let Some((path, id)) = pending.pop() {
        folders += 1;
        if folders > MAX_FOLDERS {
            return Err(Error::new(
                Code::TooLarge,
                format!("tree {} has more than {MAX_FOLDERS} folders", tree.short()),
            ));
        }
        let tree = repo.gix.find_tree(id).context(Kind::Internal, cannot)?;
        for entry in tree.iter() {
            let entry = entry.context(Kind::Internal, cannot)?;
            let below = [path.as_slice(), entry.filename()].concat();
            if entry.mode().is_tree() && is_plain_name(entry.filename()) {
                pending.push(([below.as_slice(), b"/"].concat(), entry.object_id()));
            } else if entry.mode().is_blob() && entry.filename() == ATTRIBUTES {
                found.push((below, content(repo, entry.object_id().into())?));
            }
        }
    }
    Ok(found)
}

/// Reads an attributes file; in a partial clone git may have to fetch it. One too large for git counts as empty.
fn content(repo: &Repo, id: Oid) -> Result<Vec<u8>> {
    match repo.gix.find_header(id.gix()) {
        Ok(found) if found.size() > MAX_ATTRIBUTES_BYTES => return Ok(Vec::new()),
        Ok(_) => {}
        Err(_) => {
            let fetched = repo.git("cat-file")?.allow_lazy_fetch().args(["blob", &id.to_string()]);
            return fetched.run();
        }
    }
    let blob =
        repo.gix.find_blob(id.gix()).context(Kind::Internal, || format!("cannot read {}", id.short()))?;
    Ok(blob.detach().data)
}

/// Returns whether a name is a plain folder name: no path, and not a git directory.
fn is_plain_name(name: &[u8]) -> bool {
    !name.is_empty()
        && !name.eq_ignore_ascii_case(b".git")
        && name != b"."
        && name != b".."
        && !name.contains(&b'/')
        && !name.contains(&0)
}

/// Joins a folder, a path in bytes and a name.
pub(super) fn join_bytes(folder: &Path, path: &[u8], name: &str) -> PathBuf {
    let mut joined = OsString::from(std::ffi::OsStr::from_bytes(path));
    if !path.is_empty() {
        joined.push("/");
    }
    joined.push(name);
    folder.join(joined)
}
