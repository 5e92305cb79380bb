//! What a worktree contains in addition to the agent's captured work.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

use crate::{
    Result,
    git::{Git, Oid, Repo, command, worktrees::Worktree},
    model::text,
    store::layout,
    worktree::{
        capture::{self, CapturePlace},
        include::Readiness,
        index_copy,
        isolated_git_dir::IsolatedGitDir,
        list, nested_repositories, unchanged,
    },
};

/// How many parts the name of a submodule has at most.
const MAX_PARTS: usize = 20;

/// The contents of a worktree that are not part of the agent's captured work.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ExtraContents {
    /// Files that are changed, staged, new, or were left out of the work.
    pub changed: Vec<String>,
    /// Ignored files and folders outside of disposable folders, with their size in bytes.
    pub ignored: Vec<(String, u64)>,
    /// Ignored files and folders inside disposable folders: they can be rebuilt and are not stored.
    pub derived: Vec<PathBuf>,
    /// Checked-out submodules. Each is a repository of its own that may hold anything, and git would run what is written in its
    /// config, so it is not inspected.
    pub submodules: Vec<String>,
    /// Repositories that somebody made inside the worktree. Their content exists nowhere else, even where a gitlink to them is
    /// committed.
    pub inner: Vec<PathBuf>,
}

impl ExtraContents {
    /// Returns why the worktree is not removed without being asked; `None`: there is no reason.
    pub fn sentence(&self) -> Option<String> {
        let first = |names: &[String]| text::one_line(&names[0], 100);
        if let [inner, ..] = self.inner.as_slice() {
            let (name, more) = (text::one_line(&inner.to_string_lossy(), 100), and_more(self.inner.len()));
            return Some(format!(
                "its worktree contains another repository, which may hold work: {name}{more}"
            ));
        }
        if !self.changed.is_empty() {
            let more = and_more(self.changed.len());
            return Some(format!(
                "its worktree has changes that are not in its work: {}{more}",
                first(&self.changed)
            ));
        }
        if !self.submodules.is_empty() {
            let more = and_more(self.submodules.len());
            return Some(format!(
                "its worktree contains a submodule, which may hold work: {}{more}",
                first(&self.submodules)
            ));
        }
        let names: Vec<String> = self.ignored.iter().map(|(name, _)| name.clone()).collect();
        let bytes: u64 = self.ignored.iter().map(|(_, bytes)| bytes).sum();
        (!names.is_empty()).then(|| {
            format!(
                "its worktree has ignored files that exist only there: {}{} ({bytes} bytes)",
                first(&names),
                and_more(names.len())
            )
        })
    }
}

fn and_more(all: usize) -> String {
    if all > 1 { format!(" and {} more", all - 1) } else { String::new() }
}

/// Lists the extra contents of a worktree. `derived` are the names of disposable folders (`orchestra.disposableDirs`).
///
/// # Errors
/// A file, folder or object cannot be read.
pub fn find_extra_contents(
    repo: &Repo,
    task: &capture::CaptureTarget<'_>,
    place: &CapturePlace<'_>,
    derived: &[String],
) -> Result<ExtraContents> {
    let worktree = place.worktree;
    let ready = Readiness::of(worktree);
    let (submodules, inner) =
        (changed_submodules(worktree, &ready), nested_repositories::find_nested(worktree)?);
    let mut extra = ExtraContents { submodules, inner, ..ExtraContents::default() };
    let tip = repo.find_ref(&layout::branch_ref(task.branch))?.unwrap_or(task.base);
    let ignored = match unchanged::compare(repo, place, tip) {
        // Nothing changed; only the ignored files remain to be listed.
        Ok(comparison) if unchanged::is_clean(&comparison, worktree) => comparison.ignored,
        compared => match capture::preview(repo, task, place)? {
            Some(captured) => {
                // What could not go to the branch is in the head; being in either is enough.
                let head = repo.find_ref(&layout::head_ref(task.id))?.unwrap_or(tip);
                let mut changed = BTreeSet::from_iter(staged(place, &[tip, head])?);
                let differs = |commit| differing(place.isolated, commit, captured.tree);
                changed.extend(differing_from_all(&[tip, head], differs)?);
                // A submodule at another commit is there already.
                let new = |path: &String| !changed.contains(path.trim_end_matches('/'));
                let left_out: Vec<String> =
                    captured.left_out.into_iter().map(|file| file.path).filter(new).collect();
                changed.extend(left_out);
                let is_inner = |path: &String| extra.inner.iter().any(|one| Path::new(path) == one);
                extra.changed = changed.into_iter().filter(|path| !is_inner(path)).collect();
                captured.ignored
            }
            None => compared?.ignored,
        },
    };
    for path in without_copies(&ready, place, ignored) {
        // A disposable folder is skipped with everything in it.
        let has_inner = extra.inner.iter().any(|inner| inner.starts_with(&path));
        if is_derived(&path, derived) && !has_inner {
            extra.derived.push(path);
        } else {
            let full = place.root.path().join(&path);
            let found = fs::symlink_metadata(&full).ok();
            let bytes = match found {
                Some(found) if found.is_dir() => list::disk_size(&full),
                found => found.map_or(0, |found| found.len()),
            };
            extra.ignored.push((path.to_string_lossy().into_owned(), bytes));
        }
    }
    Ok(extra)
}

/// Lists the ignored files and folders that exist only in a worktree, outside of disposable folders.
///
/// # Errors
/// The worktree cannot be compared.
pub fn find_ignored(
    repo: &Repo,
    place: &CapturePlace<'_>,
    tip: Oid,
    derived: &[String],
) -> Result<Vec<PathBuf>> {
    let ignored = unchanged::compare(repo, place, tip)?.ignored;
    let mut found = without_copies(&Readiness::of(place.worktree), place, ignored);
    found.retain(|path| !is_derived(path, derived));
    Ok(found)
}

/// Returns ignored paths without those of which the user's checkout has the original.
fn without_copies(ready: &Readiness, place: &CapturePlace<'_>, ignored: Vec<Vec<u8>>) -> Vec<PathBuf> {
    let is_copy = ready.unchanged_copies(place.root);
    let own = ignored.into_iter().filter(|path| !is_copy(path));
    own.map(|path| PathBuf::from(OsStr::from_bytes(path.strip_suffix(b"/").unwrap_or(&path)))).collect()
}

/// Lists a worktree's submodules, except those that were made for the agent and that nobody changed: their git directories are in the
/// registration of the worktree.
fn changed_submodules(worktree: &Worktree, ready: &Readiness) -> Vec<String> {
    let unchanged: BTreeSet<&str> = ready
        .submodules
        .iter()
        .filter(|made| made.is_unchanged(worktree))
        .map(|made| made.name.as_str())
        .collect();
    let mut names = submodule_names(&worktree.git_dir.join("modules"));
    names.retain(|name| !unchanged.contains(name.as_str()));
    names.sort_unstable();
    names
}

/// Lists the git directories below a folder. A name may have several parts.
fn submodule_names(modules: &Path) -> Vec<String> {
    let (mut names, mut pending) = (Vec::new(), vec![(modules.to_owned(), String::new(), 0)]);
    while let Some((folder, above, depth)) = pending.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{above}{}", entry.file_name().to_string_lossy());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if !is_folder || depth >= MAX_PARTS || entry.path().join("HEAD").exists() {
                names.push(name);
            } else {
                pending.push((entry.path(), name + "/", depth + 1));
            }
        }
    }
    names
}

/// Returns the paths that differ from every one of the commits.
fn differing_from_all(
    commits: &[Oid],
    differing: impl Fn(Oid) -> Result<Vec<String>>,
) -> Result<Vec<String>> {
    let mut unlike: Option<BTreeSet<String>> = None;
    for commit in commits {
        let now = BTreeSet::from_iter(differing(*commit)?);
        unlike = Some(unlike.map_or_else(|| now.clone(), |before| &before & &now));
    }
    Ok(unlike.unwrap_or_default().into_iter().collect())
}

fn differing(isolated: &IsolatedGitDir, tip: Oid, tree: Oid) -> Result<Vec<String>> {
    let git = git_without_files(isolated, "diff-tree").args(["-r", "-z", "--name-only", "--no-renames"]);
    Ok(paths(&git.args([tip.to_string(), tree.to_string()]).limit(command::LONG_LIMIT).run()?)
        .map(name)
        .collect())
}

/// Returns the paths whose staged content differs from every one of the commits, whatever the files contain.
fn staged(place: &CapturePlace<'_>, commits: &[Oid]) -> Result<Vec<String>> {
    if index_copy::copy_index(place.worktree, place.isolated.index()).is_err() {
        return Ok(Vec::new());
    }
    differing_from_all(commits, |commit| staged_beyond(place.isolated, commit))
}

fn staged_beyond(isolated: &IsolatedGitDir, commit: Oid) -> Result<Vec<String>> {
    let git = git_without_files(isolated, "diff-index").args([
        "--cached",
        "-z",
        "--name-only",
        "--no-renames",
        &commit.to_string(),
        "--",
    ]);
    Ok(paths(&git.limit(command::LONG_LIMIT).run()?).map(name).collect())
}

/// Compares trees and the index in a folder without files of the agent's.
fn git_without_files(isolated: &IsolatedGitDir, verb: &str) -> Git {
    let folder = isolated.index().parent().unwrap_or(isolated.index()).to_owned();
    isolated.with_files_in(folder).git(verb)
}

fn paths(listed: &[u8]) -> impl Iterator<Item = &[u8]> {
    listed.split(|byte| *byte == 0).filter(|path| !path.is_empty())
}

fn name(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

/// Returns whether a component of the path has one of the names.
fn is_derived(path: &Path, names: &[String]) -> bool {
    path.components().any(
        |part| matches!(part, Component::Normal(name) if names.iter().any(|known| name == known.as_str())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_a_folder_of_that_name_are_derived() {
        let names = ["target".to_owned(), "node_modules".to_owned()];
        for (path, derived) in [
            ("target", true),
            ("crates/a/target/debug", true),
            ("web/node_modules", true),
            ("my-target", false),
            (".env", false),
        ] {
            assert_eq!(is_derived(Path::new(path), &names), derived, "{path}");
        }
    }

    #[test]
    fn the_reason_is_one_line() {
        assert_eq!(ExtraContents::default().sentence(), None);
        let ignored = vec![(".env".to_owned(), 10), ("db".to_owned(), 20)];
        let extra = ExtraContents { ignored, ..ExtraContents::default() };
        assert_eq!(
            extra.sentence().unwrap(),
            "its worktree has ignored files that exist only there: .env and 1 more (30 bytes)"
        );
        let extra = ExtraContents { changed: vec!["a\u{1b}b".into()], ..extra };
        assert_eq!(extra.sentence().unwrap(), "its worktree has changes that are not in its work: a\\eb");
    }
}
