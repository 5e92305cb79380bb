//! Imports an agent's commits from its private git directory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    PrivateGitDir,
    files::{self, GitDirState},
};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{Git, Oid, Repo, careful, command, refs::RefEdit, worktrees::Worktree},
    private_files,
    store::layout,
    worktree::index_copy,
};

/// The name of the ref that holds what the agent has staged.
const INDEX: &str = "index";

/// The agent's side of its worktree: what its own git says, all of which the repository has now.
#[derive(Clone, Debug)]
pub struct AgentSide {
    /// Its git directory in the form of a worktree: `HEAD`, the operation in progress, and the index are the agent's own.
    pub worktree: Worktree,
    tips: BTreeMap<String, Oid>,
}

impl AgentSide {
    /// Returns the commit of a branch of the agent, by its full name.
    pub fn tip(&self, name: &str) -> Option<Oid> {
        self.tips.get(name).copied()
    }
}

impl PrivateGitDir {
    /// Imports the agent's commits, and moves its branch in the repository if nobody else did. Returns the agent's side if it differs
    /// from what the repository knew; `None` also if there is no private git directory. No process of the agent may be running.
    ///
    /// # Errors
    /// Its objects are not its own, something in them is malformed, or the disk is full. Nothing is lost then, and no ref is changed.
    pub fn import(&self, repo: &Repo, branch: &str, worktree: &Path) -> Result<Option<AgentSide>> {
        if !self.exists() {
            return Ok(None);
        }
        let (now, seen) = (GitDirState::of(&self.git_dir())?, self.remembered());
        if now == seen && !self.is_elsewhere(&now, branch) {
            return Ok(None);
        }
        files::check_objects(&self.git_dir(), &self.alternates())?;
        let missing = self.fetch(repo, &now, &seen)?;
        let tips = now.refs.keys().filter_map(|name| Some((name.clone(), now.tip(name)?)));
        let tips: BTreeMap<String, Oid> = tips.filter(|(_, id)| !missing.contains(id)).collect();
        let name = layout::branch_ref(branch);
        if let Some(new) = tips.get(&name).copied()
            && repo.find_ref(&name)? == seen.tip(&name)
            && seen.tip(&name) != Some(new)
        {
            let edit = RefEdit { name, old: seen.tip(&layout::branch_ref(branch)), new };
            repo.edit_refs(&[edit], "orchestra: commits of the agent")?;
        }
        self.remember(&now)?;
        Ok(Some(AgentSide { worktree: self.as_worktree(worktree), tips }))
    }

    /// Fetches what the agent has made. Returns the commits that do not exist.
    fn fetch(&self, repo: &Repo, now: &GitDirState, seen: &GitDirState) -> Result<BTreeSet<Oid>> {
        let mut wanted: BTreeSet<Oid> = now
            .refs
            .iter()
            .filter(|(name, id)| seen.refs.get(*name) != Some(*id))
            .filter_map(|(_, id)| Oid::parse(id))
            .chain(Oid::parse(&now.head))
            .chain(files::stash(&self.git_dir()).1)
            .collect();
        wanted.retain(|id| !repo.has_object(*id));
        if wanted.is_empty() && now.index == seen.index {
            return Ok(wanted);
        }
        let cannot = || format!("cannot write in '{}'", self.folder().display());
        let bridge = private_files::temporary_dir(self.folder()).context(Kind::External, cannot)?;
        let dir = bridge.path();
        for below in ["objects/info", "refs"] {
            fs::create_dir_all(dir.join(below)).context(Kind::External, cannot)?;
        }
        let write =
            |name: &str, text: String| fs::write(dir.join(name), text).context(Kind::External, cannot);
        write("HEAD", "ref: refs/heads/none\n".to_owned())?;
        write("config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n".to_owned())?;
        let objects = self.git_dir().join("objects");
        write("objects/info/alternates", format!("{}\n{}", objects.display(), self.alternates()))?;
        if let Ok(shallow) = careful::text(self.common_dir.join("shallow")) {
            write("shallow", shallow)?;
        }
        let git = |verb: &str| Git::with_settings_of(repo.environment(), dir, dir, verb);
        let names: Vec<String> = wanted.iter().map(Oid::to_string).collect();
        let found =
            git("cat-file").arg("--batch-check=%(objectname)").input((names.join("\n") + "\n").into_bytes());
        let found = String::from_utf8_lossy(&found.run()?).into_owned();
        let missing: BTreeSet<Oid> =
            found.lines().filter_map(|line| line.strip_suffix(" missing")).filter_map(Oid::parse).collect();
        let mut refs: Vec<(String, Oid)> =
            wanted.difference(&missing).map(|id| (format!("refs/import/{id}"), *id)).collect();
        if now.index != seen.index {
            // What is staged but not committed is in no commit. An index that git cannot read is not taken over.
            refs.extend(self.staged(repo, dir, &git).map(|id| (format!("refs/import/{INDEX}"), id)));
        }
        refs.sort();
        write("packed-refs", super::packed(&refs))?;
        if !refs.is_empty() {
            let to = layout::sandbox_refs(&self.id);
            repo.git("fetch")?
                .args(["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"])
                .arg(dir)
                .arg(format!("+refs/import/*:{to}*"))
                .setting("fetch.fsckObjects=true")
                .setting("protocol.file.allow=always")
                .limit(command::LONG_LIMIT)
                .run()?;
        }
        Ok(missing)
    }

    /// Returns a commit with what is staged; `None` if the index cannot be written as a tree, because of conflicts for instance.
    fn staged(&self, repo: &Repo, dir: &Path, git: &impl Fn(&str) -> Git) -> Option<Oid> {
        let index = dir.join(INDEX);
        index_copy::copy_index(&self.as_worktree(Path::new("")), &index).ok()?;
        let tree = git("write-tree")
            .env("GIT_INDEX_FILE", index.as_os_str())
            .limit(command::LONG_LIMIT)
            .line()
            .ok()?;
        let identity = repo.identity_or_none();
        let commit = git("commit-tree")
            .args([tree.as_str(), "-m", "what the agent has staged"])
            .setting(&format!("user.name={}", identity.name))
            .setting(&format!("user.email={}", identity.email));
        Oid::parse(&commit.line().ok()?)
    }
}
