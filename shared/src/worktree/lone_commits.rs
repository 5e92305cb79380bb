//! Commits of submodules that only one worktree has. A submodule of a worktree is a repository of its own, in the registration of the
//! worktree: a commit that was made in it reaches nobody before it is pushed, though the agent's branch already names it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{private_git_dir::PrivateGitDir, submodules};
use crate::{
    Result,
    git::{
        Oid, Repo, careful,
        gitlinks::{self, Gitlink},
        submodule,
    },
    model::{AgentId, quote, text},
    store::layout,
};

/// The folder of submodules in a git directory.
const MODULES: &str = "modules";
/// The most gitlinks of one branch, and refs of one submodule, that are looked at.
const MAX_LINKS: usize = 500;
const MAX_REFS: usize = 5000;
/// The width of a path in a sentence, in columns.
const PATH_WIDTH: usize = 100;

/// A commit of a submodule that a branch names, and that only one worktree has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoneCommit {
    /// The path of the submodule.
    pub path: String,
    /// The commit.
    pub commit: Oid,
    /// The git directory of the submodule that has it.
    pub git_dir: PathBuf,
    /// The name of the worktree.
    pub worktree: String,
    /// The submodule in the user's checkout.
    pub checkout: Option<PathBuf>,
}

impl LoneCommit {
    /// Returns what is wrong, for people.
    pub fn sentence(&self) -> String {
        format!(
            "{} points to {}, a commit that only the worktree {} has",
            text::one_line(&self.path, PATH_WIDTH),
            self.commit.short(),
            text::one_line(&self.worktree, PATH_WIDTH)
        )
    }

    /// Returns the commands that bring the commit into the user's checkout, and from there to others.
    pub fn commands(&self) -> String {
        let (id, git_dir) = (self.commit.to_string(), self.git_dir.as_os_str());
        let refspec = format!("{id}:{}", layout::branch_ref(&self.worktree));
        let Some(checkout) = &self.checkout else {
            return quote::command(&[&"git", &"-C", &git_dir, &"push", &"origin", &refspec]);
        };
        let fetch = quote::command(&[&"git", &"-C", checkout, &"fetch", &git_dir, &id]);
        format!("{fetch} && {}", quote::command(&[&"git", &"-C", checkout, &"push", &"origin", &refspec]))
    }
}

/// The git directories that may have submodules whose commits nobody else has.
#[derive(Debug, Default)]
pub struct LoneCommits {
    /// The git directories of worktrees with submodules, and the names of the worktrees.
    places: Vec<(PathBuf, String)>,
}

impl LoneCommits {
    /// Returns the places of all worktrees.
    ///
    /// # Errors
    /// The common git directory cannot be found.
    pub fn of(repo: &Repo) -> Result<Self> {
        let common = repo.common_dir()?;
        let mut places = Vec::new();
        let has_submodules = common.join(MODULES).is_dir();
        // The names of the folders are enough: nothing of the worktrees is read.
        for entry in fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // In a sandbox, an agent that made the submodule itself has it in its own git directory.
            let own = AgentId::parse(&name).ok().map(|id| PrivateGitDir::of(&common, &id).git_dir());
            let all = [Some(entry.path()), own].into_iter().flatten();
            let may_have = |dir: &PathBuf| has_submodules || dir.join(MODULES).is_dir();
            places.extend(all.filter(may_have).map(|dir| (dir, name.clone())));
        }
        Ok(Self { places })
    }

    /// Returns whether no worktree can have a submodule.
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns the commits that the changes from `base` to `tip` name and that only one worktree has. One that no submodule in this
    /// clone has is not among them: its author may have pushed it.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn named_by(&self, repo: &Repo, base: Oid, tip: Oid) -> Result<Vec<LoneCommit>> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let links = gitlinks::added_gitlinks(repo, repo.tree_of(base)?, repo.tree_of(tip)?)?;
        if links.is_empty() {
            return Ok(Vec::new());
        }
        let described = gitlinks::described_submodules(repo, tip)?;
        let name_of = |link: &Gitlink| described.iter().find(|one| one.path == link.path);
        let named = links.iter().take(MAX_LINKS).filter_map(|link| Some((link, name_of(link)?)));
        let lone = named.filter_map(|(link, found)| self.find(repo, link, &found.name));
        Ok(lone.collect())
    }

    /// Returns the gitlinks that the changes from `base` to `tip` bring, and whose commit no submodule in this clone has. Their author
    /// may have pushed it.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn unknown_in(&self, repo: &Repo, base: Oid, tip: Oid) -> Result<Vec<Gitlink>> {
        let mut links = gitlinks::added_gitlinks(repo, repo.tree_of(base)?, repo.tree_of(tip)?)?;
        if links.is_empty() {
            return Ok(links);
        }
        links.truncate(MAX_LINKS);
        let described = gitlinks::described_submodules(repo, tip)?;
        links.retain(|link| {
            let found = described.iter().find(|one| one.path == link.path);
            found.is_some_and(|found| {
                !UsersCopies::of(repo, link, &found.name).is_some_and(|own| own.have(repo, link.commit))
                    && self.find(repo, link, &found.name).is_none()
            })
        });
        Ok(links)
    }

    fn find(&self, repo: &Repo, link: &Gitlink, name: &str) -> Option<LoneCommit> {
        let own = UsersCopies::of(repo, link, name)?;
        if own.have(repo, link.commit) {
            return None;
        }
        let UsersCopies { path, checkout, .. } = own;
        let mut only = None;
        for (place, worktree) in &self.places {
            let git_dir = place.join(MODULES).join(name);
            match Copy::of(repo, &git_dir, link.commit) {
                Copy::Pushed => return None,
                Copy::Local if only.is_none() => only = Some((git_dir, worktree.clone())),
                Copy::Local | Copy::Missing => {}
            }
            // Its folder may lead to a clone elsewhere.
            let Some(elsewhere) = checked_out_elsewhere(place, &path) else { continue };
            match Copy::of(repo, &elsewhere, link.commit) {
                Copy::Pushed => return None,
                Copy::Local if only.is_none() => only = Some((elsewhere, worktree.clone())),
                Copy::Local | Copy::Missing => {}
            }
        }
        let (git_dir, worktree) = only?;
        Some(LoneCommit { path, commit: link.commit, git_dir, worktree, checkout })
    }
}

/// The repositories that the user has of a submodule.
struct UsersCopies {
    /// Its path in the tree.
    path: String,
    /// The submodule in the user's checkout.
    checkout: Option<PathBuf>,
    git_dirs: Vec<PathBuf>,
}

impl UsersCopies {
    fn of(repo: &Repo, link: &Gitlink, name: &str) -> Option<Self> {
        let path = String::from_utf8_lossy(&link.path).into_owned();
        if !submodules::is_plain(name) || !submodules::is_plain(&path) {
            return None;
        }
        let checkouts = [repo.work_dir(), repo.main_checkout().ok().flatten()];
        let folders: Vec<PathBuf> = checkouts.into_iter().flatten().map(|dir| dir.join(&path)).collect();
        let checkout = folders.iter().find(|folder| submodule::git_dir(folder).is_some()).cloned();
        let mut git_dirs: Vec<PathBuf> =
            folders.iter().filter_map(|folder| submodule::git_dir(folder)).collect();
        git_dirs.push(repo.common_dir().ok()?.join(MODULES).join(name));
        Some(Self { path, checkout, git_dirs })
    }

    fn have(&self, repo: &Repo, commit: Oid) -> bool {
        self.git_dirs.iter().any(|git_dir| Copy::of(repo, git_dir, commit) != Copy::Missing)
    }
}

/// Returns the git directory of a submodule's folder in a worktree, if it is not below the registration of the worktree.
fn checked_out_elsewhere(registration: &Path, path: &str) -> Option<PathBuf> {
    let worktree = careful::small_text(&registration.join("gitdir"))?;
    let folder = Path::new(worktree.trim_end_matches('\n')).parent()?.join(path);
    let real = |path: &Path| path.canonicalize().ok();
    let git_dir = real(&submodule::git_dir(&folder)?)?;
    let is_own = real(&registration.join(MODULES)).is_some_and(|own| git_dir.starts_with(own));
    (!is_own).then_some(git_dir)
}

/// What a repository of a submodule has of a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Copy {
    Missing,
    Local,
    /// A branch of its remote contains it.
    Pushed,
}

impl Copy {
    /// Reads files only: nothing in the repository runs.
    fn of(repo: &Repo, git_dir: &Path, commit: Oid) -> Self {
        let Ok(found) = Repo::open_isolated(repo.environment(), git_dir, git_dir) else {
            return Self::Missing;
        };
        if !found.has_commit(commit) {
            return Self::Missing;
        }
        let remote = found.refs_below(layout::REMOTE_BRANCHES).unwrap_or_default();
        let mut tips = remote.into_iter().take(MAX_REFS).map(|(_, tip)| tip);
        let contains = |tip: Oid| found.has_commit(tip) && found.contains(tip, commit).unwrap_or(false);
        if tips.any(contains) { Self::Pushed } else { Self::Local }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_those_of_a_shell() {
        let lone = LoneCommit {
            path: "a b".into(),
            commit: Oid::EMPTY_TREE,
            git_dir: "/home/kim/r/.git/worktrees/t-12345/modules/a".into(),
            worktree: "t-12345".into(),
            checkout: Some("/home/kim/r/a b".into()),
        };
        let branch = layout::branch_ref("t-12345");
        let (id, place) = (Oid::EMPTY_TREE, "/home/kim/r/.git/worktrees/t-12345/modules/a");
        assert_eq!(
            lone.commands(),
            format!(
                "git -C '/home/kim/r/a b' fetch {place} {id} && git -C '/home/kim/r/a b' push origin {id}:{branch}"
            )
        );
        let bare = LoneCommit { checkout: None, ..lone };
        assert_eq!(bare.commands(), format!("git -C {place} push origin {id}:{branch}"));
        assert_eq!(
            bare.sentence(),
            format!("a b points to {}, a commit that only the worktree t-12345 has", id.short())
        );
    }
}
