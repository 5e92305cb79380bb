//! Capturing an agent's work, which is its commits and what it left uncommitted, through an isolated git directory.

use std::{
    fs,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Kind, Result,
    error::Context,
    git::{
        Oid, Repo, careful, command,
        entries::{Entries, set_stats},
        file_stat::FileStat,
        objects::Commit,
        refs::RefEdit,
        worktrees::{Worktree, WorktreeHead},
    },
    model::{
        AgentId, ByteSize, CommitId, IdOrText, WorkStat,
        event::{LeftOut, MAX_LEFT_OUT},
        text,
    },
    store::layout,
    worktree::{
        branch_index, inner,
        isolated_git_dir::IsolatedGitDir,
        root::Root,
        stage::StagingArea,
        survey::{self, PATH_WIDTH, SurveyOptions},
        unfinished::Unfinished,
    },
    world,
};

/// Maximum time to read and store a worktree.
pub const LIMIT: Duration = Duration::from_secs(10 * 60);

/// The agent whose work is captured, and how.
#[derive(Debug)]
pub struct CaptureTarget<'a> {
    /// The agent.
    pub id: &'a AgentId,
    /// Its title, for the commit of uncommitted changes.
    pub title: &'a str,
    /// Its branch, without `refs/heads/`.
    pub branch: &'a str,
    /// The commit it started from.
    pub base: Oid,
    /// The maximum size of a captured file. A tracked file may have grown to twice its size.
    pub max_file: ByteSize,
}

/// The worktree from which work is captured.
#[derive(Debug)]
pub struct CapturePlace<'a> {
    /// Its files, reached through [`super::open_worktree`].
    pub root: &'a Root,
    /// Its registration.
    pub worktree: &'a Worktree,
    /// The isolated git directory through which git reads it.
    pub shadow: &'a IsolatedGitDir,
}

/// The work of an agent so far.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct CapturedWork {
    /// The commit that holds all of it; for an agent that never started, the base in its first event.
    pub head: IdOrText<CommitId>,
    /// The amount of work.
    #[serde(flatten)]
    pub work: WorkStat,
    /// Why the uncommitted changes are only in `refs/orchestra/heads/<id>` and not on the branch; `None`: they are on it.
    pub off_branch: Option<String>,
    /// What users should know about work that is on the branch, for instance that nothing else could be captured.
    #[serde(default)]
    pub remark: Option<String>,
    /// Why the changes around the agent were not recorded; `None`: they were.
    #[serde(default)]
    pub unrecorded: Option<String>,
    /// The git operation in progress, and the unresolved conflicts.
    #[serde(default)]
    pub unfinished: Option<Unfinished>,
    /// Why the files in the worktree could not be saved; then only commits were captured. `None`: they were saved.
    #[serde(default)]
    pub unsaved: Option<String>,
}

impl CapturedWork {
    /// Returns the work of an agent that never started.
    pub fn nothing(base: IdOrText<CommitId>) -> Self {
        Self {
            head: base,
            work: WorkStat::default(),
            off_branch: None,
            remark: None,
            unrecorded: None,
            unfinished: None,
            unsaved: None,
        }
    }
}

/// Captures the work at the end of an attempt. Uncommitted changes are committed to the branch, and the worktree's index is
/// updated, if the worktree has the branch checked out with no operation in progress; otherwise they are only in
/// `refs/orchestra/heads/<id>`.
///
/// # Errors
/// The worktree is gone, or something cannot be read or written. Nothing is left in between: the head moves first, then branch
/// and index together.
pub fn finish(repo: &Repo, task: &CaptureTarget<'_>, place: &CapturePlace<'_>) -> Result<CapturedWork> {
    let CapturePlace { shadow, worktree, .. } = place;
    let (standing, off_branch) = stand(repo, task, worktree)?;
    let mut captured = capture(task, place, standing)?;
    repo.require_complete(captured.tree, Some(repo.tree_of(standing)?))?;
    captured.left_out.extend(inner::left_out(repo, task.base, captured.tree)?);
    let mut head = standing;
    let left = captured.tree != repo.tree_of(standing)?;
    if left {
        head = match committed_before(repo, task, captured.tree, standing)? {
            Some(known) => known,
            None => commit_leftovers(repo, task, captured.tree, standing)?,
        };
    } else if let Some(tip) = unvisited_branch(repo, task, off_branch.is_some(), standing)? {
        head = tip;
    }
    set_head(repo, task, head)?;
    let mut why_off = off_branch;
    // An index with conflicts shows what they are; it stays.
    if left && why_off.is_none() && captured.unfinished.is_some() {
        why_off = Some("its conflicts are not resolved".to_owned());
    }
    if why_off.is_none() && captured.unfinished.is_none() && (left || !captured.stats.is_empty()) {
        // If this fails, git only has to read some files again.
        let _ = set_stats(shadow.index(), &captured.stats);
        why_off = advance(repo, task, shadow, worktree, standing, head)?;
    }
    let taken = report(repo, task, shadow, head, captured.left_out, why_off.filter(|_| left))?;
    Ok(CapturedWork { unfinished: captured.unfinished, ..taken })
}

/// Captures the commits of an agent's branch when its worktree is gone or cannot be read.
///
/// # Errors
/// Something cannot be read or written.
pub fn branch_only(
    repo: &Repo,
    task: &CaptureTarget<'_>,
    shadow: &IsolatedGitDir,
    why: &str,
) -> Result<CapturedWork> {
    let known = repo.find_ref(&layout::head_ref(task.id))?.unwrap_or(task.base);
    let branch = repo.find_ref(&layout::branch_ref(task.branch))?;
    let head = branch.unwrap_or(known);
    set_head(repo, task, head)?;
    let taken = report(repo, task, shadow, head, Vec::new(), None)?;
    let why = (head != task.base).then(|| why.to_owned());
    Ok(if branch.is_some() {
        CapturedWork { remark: why, ..taken }
    } else {
        CapturedWork { off_branch: why, ..taken }
    })
}

/// Saves the current worktree as a snapshot in `refs/orchestra-local/snapshots/<id>`; branch, index and files stay untouched.
///
/// # Errors
/// As for [`finish`].
pub fn snapshot(repo: &Repo, task: &CaptureTarget<'_>, place: &CapturePlace<'_>) -> Result<()> {
    let (standing, _) = stand(repo, task, place.worktree)?;
    let tree = capture(task, place, standing)?.tree;
    repo.require_complete(tree, Some(repo.tree_of(standing)?))?;
    let name = layout::snapshot_ref(task.id);
    if let Some(last) = repo.find_ref(&name)? {
        let last = repo.read_commit(last)?;
        if last.tree == tree && last.parents == [standing] {
            return Ok(());
        }
    }
    let message = format!("snapshot of agent {}\n", task.id);
    let commit =
        Commit::by(&repo.identity_or_none(), world::now().as_second(), tree, vec![standing], message);
    let commit = repo.write_commit(&commit)?;
    set_ref(repo, &name, commit)
}

/// Writes the tree of the worktree's current files and lists what would be left out, without changing a ref. `None`: another
/// branch is checked out, so the files are not the agent's work.
///
/// # Errors
/// As for [`finish`].
pub fn preview(repo: &Repo, task: &CaptureTarget<'_>, place: &CapturePlace<'_>) -> Result<Option<Captured>> {
    let (standing, _) = stand(repo, task, place.worktree)?;
    let own = WorktreeHead::Branch(layout::branch_ref(task.branch));
    match place.worktree.head() {
        head if head == own || matches!(head, WorktreeHead::Detached(_)) => {
            capture(task, place, standing).map(Some)
        }
        _ => Ok(None),
    }
}

/// Restores into a recreated worktree what the last snapshot has in addition to its parent commit.
///
/// # Errors
/// Something cannot be read or written.
pub fn restore(repo: &Repo, task: &CaptureTarget<'_>, shadow: &IsolatedGitDir) -> Result<()> {
    let Some(kept) = repo.find_ref(&layout::snapshot_ref(task.id))? else { return Ok(()) };
    let tip = repo.find_ref(&layout::branch_ref(task.branch))?;
    if repo.read_commit(kept)?.parents.first().copied() != tip {
        // The agent has committed since: the snapshot is older than the branch.
        return Ok(());
    }
    let _ = fs::remove_file(shadow.index());
    for arguments in [["read-tree".to_owned(), kept.to_string()], ["checkout-index".into(), "-fa".into()]] {
        shadow.git(&arguments[0]).arg(&arguments[1]).limit(command::LONG_LIMIT).run()?;
    }
    Ok(())
}

/// Returns the commit that the worktree has checked out, and why that is not the tip of its branch.
fn stand(repo: &Repo, task: &CaptureTarget<'_>, worktree: &Worktree) -> Result<(Oid, Option<String>)> {
    let branch = layout::branch_ref(task.branch);
    let off = |why: &str| Some(why.to_owned());
    match worktree.head() {
        WorktreeHead::Branch(name) => {
            let tip = repo.find_ref(&name).ok().flatten();
            let why = if name != branch {
                off("the worktree is on another branch")
            } else if let Some(operation) = worktree.operation() {
                Some(format!("a {operation} is in progress"))
            } else if tip.is_none() {
                off("the branch is gone")
            } else {
                None
            };
            Ok((tip.unwrap_or(task.base), why))
        }
        WorktreeHead::Detached(id) => Ok((id, off("the worktree has a detached HEAD"))),
        WorktreeHead::Unknown => Ok((task.base, off("the worktree's HEAD cannot be read"))),
    }
}

/// Returns the tip of the agent's branch if it has commits that the checked-out commit does not.
fn unvisited_branch(
    repo: &Repo,
    task: &CaptureTarget<'_>,
    elsewhere: bool,
    standing: Oid,
) -> Result<Option<Oid>> {
    if !elsewhere {
        return Ok(None);
    }
    let Some(tip) = repo.find_ref(&layout::branch_ref(task.branch))? else { return Ok(None) };
    Ok((repo.commits_between(standing, tip)? > 0).then_some(tip))
}

/// The captured files of a worktree.
#[derive(Debug)]
pub struct Captured {
    /// The tree of the files.
    pub tree: Oid,
    /// What is not in the tree.
    pub left_out: Vec<LeftOut>,
    /// Files and folders that git ignores; folders end in `/`.
    pub ignored: Vec<Vec<u8>>,
    /// What the agent left unfinished.
    pub unfinished: Option<Unfinished>,
    /// The file system's data of the files that were read, to update the worktree's index with.
    stats: Vec<(Vec<u8>, FileStat)>,
}

/// Writes the tree of the worktree's files.
fn capture(task: &CaptureTarget<'_>, place: &CapturePlace<'_>, standing: Oid) -> Result<Captured> {
    let shadow = place.shadow;
    let deadline = Instant::now() + LIMIT;
    let seen = shadow.repo()?;
    let entries = start_index(&seen, place, standing)?;
    let terms = SurveyOptions { repo: &seen, entries: &entries, max_file: task.max_file, deadline };
    let mut survey = survey::look(place.root, &terms)?;
    let mut stage = StagingArea::make(place.root, &entries, shadow, task.max_file, deadline)?;
    let tree = stage.write(&seen, &mut survey)?;
    Ok(Captured {
        unfinished: Unfinished::of(place.worktree, &survey.unmerged),
        tree,
        left_out: survey.sorted_left_out(),
        ignored: survey.ignored,
        stats: [std::mem::take(&mut stage.stats), survey.touched].concat(),
    })
}

/// Starts from a copy of the worktree's own index, so that unchanged files need not be read; if it is not usable, starts from the
/// commit.
fn start_index(seen: &Repo, place: &CapturePlace<'_>, standing: Oid) -> Result<Entries> {
    let shadow = place.shadow;
    if branch_index::copy(place.worktree, shadow.index()).is_ok()
        && let Ok(entries) = Entries::read(seen, shadow.index())
    {
        return Ok(entries);
    }
    let _ = fs::remove_file(shadow.index());
    let git = shadow.git_without_files("read-tree").arg(standing.to_string());
    git.env("GIT_INDEX_FILE", shadow.index().as_os_str()).limit(command::LONG_LIMIT).run()?;
    Entries::read(seen, shadow.index())
}

/// Returns the head if it already holds exactly these changes: capturing them again, when they could not go to the branch, is not
/// new work.
fn committed_before(repo: &Repo, task: &CaptureTarget<'_>, tree: Oid, parent: Oid) -> Result<Option<Oid>> {
    let Ok(Some(head)) = repo.find_ref(&layout::head_ref(task.id)) else { return Ok(None) };
    if !repo.has_commit(head) {
        return Ok(None);
    }
    let known = repo.read_commit(head)?;
    Ok((known.tree == tree && known.parents == [parent]).then_some(head))
}

fn commit_leftovers(repo: &Repo, task: &CaptureTarget<'_>, tree: Oid, parent: Oid) -> Result<Oid> {
    let message = format!(
        "{}\n\nLeft uncommitted by agent {id}; committed by git orchestra.\n\nOrchestra-Agent: {id}\n",
        task.title,
        id = task.id
    );
    let at = world::now().as_second();
    repo.write_commit(&Commit::by(&repo.identity_or_none(), at, tree, vec![parent], message))
}

/// Moves the branch to `head` and updates the worktree's index. Returns the reason if it could not.
fn advance(
    repo: &Repo,
    task: &CaptureTarget<'_>,
    shadow: &IsolatedGitDir,
    worktree: &Worktree,
    from: Oid,
    head: Oid,
) -> Result<Option<String>> {
    let index = shadow.index();
    let cannot = || format!("cannot read '{}'", index.display());
    let content = careful::read(index).context(Kind::External, cannot)?;
    let modified = fs::metadata(index).and_then(|found| found.modified()).context(Kind::External, cannot)?;
    let Some(lock) = repo.lock_file(&worktree.git_dir.join("index"), content, Some(modified))? else {
        return Ok(Some(format!(
            "the worktree's index is locked: another git is using it, or was killed and left '{}' in '.git/worktrees'",
            index_lock_name(worktree)
        )));
    };
    let edit = RefEdit { name: layout::branch_ref(task.branch), old: Some(from), new: head };
    let edits = if from == head { Vec::new() } else { vec![edit] };
    match repo.edit_refs(&edits, "orchestra: what the agent left uncommitted") {
        Ok(()) => lock.commit().map(|()| None),
        Err(e) if e.is_race() => {
            let moved = repo.find_ref(&layout::branch_ref(task.branch))? != Some(from);
            Ok(Some(if moved { "the branch moved".to_owned() } else { e.to_string() }))
        }
        Err(e) => Err(e.into()),
    }
}

/// Returns the name of the index lock for people: events contain no absolute paths.
fn index_lock_name(worktree: &Worktree) -> String {
    let name = worktree.git_dir.file_name().unwrap_or_default().to_string_lossy();
    text::one_line(&format!("{name}/index.lock"), PATH_WIDTH)
}

/// Moves the head, and keeps the old one under another ref if the new one does not contain it.
fn set_head(repo: &Repo, task: &CaptureTarget<'_>, new: Oid) -> Result<()> {
    let name = layout::head_ref(task.id);
    if let Some(old) = repo.find_ref(&name)?
        && old != new
        && repo.has_commit(old)
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
    Ok(repo.edit_refs(&[RefEdit { name: name.to_owned(), old, new }], "orchestra: work of an agent")?)
}

fn report(
    repo: &Repo,
    task: &CaptureTarget<'_>,
    shadow: &IsolatedGitDir,
    head: Oid,
    mut left_out: Vec<LeftOut>,
    off_branch: Option<String>,
) -> Result<CapturedWork> {
    let left_out_more = left_out.len().saturating_sub(MAX_LEFT_OUT) as u64;
    left_out.truncate(MAX_LEFT_OUT);
    let (files, insertions, deletions) =
        if head == task.base { (0, 0, 0) } else { diffstat(shadow, task.base, head)? };
    Ok(CapturedWork {
        head: head.into(),
        work: WorkStat {
            commits: repo.commits_between(task.base, head)?,
            files,
            insertions,
            deletions,
            left_out,
            left_out_more,
        },
        off_branch,
        remark: None,
        unrecorded: None,
        unfinished: None,
        unsaved: None,
    })
}

/// Returns the numbers of files, insertions and deletions, as `git diff --shortstat` counts them.
fn diffstat(shadow: &IsolatedGitDir, base: Oid, head: Oid) -> Result<(u64, u64, u64)> {
    let line = shadow
        .git_without_files("diff")
        .args(["--shortstat", "--no-ext-diff", "--no-textconv", "-M"])
        .args([base.to_string(), head.to_string()])
        .limit(command::LONG_LIMIT)
        .line()?;
    let count = |word: &str| {
        let part = line.split(',').find(|part| part.contains(word))?;
        part.split_whitespace().next()?.parse().ok()
    };
    Ok((count("file").unwrap_or(0), count("insertion").unwrap_or(0), count("deletion").unwrap_or(0)))
}
