//! The private git directory of an agent in a sandbox. Its worktree is an ordinary linked worktree for everybody else; the agent sees
//! another `.git` file, which leads here. So it can commit, stash, and change branches and configuration without reaching those of the
//! repository, whose objects it borrows. Git never runs here outside the sandbox: the agent's commits are fetched through a directory
//! of ours that borrows its objects.

mod files;
mod import;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use self::files::GitDirState;
pub use self::import::AgentSide;
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo, careful,
        repo::Identity,
        worktrees::{Worktree, WorktreePlace},
    },
    model::AgentId,
    private_files,
    store::layout::{self, PrivateDir},
    worktree::{include::Readiness, index_copy},
};

/// The folder of submodules in a git directory.
const MODULES: &str = "modules";
/// Maximum number of refs of the repository that the agent sees.
const MAX_SHOWN_REFS: usize = 5000;

/// An agent's private git directory; it may not exist.
#[derive(Clone, Debug)]
pub struct PrivateGitDir {
    id: AgentId,
    folder: PathBuf,
    common_dir: PathBuf,
}

/// What a private git directory is made from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The agent's branch, without `refs/heads/`.
    pub branch: &'a str,
    /// Its linked worktree.
    pub worktree: &'a Worktree,
    /// The folder with the settings from before the agent ran.
    pub settings: &'a Path,
    /// The author of its commits.
    pub identity: &'a Identity,
}

impl PrivateGitDir {
    /// Returns the private git directory of an agent.
    pub fn of(common_dir: &Path, id: &AgentId) -> Self {
        let folder = PrivateDir::new(common_dir.join("orchestra")).sandbox(id);
        Self { id: id.clone(), folder, common_dir: common_dir.to_owned() }
    }

    /// The folder with everything that belongs to the agent's sandbox.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The git directory itself.
    pub fn git_dir(&self) -> PathBuf {
        self.folder.join("git")
    }

    /// The file that the agent sees as `.git` in its worktree.
    pub fn dot_git(&self) -> PathBuf {
        self.folder.join("dot-git")
    }

    /// Returns whether it exists.
    pub fn exists(&self) -> bool {
        self.git_dir().is_dir()
    }

    /// Returns whether the repository has all that the agent's git made, as far as an import could tell: it does not exist, or has not
    /// changed since it was imported.
    pub fn is_imported(&self) -> bool {
        !self.exists() || GitDirState::of(&self.git_dir()).is_ok_and(|now| now == self.remembered())
    }

    fn record(&self) -> PathBuf {
        self.folder.join("seen.json")
    }

    /// Returns the content of the file that lets it borrow the objects of the repository.
    fn alternates(&self) -> String {
        format!("{}\n", self.common_dir.join("objects").display())
    }

    /// Makes it from the state of the agent's branch and worktree. One that exists is made again, with the agent's other branches and
    /// its stash, unless the agent left something unfinished in it. What is in it must have been imported.
    ///
    /// # Errors
    /// The disk is full or not writable, or the repository cannot be read.
    pub fn prepare(&self, repo: &Repo, origin: &Origin<'_>) -> Result<()> {
        let cannot = || format!("cannot make a git directory in '{}'", self.folder.display());
        private_files::create_dir(&self.folder).context(Kind::External, cannot)?;
        let dot_git = format!("gitdir: {}\n", self.git_dir().display());
        private_files::replace(&self.dot_git(), dot_git).context(Kind::External, cannot)?;
        let (modules, kept) = (self.git_dir().join(MODULES), self.folder.join(MODULES));
        // Where the program was killed between the two steps below.
        if self.exists() && !modules.exists() && kept.exists() {
            fs::rename(&kept, &modules).context(Kind::External, cannot)?;
        }
        let before = if self.exists() { Some(GitDirState::of(&self.git_dir())?) } else { None };
        if before.as_ref().is_some_and(|before| self.is_elsewhere(before, origin.branch)) {
            return Ok(());
        }
        let made = private_files::temporary_dir(&self.folder).context(Kind::External, cannot)?;
        let dir = made.path();
        for below in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "logs/refs"] {
            fs::create_dir_all(dir.join(below)).context(Kind::External, cannot)?;
        }
        let write = |name: &str, text: &[u8]| fs::write(dir.join(name), text).context(Kind::External, cannot);
        write("HEAD", format!("ref: {}\n", layout::branch_ref(origin.branch)).as_bytes())?;
        write("config", self.config(origin).as_bytes())?;
        write("objects/info/alternates", self.alternates().as_bytes())?;
        write("packed-refs", packed(&self.refs(repo, origin, before.as_ref())?).as_bytes())?;
        for name in ["info/exclude", "info/attributes"] {
            write(name, &careful::read(origin.settings.join(name)).unwrap_or_default())?;
        }
        if let Ok(shallow) = careful::read(self.common_dir.join("shallow")) {
            write("shallow", &shallow)?;
        }
        let (stash, _) = files::stash(&self.git_dir());
        if before.is_some() && !stash.is_empty() {
            write(files::STASH_LOG, stash.as_bytes())?;
        }
        // Without an index, git only has to read the files again.
        let _ = index_copy::copy_index(origin.worktree, &dir.join("index"));
        // Submodules that the agent made are repositories of its own, of which nothing was imported.
        if modules.exists() {
            fs::rename(&modules, &kept).context(Kind::External, cannot)?;
        }
        if before.is_some() {
            fs::rename(self.git_dir(), dir.join("replaced")).context(Kind::External, cannot)?;
        }
        fs::rename(dir, self.git_dir()).context(Kind::External, cannot)?;
        if kept.exists() {
            fs::rename(&kept, &modules).context(Kind::External, cannot)?;
        }
        let _ = made.keep();
        let _ = fs::remove_dir_all(self.git_dir().join("replaced"));
        self.remember(&GitDirState::of(&self.git_dir())?)
    }

    /// Returns whether `HEAD` is not on the agent's branch, or an operation of git is in progress.
    fn is_elsewhere(&self, state: &GitDirState, branch: &str) -> bool {
        state.head != format!("ref: {}", layout::branch_ref(branch))
            || self.as_worktree(Path::new("")).operation().is_some()
    }

    /// Returns it in the form in which work is captured from a worktree.
    fn as_worktree(&self, path: &Path) -> Worktree {
        Worktree { git_dir: self.git_dir(), path: path.to_owned(), place: WorktreePlace::Here }
    }

    fn remember(&self, state: &GitDirState) -> Result<()> {
        let cannot = || format!("cannot write '{}'", self.record().display());
        let text = serde_json::to_vec(state).context(Kind::Internal, cannot)?;
        private_files::replace(&self.record(), text).context(Kind::External, cannot)
    }

    fn remembered(&self) -> GitDirState {
        let read = || serde_json::from_slice(&careful::read(self.record()).ok()?).ok();
        read().unwrap_or_default()
    }

    /// Returns its configuration: the settings from before the agent ran, the author, and which submodules are there.
    fn config(&self, origin: &Origin<'_>) -> String {
        let mut text = careful::text(origin.settings.join("config")).unwrap_or_default();
        let Identity { name, email, .. } = origin.identity;
        let quoted = |text: &str| text.replace(['\n', '\0'], " ").replace('\\', "\\\\").replace('"', "\\\"");
        let worktree = quoted(&origin.worktree.path.to_string_lossy());
        let _ = write!(
            text,
            "[core]\n\tworktree = \"{worktree}\"\n\tlogAllRefUpdates = true\n[user]\n\tname = \"{}\"\n\temail = \"{}\"\n\
             [gc]\n\twriteCommitGraph = false\n[repack]\n\tupdateServerInfo = false\n",
            quoted(name),
            quoted(email)
        );
        for submodule in Readiness::of(origin.worktree).submodules {
            let _ = write!(text, "[submodule \"{}\"]\n\tactive = true\n", quoted(&submodule.name));
        }
        text
    }

    /// Returns the refs that the agent sees: its branch, the branches and tags of the repository that are not of another agent, and its
    /// own from before.
    fn refs(
        &self,
        repo: &Repo,
        origin: &Origin<'_>,
        before: Option<&GitDirState>,
    ) -> Result<Vec<(String, Oid)>> {
        let own = layout::branch_ref(origin.branch);
        let mut refs = std::collections::BTreeMap::new();
        for prefix in [layout::BRANCHES, layout::REMOTE_BRANCHES, layout::TAGS] {
            let all = repo.refs_below(prefix)?.into_iter().take(MAX_SHOWN_REFS);
            refs.extend(all.filter(|(_, id)| repo.has_object(*id)));
        }
        let parts = |name: &str| name.rsplit('/').next().is_some_and(|last| AgentId::parse(last).is_ok());
        refs.retain(|name, _| *name == own || !name.starts_with(layout::BRANCHES) || !parts(name));
        for (name, id) in before.iter().flat_map(|before| &before.refs) {
            // What the agent has not changed follows the repository.
            let seen = self.remembered().refs.get(name) == Some(id) && refs.contains_key(name);
            if let Some(id) = Oid::parse(id).filter(|id| !seen && *name != own && repo.has_object(*id)) {
                refs.insert(name.clone(), id);
            }
        }
        Ok(refs.into_iter().collect())
    }
}

/// Returns refs as the text of `packed-refs`, without the header: other programs than git refuse one that does not say `peeled`.
fn packed(refs: &[(String, Oid)]) -> String {
    let mut text = String::new();
    for (name, id) in refs {
        let _ = writeln!(text, "{id} {name}");
    }
    text
}
