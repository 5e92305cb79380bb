//! Submodules of a person's checkout whose commit changed: those that stood where the old commit says go where the new one says, from
//! the objects that are here. Nothing is asked on the network, no branch of a submodule moves, and one in which a person works stays.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::moving;
use crate::{
    Result,
    git::{
        Git, Oid, Repo, careful, command,
        gitlinks::{self, Gitlink},
        submodule,
    },
    model::{AgentId, quote, text},
    store::layout,
    worktree::lone_commits::LoneCommits,
};

/// The most submodules that are looked at, and how many in each other.
const MAX_SUBMODULES: usize = 500;
const MAX_DEPTH: usize = 10;
/// How many earlier places of a submodule are searched for its branch.
const MAX_EARLIER: usize = 10;
/// The most refs of a submodule that are looked at.
const MAX_REFS: usize = 5000;
/// The width of a path in a warning, in columns.
const PATH_WIDTH: usize = 100;

/// What becomes of a submodule that is on a branch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnBranch {
    /// It stays.
    Stays,
    /// It leaves the branch, for a while.
    Leaves,
    /// It returns to a branch that it has left, if the branch is at the commit.
    Returns,
}

/// A step of a checkout from one commit to another.
#[derive(Clone, Copy, Debug)]
pub struct CheckoutStep {
    /// The commit that was checked out.
    pub old: Oid,
    /// The commit that is checked out now.
    pub new: Oid,
    /// What becomes of submodules that are on a branch.
    pub on_branch: OnBranch,
}

/// Moves the submodules of the checkout that is on a branch which a landing or its undo moved. Returns a warning for each that is not at
/// the commit that the branch names. Those of an agent's worktree stay: git would read what the agent configured there.
pub fn follow_branch(repo: &Repo, branch: &str, old: Oid, new: Oid) -> Vec<String> {
    let checkouts = repo.checkouts_of(&layout::branch_ref(branch)).unwrap_or_default();
    let is_agents = |git_dir: &Path| {
        git_dir.file_name().is_some_and(|name| AgentId::parse(&name.to_string_lossy()).is_ok())
    };
    let persons = checkouts.into_iter().find(|checkout| !is_agents(&checkout.git_dir));
    let step = CheckoutStep { old, new, on_branch: OnBranch::Stays };
    persons.map(|checkout| follow(repo, &checkout.path, step)).unwrap_or_default()
}

/// Moves the submodules of a person's checkout, and those in them. Returns a warning for each that is not at the commit that the checkout
/// names.
pub fn follow(repo: &Repo, checkout: &Path, step: CheckoutStep) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Err(error) = follow_all(repo, repo, checkout, Path::new(""), step, 0, &mut warnings) {
        warnings.push(format!("submodules were not updated: {}", error.one_line()));
    }
    warnings
}

/// `repo` is the user's repository, `outer` the one that holds both commits.
fn follow_all(
    repo: &Repo,
    outer: &Repo,
    checkout: &Path,
    below: &Path,
    step: CheckoutStep,
    depth: usize,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let (old, new) = (outer.tree_of(step.old)?, outer.tree_of(step.new)?);
    let links = gitlinks::added_gitlinks(outer, old, new)?;
    if links.is_empty() || depth > MAX_DEPTH {
        return Ok(());
    }
    let before: HashMap<Vec<u8>, Oid> =
        gitlinks::added_gitlinks(outer, new, old)?.into_iter().map(|link| (link.path, link.commit)).collect();
    let lone = LoneCommits::of(repo)?.named_by(repo, step.old, step.new).unwrap_or_default();
    let folder = if below.as_os_str().is_empty() { checkout.to_owned() } else { checkout.join(below) };
    for link in links.into_iter().take(MAX_SUBMODULES) {
        let path = below.join(path_of(&link));
        let shown = text::one_line(&path.to_string_lossy(), PATH_WIDTH);
        let one =
            Submodule { repo, folder: checkout.join(&path), to: link.commit, on_branch: step.on_branch };
        match one.follow(before.get(&link.path).copied()) {
            Ok(Some(from)) => {
                let (Some(git_dir), inner) = (submodule::git_dir(&one.folder), &one.folder) else { continue };
                let inner = Repo::open_isolated(repo.environment(), &git_dir, inner)?;
                let step = CheckoutStep { old: from, new: link.commit, ..step };
                follow_all(repo, &inner, checkout, &path, step, depth + 1, warnings)?;
            }
            Ok(None) => {}
            Err(why) => {
                let found = lone.iter().find(|found| found.commit == link.commit);
                let next = found.map_or_else(
                    || {
                        let update =
                            update_command(&folder, &path_of(&link), before.contains_key(&link.path));
                        one.keep_command().map_or(update.clone(), |keep| format!("{keep} && {update}"))
                    },
                    |found| found.commands(),
                );
                warnings.push(format!("the submodule {shown} {why}: {next}"));
            }
        }
    }
    Ok(())
}

fn path_of(link: &Gitlink) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(&link.path).into()
}

fn update_command(folder: &Path, path: &Path, is_known: bool) -> String {
    let mut words: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"git", &"-C", &folder, &"submodule", &"update"];
    if !is_known {
        words.push(&"--init");
    }
    words.extend([&"--" as &dyn AsRef<std::ffi::OsStr>, &path]);
    quote::command(&words)
}

struct Submodule<'a> {
    repo: &'a Repo,
    folder: PathBuf,
    /// The commit where it should be.
    to: Oid,
    on_branch: OnBranch,
}

impl Submodule<'_> {
    /// Moves it. Returns where it was if it moved, or why it stays where it is.
    fn follow(&self, before: Option<Oid>) -> Result<Option<Oid>, String> {
        let (Some(now), Some(git_dir)) =
            (submodule::checked_out_commit(&self.folder), submodule::git_dir(&self.folder))
        else {
            // A person who does not want it here has not checked it out.
            return if before.is_some() { Ok(None) } else { Err("is new and not checked out".to_owned()) };
        };
        if now == self.to {
            return Ok(None);
        }
        let stays = |why: &str| format!("stays at {}, not at {}{why}", now.short(), self.to.short());
        if before != Some(now) {
            return Err(stays(""));
        }
        let found = Repo::open_isolated(self.repo.environment(), &git_dir, &self.folder);
        if !found.is_ok_and(|found| found.has_commit(self.to)) {
            return Err(stays(", which is not here"));
        }
        let head = careful::small_text(&git_dir.join("HEAD")).unwrap_or_default();
        if head.starts_with("ref: ") && self.on_branch == OnBranch::Stays {
            return Err(stays(", because it is on a branch"));
        }
        let status = self.git("status").args(["--porcelain", "--untracked-files=no"]).run();
        match status {
            Ok(changes) if changes.is_empty() => {}
            Ok(_) => return Err(stays(", because it has changes")),
            Err(error) => return Err(stays(&format!(" ({})", error.one_line()))),
        }
        match self.replaces_files(now) {
            Ok(false) => {}
            Ok(true) => return Err(stays(", because files would replace a repository in it")),
            Err(error) => return Err(stays(&format!(" ({})", error.one_line()))),
        }
        let branch = if self.on_branch == OnBranch::Returns { self.branch_left() } else { None };
        // Git would overwrite ignored files, which nothing can bring back.
        let checkout = self.git("checkout").args(["--quiet", "--no-overwrite-ignore"]);
        let moved = match &branch {
            Some(branch) => checkout.args([branch, "--"]).run(),
            None => checkout.args(["--detach", &self.to.to_string()]).run(),
        };
        moved.map(|_| Some(now)).map_err(|error| stays(&format!(" ({})", error.one_line())))
    }

    /// Returns the command that keeps the commit at which it is, if no ref of it does: another one that is checked out leaves it behind.
    fn keep_command(&self) -> Option<String> {
        let now = submodule::checked_out_commit(&self.folder)?;
        let git_dir = submodule::git_dir(&self.folder)?;
        if careful::small_text(&git_dir.join("HEAD"))?.starts_with("ref: ") {
            return None;
        }
        let found = Repo::open_isolated(self.repo.environment(), &git_dir, &self.folder).ok()?;
        let refs = found.refs_below("refs/").unwrap_or_default();
        let keeps = |tip: Oid| found.has_commit(tip) && found.contains(tip, now).unwrap_or(false);
        if refs.into_iter().take(MAX_REFS).any(|(_, tip)| keeps(tip)) {
            return None;
        }
        let name = format!("kept-{}", now.short());
        Some(quote::command(&[&"git", &"-C", &self.folder, &"branch", &name, &now.to_string()]))
    }

    /// Returns whether files would be put in place of a repository in it.
    fn replaces_files(&self, now: Oid) -> Result<bool> {
        let command = self.git("diff-tree").args(["-r", "-z", "--raw", "--no-renames"]);
        let raw = command.args([&now.to_string(), &self.to.to_string(), "--"]).run()?;
        Ok(moving::replaces_repository(&self.folder, &raw))
    }

    /// Returns the branch at the commit that it was on before.
    fn branch_left(&self) -> Option<String> {
        let parse = |arguments: &[&str]| self.git("rev-parse").args(arguments).line().ok();
        (1..=MAX_EARLIER).find_map(|count| {
            let name = parse(&["--symbolic-full-name", &format!("@{{-{count}}}")])?;
            let branch = layout::branch_of(&name)?.to_owned();
            (parse(&["--verify", "--quiet", &name])? == self.to.to_string()).then_some(branch)
        })
    }

    fn git(&self, verb: &str) -> Git {
        Git::new(self.repo.environment(), &self.folder, verb).limit(command::LONG_LIMIT)
    }
}
