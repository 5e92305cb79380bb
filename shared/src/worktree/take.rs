//! Taking an agent's work: its commits, and what it left uncommitted on top, through the shadow.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{
        Oid, Repo, command,
        index::hidden_entries,
        objects::Commit,
        refs::Edit,
        worktrees::{Head, Worktree},
    },
    model::{
        AgentId,
        event::{LeftOut, MAX_LEFT_OUT},
        text,
    },
    store::layout,
    worktree::{inner, leave_out, shadow::Shadow},
    world,
};

/// Longest path named as left out, in columns.
const PATH_WIDTH: usize = 200;

/// Whose work is taken, and how.
#[derive(Debug)]
pub struct Task<'a> {
    /// The agent.
    pub id: &'a AgentId,
    /// Its title, for the commit of what was left.
    pub title: &'a str,
    /// Its branch, without `refs/heads/`.
    pub branch: &'a str,
    /// Where it started.
    pub base: Oid,
    /// The largest untracked file that is taken, in bytes.
    pub max_file: u64,
}

/// What an agent has done so far.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Taken {
    /// The commit that holds all of it.
    pub head: String,
    /// Commits since the base.
    pub commits: u64,
    /// Files that differ from the base.
    pub files: u64,
    /// Lines added.
    pub insertions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// What stays in the worktree only.
    pub left_out: Vec<LeftOut>,
    /// How many more.
    pub left_out_more: u64,
    /// Why the rest is in `heads` alone and not on the branch, if it is so.
    pub off_branch: Option<String>,
}

impl Taken {
    /// Of an agent that never started.
    pub fn nothing(base: &str) -> Self {
        Self {
            head: base.to_owned(),
            commits: 0,
            files: 0,
            insertions: 0,
            deletions: 0,
            left_out: Vec::new(),
            left_out_more: 0,
            off_branch: None,
        }
    }
}

/// Takes the work for good: what was left is committed to the branch where the worktree stands on it with no
/// operation under way, and the worktree's index follows; otherwise it is in `refs/orchestra/heads/<id>` alone.
///
/// # Errors
/// The worktree is gone, or something cannot be read or written. Nothing is half-done then: the head moves first,
/// then branch and index together.
pub fn finish(repo: &Repo, task: &Task<'_>, shadow: &Shadow, worktree: &Worktree) -> Result<Taken> {
    let (standing, off_branch) = stand(repo, task, worktree)?;
    let (tree, mut left_out) = capture(task, shadow, worktree, standing)?;
    left_out.extend(inner::left_out(repo, task.base, tree)?);
    let mut head = standing;
    let left = tree != repo.tree_of(standing)?;
    if left {
        head = commit_leftovers(repo, task, tree, standing)?;
    } else if let Some(tip) = unvisited_branch(repo, task, off_branch.is_some(), standing)? {
        head = tip;
    }
    set_head(repo, task, head)?;
    let mut why_off = off_branch;
    if left && why_off.is_none() {
        why_off = advance(repo, task, shadow, worktree, standing, head)?;
    }
    report(repo, task, shadow, head, left_out, why_off.filter(|_| left))
}

/// What can still be taken of an agent whose worktree is gone: the commits of its branch.
///
/// # Errors
/// Something cannot be read or written.
pub fn branch_only(repo: &Repo, task: &Task<'_>, shadow: &Shadow) -> Result<Taken> {
    let known = repo.find_ref(&layout::head_ref(task.id))?.unwrap_or(task.base);
    let head = repo.find_ref(&layout::branch_ref(task.branch))?.unwrap_or(known);
    set_head(repo, task, head)?;
    let why = (head != task.base).then(|| "its worktree is gone".to_owned());
    report(repo, task, shadow, head, Vec::new(), why)
}

/// Keeps the worktree as it is now in `refs/orchestra-local/snapshots/<id>`; branch, index and files stay untouched.
///
/// # Errors
/// As [`finish`].
pub fn snapshot(repo: &Repo, task: &Task<'_>, shadow: &Shadow, worktree: &Worktree) -> Result<()> {
    let (standing, _) = stand(repo, task, worktree)?;
    let (tree, _) = capture(task, shadow, worktree, standing)?;
    let name = layout::snapshot_ref(task.id);
    if let Some(last) = repo.find_ref(&name)? {
        let last = repo.read_commit(last)?;
        if last.tree == tree && last.parents == [standing] {
            return Ok(());
        }
    }
    let message = format!("snapshot of agent {}\n", task.id);
    let commit = Commit::by(&repo.identity()?, world::now().as_second(), tree, vec![standing], message);
    let commit = repo.write_commit(&commit)?;
    set_ref(repo, &name, commit)
}

/// The tree of the worktree's files as they are now, and what would be left out; nothing is kept. `None`: it stands on another
/// branch, and is nothing of the agent's.
///
/// # Errors
/// As [`finish`].
pub fn look(
    repo: &Repo,
    task: &Task<'_>,
    shadow: &Shadow,
    worktree: &Worktree,
) -> Result<Option<(Oid, Vec<LeftOut>)>> {
    let (standing, _) = stand(repo, task, worktree)?;
    let own = Head::Branch(layout::branch_ref(task.branch));
    match worktree.head() {
        head if head == own || matches!(head, Head::Detached(_)) => {
            capture(task, shadow, worktree, standing).map(Some)
        }
        _ => Ok(None),
    }
}

/// Brings back into a worktree made anew what the last snapshot had beyond the commit on which it stands.
///
/// # Errors
/// Something cannot be read or written.
pub fn restore(repo: &Repo, task: &Task<'_>, shadow: &Shadow) -> Result<()> {
    let Some(kept) = repo.find_ref(&layout::snapshot_ref(task.id))? else { return Ok(()) };
    let tip = repo.find_ref(&layout::branch_ref(task.branch))?;
    if repo.read_commit(kept)?.parents.first().copied() != tip {
        // The agent committed since: the snapshot is older than the branch.
        return Ok(());
    }
    let _ = fs::remove_file(shadow.index());
    for arguments in [["read-tree".to_owned(), kept.to_string()], ["checkout-index".into(), "-fa".into()]] {
        shadow.git(&arguments[0]).arg(&arguments[1]).limit(command::LONG).run()?;
    }
    Ok(())
}

/// The commit on which the worktree stands, and why that is not its branch.
fn stand(repo: &Repo, task: &Task<'_>, worktree: &Worktree) -> Result<(Oid, Option<String>)> {
    let branch = layout::branch_ref(task.branch);
    let off = |why: &str| Some(why.to_owned());
    match worktree.head() {
        Head::Branch(name) => {
            let tip = repo.find_ref(&name).ok().flatten();
            let why = if name != branch {
                off("the worktree is on another branch")
            } else if let Some(operation) = worktree.operation() {
                Some(format!("a {operation} is under way"))
            } else if tip.is_none() {
                off("the branch is gone")
            } else {
                None
            };
            Ok((tip.unwrap_or(task.base), why))
        }
        Head::Detached(id) => Ok((id, off("the worktree is on no branch"))),
        Head::Unknown => Ok((task.base, off("the worktree's HEAD cannot be read"))),
    }
}

/// Commits on the agent's branch that the place where it stands does not have.
fn unvisited_branch(repo: &Repo, task: &Task<'_>, elsewhere: bool, standing: Oid) -> Result<Option<Oid>> {
    if !elsewhere {
        return Ok(None);
    }
    let Some(tip) = repo.find_ref(&layout::branch_ref(task.branch))? else { return Ok(None) };
    Ok((repo.commits_between(standing, tip)? > 0).then_some(tip))
}

/// Writes the tree of the worktree's files.
fn capture(
    task: &Task<'_>,
    shadow: &Shadow,
    worktree: &Worktree,
    standing: Oid,
) -> Result<(Oid, Vec<LeftOut>)> {
    if !worktree.path.is_dir() {
        return Err(Error::refused(format!("worktree '{}' is gone", worktree.path.display())));
    }
    start_index(shadow, worktree, standing)?;
    let (changed, left_out) = changed_paths(task, shadow)?;
    if !changed.is_empty() {
        shadow
            .git("update-index")
            .args(["--add", "--remove", "-z", "--stdin"])
            .input(changed)
            .limit(command::LONG)
            .run()?;
    }
    let written = shadow.git("write-tree").limit(command::LONG).output()?;
    let tree = if written.status.success() {
        String::from_utf8_lossy(&written.stdout).trim().to_owned()
    } else {
        // Conflicted entries cannot be written as a tree; the files on the disk are what the agent has.
        shadow.git("add").args(["-u"]).limit(command::LONG).run()?;
        shadow.git("write-tree").line()?
    };
    let tree = Oid::parse(&tree).ok_or_else(|| Error::internal("git write-tree gave no tree"))?;
    Ok((tree, left_out))
}

/// A copy of the worktree's own index spares reading every file again; without a usable one we start from the commit.
fn start_index(shadow: &Shadow, worktree: &Worktree, standing: Oid) -> Result<()> {
    let copied = copy_index(&worktree.git_dir.join("index"), shadow.index()).is_ok();
    match copied.then(|| hidden_entries(shadow.index())) {
        Some(Ok(hidden)) => show_hidden_entries(shadow, &hidden),
        Some(Err(_)) | None => {
            let _ = fs::remove_file(shadow.index());
            shadow.git("read-tree").arg(standing.to_string()).limit(command::LONG).run()?;
            Ok(())
        }
    }
}

/// With its time: a file that was changed in the same instant in which the index was written, and kept its length, is told from an
/// unchanged one by that alone.
fn copy_index(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to)?;
    keep_time(from, &File::options().write(true).open(to)?)
}

fn keep_time(of: &Path, file: &File) -> std::io::Result<()> {
    file.set_modified(fs::metadata(of)?.modified()?)
}

/// Entries marked "assume unchanged", or "skip" though their file is there, would hide an agent's changes.
fn show_hidden_entries(shadow: &Shadow, hidden: &[(Vec<u8>, bool)]) -> Result<()> {
    let mut paths = Vec::new();
    for (path, skipped) in hidden {
        if !skipped || shadow.work_tree().join(path_of(path)).symlink_metadata().is_ok() {
            paths.extend_from_slice(path);
            paths.push(0);
        }
    }
    if paths.is_empty() {
        return Ok(());
    }
    for option in ["--no-assume-unchanged", "--no-skip-worktree"] {
        shadow.git("update-index").args([option, "-z", "--stdin"]).input(paths.clone()).run()?;
    }
    Ok(())
}

/// Changed, removed and untracked paths, separated by NUL, without those to leave out.
fn changed_paths(task: &Task<'_>, shadow: &Shadow) -> Result<(Vec<u8>, Vec<LeftOut>)> {
    let listed = shadow
        .git("ls-files")
        .args(["-z", "-t", "--modified", "--others", "--exclude-standard"])
        .limit(command::LONG)
        .run()?;
    let (mut changed, mut left_out) = (Vec::new(), Vec::new());
    for entry in listed.split(|byte| *byte == 0).filter(|entry| entry.len() > 2) {
        let (tag, path) = (entry[0], &entry[2..]);
        if tag == b'?' {
            let file = shadow.work_tree().join(path_of(path));
            let size = file.symlink_metadata().ok().map(|found| found.len());
            let shown = String::from_utf8_lossy(path);
            if let Some(why) = leave_out::why(&shown, size, task.max_file) {
                left_out.push(LeftOut { path: text::one_line(&shown, PATH_WIDTH), why: why.to_owned() });
                continue;
            }
        }
        changed.extend_from_slice(path);
        changed.push(0);
    }
    Ok((changed, left_out))
}

fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

fn commit_leftovers(repo: &Repo, task: &Task<'_>, tree: Oid, parent: Oid) -> Result<Oid> {
    let message = format!(
        "{}\n\nLeft uncommitted by agent {id}; committed by git orchestra.\n\nOrchestra-Agent: {id}\n",
        task.title,
        id = task.id
    );
    let at = world::now().as_second();
    repo.write_commit(&Commit::by(&repo.identity()?, at, tree, vec![parent], message))
}

/// Moves the branch to `head` and lets the worktree's index follow. Gives the reason if it could not.
fn advance(
    repo: &Repo,
    task: &Task<'_>,
    shadow: &Shadow,
    worktree: &Worktree,
    from: Oid,
    head: Oid,
) -> Result<Option<String>> {
    let Some(lock) = IndexLock::take(worktree)? else {
        return Ok(Some(format!(
            "the worktree's index is locked: another git works there, or left '{}' in '.git/worktrees' when it was killed",
            index_lock_name(worktree)
        )));
    };
    let edit = Edit { name: layout::branch_ref(task.branch), old: Some(from), new: head };
    match repo.edit_refs(&[edit], "orchestra: what the agent left uncommitted") {
        Ok(()) => lock.replace_index(shadow.index()).map(|()| None),
        Err(e) if e.kind == Kind::Conflict => {
            let moved = repo.find_ref(&layout::branch_ref(task.branch))? != Some(from);
            Ok(Some(if moved { "the branch moved".to_owned() } else { e.one_line() }))
        }
        Err(e) => Err(e),
    }
}

/// The name of the lock for people: events hold no absolute paths.
fn index_lock_name(worktree: &Worktree) -> String {
    let name = worktree.git_dir.file_name().unwrap_or_default().to_string_lossy();
    text::one_line(&format!("{name}/index.lock"), PATH_WIDTH)
}

/// Git's own lock on a worktree's index.
struct IndexLock {
    file: Option<File>,
    lock: PathBuf,
    index: PathBuf,
}

impl IndexLock {
    /// `None`: somebody else holds it for two seconds.
    fn take(worktree: &Worktree) -> Result<Option<Self>> {
        let index = worktree.git_dir.join("index");
        let lock = worktree.git_dir.join("index.lock");
        for _ in 0..40 {
            match File::create_new(&lock) {
                Ok(file) => return Ok(Some(Self { file: Some(file), lock, index })),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(e) => {
                    return Err(
                        Error::new(Kind::External, format!("cannot write '{}'", lock.display())).because(e)
                    );
                }
            }
        }
        Ok(None)
    }

    fn replace_index(mut self, new: &Path) -> Result<()> {
        let cannot = || format!("cannot write '{}'", self.index.display());
        let bytes = fs::read(new).context(Kind::External, cannot)?;
        if let Some(file) = &mut self.file {
            file.write_all(&bytes).context(Kind::External, cannot)?;
            keep_time(new, file).context(Kind::External, cannot)?;
        }
        fs::rename(&self.lock, &self.index).context(Kind::External, cannot)?;
        self.file = None;
        Ok(())
    }
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.lock);
        }
    }
}

/// Moves the head; what it held and the new one does not contain is kept.
fn set_head(repo: &Repo, task: &Task<'_>, new: Oid) -> Result<()> {
    let name = layout::head_ref(task.id);
    if let Some(old) = repo.find_ref(&name)?
        && old != new
        && repo.commits_between(new, old)? > 0
    {
        set_ref(repo, &layout::replaced_head_ref(task.id, &old.to_string()), old)?;
    }
    set_ref(repo, &name, new)
}

fn set_ref(repo: &Repo, name: &str, new: Oid) -> Result<()> {
    let old = repo.find_ref(name)?;
    if old == Some(new) {
        return Ok(());
    }
    repo.edit_refs(&[Edit { name: name.to_owned(), old, new }], "orchestra: work of an agent")
}

fn report(
    repo: &Repo,
    task: &Task<'_>,
    shadow: &Shadow,
    head: Oid,
    mut left_out: Vec<LeftOut>,
    off_branch: Option<String>,
) -> Result<Taken> {
    let more = left_out.len().saturating_sub(MAX_LEFT_OUT) as u64;
    left_out.truncate(MAX_LEFT_OUT);
    let (files, insertions, deletions) =
        if head == task.base { (0, 0, 0) } else { diffstat(shadow, task.base, head)? };
    Ok(Taken {
        head: head.to_string(),
        commits: repo.commits_between(task.base, head)?,
        files,
        insertions,
        deletions,
        left_out,
        left_out_more: more,
        off_branch,
    })
}

/// Files, insertions, deletions, as `git diff --shortstat` counts them.
fn diffstat(shadow: &Shadow, base: Oid, head: Oid) -> Result<(u64, u64, u64)> {
    let line = shadow
        .git_without_files("diff")
        .args(["--shortstat", "--no-ext-diff", "--no-textconv", "-M"])
        .args([base.to_string(), head.to_string()])
        .limit(command::LONG)
        .line()?;
    let count = |word: &str| {
        let part = line.split(',').find(|part| part.contains(word))?;
        part.split_whitespace().next()?.parse().ok()
    };
    Ok((count("file").unwrap_or(0), count("insertion").unwrap_or(0), count("deletion").unwrap_or(0)))
}
