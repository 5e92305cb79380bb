//! Capturing an agent's work (its commits and its uncommitted changes) through an isolated git directory.

mod place;
mod staged;

use std::{
    fs,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::place::{CapturePlace, CaptureTarget};
use crate::{
    Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo, careful, command,
        file_stat::FileStat,
        index_entries::{IndexEntries, set_stats},
        objects::Commit,
        refs::RefEdit,
        worktrees::{Worktree, WorktreeHead},
    },
    model::{
        ByteSize, CommitId, IdOrText, WorkStat,
        event::{LeftOut, MAX_LEFT_OUT},
        secret, text,
    },
    store::layout,
    worktree::{
        index_copy,
        isolated_git_dir::IsolatedGitDir,
        nested_repositories,
        stage::StagingArea,
        survey::{self, PATH_WIDTH, Survey, SurveyOptions},
        unfinished::Unfinished,
    },
    world::SecretVariables,
};

/// Maximum time to read and store a worktree.
pub const CAPTURE_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Why nothing is saved of a worktree that vanished.
const GONE: &str = "its worktree is gone: what it had not committed is not saved";
/// The width of the body of a commit, in columns.
const BODY_WIDTH: usize = 72;

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
    /// What the agent said last.
    #[serde(default)]
    pub last_words: Option<String>,
    /// Whether the worktree vanished while the agent ran; then `unsaved` says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_gone: bool,
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
            last_words: None,
            is_gone: false,
        }
    }

    /// Adds that the worktree vanished while the agent ran: nobody knows what was in it.
    pub fn without_worktree(self) -> Self {
        Self { unsaved: Some(GONE.to_owned()), is_gone: true, remark: None, off_branch: None, ..self }
    }
}

/// Captures the work at the end of an attempt. Uncommitted changes are committed to the branch, and the worktree's index is
/// updated, if the worktree has the branch checked out with no operation in progress; otherwise they are only in
/// `refs/orchestra/heads/<id>`.
///
/// # Errors
/// The worktree is gone, or something cannot be read or written. Nothing is left in between: the head moves first, then branch
/// and index together.
pub fn capture_work(
    repo: &Repo,
    target: &CaptureTarget<'_>,
    place: &CapturePlace<'_>,
) -> Result<CapturedWork> {
    let repo = &repo.syncing_together();
    let CapturePlace { isolated, worktree, .. } = place;
    let (checked_out, off_branch) = checked_out_commit(repo, target, place)?;
    let mut captured = capture_whole_tree(repo, target.max_file, place, checked_out)?;
    captured.left_out.extend(nested_repositories::missing_gitlinks(repo, target.base, captured.tree)?);
    let mut head = checked_out;
    let left = captured.tree != repo.tree_of(checked_out)?;
    if left {
        head = match head_with_same_tree(repo, target, captured.tree, checked_out)? {
            Some(known) => known,
            None => commit_leftovers(repo, target, captured.tree, checked_out)?,
        };
    } else if let Some(tip) = newer_branch_tip(repo, target, off_branch.is_some(), checked_out)? {
        head = tip;
    }
    set_head(repo, target, head)?;
    let mut off_branch_reason = off_branch;
    // An index with conflicts shows what they are; it stays.
    if left && off_branch_reason.is_none() && captured.unfinished.is_some() {
        off_branch_reason = Some("its conflicts are not resolved".to_owned());
    }
    if off_branch_reason.is_none()
        && captured.unfinished.is_none()
        && (left || !captured.stats.is_empty() || place.agent_side.is_some())
    {
        // If this fails, git only has to read some files again.
        let _ = set_stats(isolated.index(), &captured.stats);
        off_branch_reason = match staged::keep(repo, target, place, checked_out, captured.tree) {
            Ok(()) => advance_branch(repo, target, isolated, worktree, checked_out, head)?,
            Err(error) => Some(format!("what is staged cannot be saved: {}", error.one_line())),
        };
    }
    let work_so_far =
        summarize(repo, target, isolated, head, captured.left_out, off_branch_reason.filter(|_| left))?;
    Ok(CapturedWork { unfinished: captured.unfinished, ..work_so_far })
}

/// Captures the commits of an agent's branch when its worktree is gone or cannot be read.
///
/// # Errors
/// Something cannot be read or written.
pub fn capture_branch(
    repo: &Repo,
    target: &CaptureTarget<'_>,
    isolated: &IsolatedGitDir,
    why: &str,
) -> Result<CapturedWork> {
    let known = repo.find_ref(&layout::head_ref(target.id))?.unwrap_or(target.base);
    let branch = repo.find_ref(&layout::branch_ref(target.branch))?;
    let head = branch.unwrap_or(known);
    set_head(repo, target, head)?;
    let work_so_far = summarize(repo, target, isolated, head, Vec::new(), None)?;
    let why = (head != target.base).then(|| why.to_owned());
    Ok(if branch.is_some() {
        CapturedWork { remark: why, ..work_so_far }
    } else {
        CapturedWork { off_branch: why, ..work_so_far }
    })
}

/// Writes the tree of the worktree's current files and lists what would be left out, without changing a ref. `None`: another
/// branch is checked out, so the files are not the agent's work.
///
/// # Errors
/// As for [`capture_work`].
pub fn preview(
    repo: &Repo,
    target: &CaptureTarget<'_>,
    place: &CapturePlace<'_>,
) -> Result<Option<CapturedTree>> {
    let (checked_out, _) = checked_out_commit(repo, target, place)?;
    let own = WorktreeHead::Branch(layout::branch_ref(target.branch));
    match place.agents_worktree().head() {
        head if head == own || matches!(head, WorktreeHead::Detached(_)) => {
            capture_tree(target.max_file, place, checked_out).map(Some)
        }
        _ => Ok(None),
    }
}

/// Captures the files, and checks that each is stored. If one is not, they are captured once more: until a ref leads to them,
/// `git gc --prune=now` deletes new objects.
///
/// # Errors
/// As for [`capture_work`].
pub(super) fn capture_whole_tree(
    repo: &Repo,
    max_file: ByteSize,
    place: &CapturePlace<'_>,
    checked_out: Oid,
) -> Result<CapturedTree> {
    let known = Some(repo.tree_of(checked_out)?);
    let captured = capture_tree(max_file, place, checked_out)?;
    if repo.require_complete(captured.tree, known).is_ok() {
        return Ok(captured);
    }
    let captured = capture_tree(max_file, place, checked_out)?;
    repo.require_complete(captured.tree, known)?;
    Ok(captured)
}

/// Returns the commit that the worktree has checked out, and why that is not the tip of its branch.
pub(super) fn checked_out_commit(
    repo: &Repo,
    target: &CaptureTarget<'_>,
    place: &CapturePlace<'_>,
) -> Result<(Oid, Option<String>)> {
    let worktree = place.agents_worktree();
    let branch = layout::branch_ref(target.branch);
    let reason = |why: &str| Some(why.to_owned());
    match worktree.head() {
        WorktreeHead::Branch(name) => {
            let tip = place.tip(repo, &name);
            let why = if name != branch {
                reason("the worktree is on another branch")
            } else if let Some(operation) = worktree.operation() {
                Some(format!("a {operation} is in progress"))
            } else if tip.is_none() {
                reason("the branch is gone")
            } else if place.agent_side.is_some() && repo.find_ref(&branch)? != tip {
                reason("the branch moved")
            } else {
                None
            };
            Ok((tip.unwrap_or(target.base), why))
        }
        WorktreeHead::Detached(id) if !repo.has_commit(id) => {
            Ok((target.base, reason("the worktree has a detached HEAD")))
        }
        WorktreeHead::Detached(id) => Ok((id, reason("the worktree has a detached HEAD"))),
        WorktreeHead::Unknown => Ok((target.base, reason("the worktree's HEAD cannot be read"))),
    }
}

/// Returns the tip of the agent's branch if it has commits that the checked-out commit does not.
fn newer_branch_tip(
    repo: &Repo,
    target: &CaptureTarget<'_>,
    elsewhere: bool,
    checked_out: Oid,
) -> Result<Option<Oid>> {
    if !elsewhere {
        return Ok(None);
    }
    let Some(tip) = repo.find_ref(&layout::branch_ref(target.branch))? else { return Ok(None) };
    Ok((repo.commits_between(checked_out, tip)? > 0).then_some(tip))
}

/// The captured files of a worktree.
#[derive(Debug)]
pub struct CapturedTree {
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

/// Writes the tree of the worktree's files, without those that are larger than `max_file`.
///
/// # Errors
/// Something cannot be read or written.
pub(super) fn capture_tree(
    max_file: ByteSize,
    place: &CapturePlace<'_>,
    checked_out: Oid,
) -> Result<CapturedTree> {
    let isolated = place.isolated;
    let deadline = Instant::now() + CAPTURE_TIMEOUT;
    let isolated_repo = isolated.repo()?;
    let entries = initial_entries(&isolated_repo, place, checked_out)?;
    let options = SurveyOptions { repo: &isolated_repo, entries: &entries, max_file, deadline };
    let mut survey = survey::survey_worktree(place.root, &options)?;
    let (tree, stats) = match unchanged_tree(&isolated_repo, &entries, &survey, checked_out) {
        Some(tree) => (tree, Vec::new()),
        None => {
            let mut stage = StagingArea::make(place.root, &entries, isolated, max_file, deadline)?;
            let tree = stage.write(&isolated_repo, &mut survey)?;
            (tree, std::mem::take(&mut stage.stats))
        }
    };
    Ok(CapturedTree {
        unfinished: Unfinished::of(place.agents_worktree(), &survey.unmerged),
        tree,
        left_out: survey.sorted_left_out(),
        ignored: survey.ignored,
        stats: [stats, survey.touched].concat(),
    })
}

/// Returns the tree of the commit if neither the index nor the files differ from it: then git need not be asked. `None` also if that
/// cannot be told.
fn unchanged_tree(
    isolated_repo: &Repo,
    entries: &IndexEntries,
    survey: &Survey,
    checked_out: Oid,
) -> Option<Oid> {
    if !survey.is_unchanged() {
        return None;
    }
    let tree = isolated_repo.tree_of(checked_out).ok()?;
    entries.staged_since(isolated_repo, tree, 1).is_ok_and(|staged| staged.is_empty()).then_some(tree)
}

/// Starts from a copy of the worktree's own index, so that unchanged files need not be read; if it is not usable, starts from the
/// commit.
fn initial_entries(isolated_repo: &Repo, place: &CapturePlace<'_>, checked_out: Oid) -> Result<IndexEntries> {
    let isolated = place.isolated;
    let worktree = place.agents_worktree();
    if index_copy::copy_index(worktree, isolated.index()).is_ok()
        && let Ok(entries) =
            IndexEntries::read_copy(isolated_repo, isolated.index(), &worktree.git_dir.join("index"))
        && place.agent_side.is_none_or(|_| entries.objects_exist(isolated_repo))
    {
        return Ok(entries);
    }
    let _ = fs::remove_file(isolated.index());
    let git = isolated.git_without_files("read-tree").arg(checked_out.to_string());
    git.env("GIT_INDEX_FILE", isolated.index().as_os_str()).limit(command::LONG_LIMIT).run()?;
    IndexEntries::read(isolated_repo, isolated.index())
}

/// Returns the head if it already holds exactly these changes: capturing them again, when they could not go to the branch, is not
/// new work.
fn head_with_same_tree(
    repo: &Repo,
    target: &CaptureTarget<'_>,
    tree: Oid,
    parent: Oid,
) -> Result<Option<Oid>> {
    let Ok(Some(head)) = repo.find_ref(&layout::head_ref(target.id)) else { return Ok(None) };
    if !repo.has_commit(head) {
        return Ok(None);
    }
    let known = repo.read_commit(head)?;
    Ok((known.tree == tree && known.parents == [parent]).then_some(head))
}

fn commit_leftovers(repo: &Repo, target: &CaptureTarget<'_>, tree: Oid, parent: Oid) -> Result<Oid> {
    // The message is published with the branch.
    let values = SecretVariables::of(repo.environment()).values();
    let without_secrets = |text: &str| secret::redact_words(text, &values);
    let words = target.last_words.map(without_secrets);
    let words = words.map(|words| format!("{}\n\n", text::wrap(&words, BODY_WIDTH).join("\n")));
    let message = format!(
        "{}\n\n{}Left uncommitted by agent {id}; committed by git orchestra.\n\nOrchestra-Agent: {id}\n",
        without_secrets(target.title),
        words.unwrap_or_default(),
        id = target.id
    );
    let at = repo.now().as_second();
    repo.write_commit(&Commit::by(&repo.identity_or_none(), at, tree, vec![parent], message))
}

/// Moves the branch to `head` and updates the worktree's index. Returns the reason if it could not.
fn advance_branch(
    repo: &Repo,
    target: &CaptureTarget<'_>,
    isolated: &IsolatedGitDir,
    worktree: &Worktree,
    from: Oid,
    head: Oid,
) -> Result<Option<String>> {
    let index = isolated.index();
    let cannot = || format!("cannot read '{}'", index.display());
    let content = careful::read(index).context(Kind::External, cannot)?;
    let modified = fs::metadata(index).and_then(|found| found.modified()).context(Kind::External, cannot)?;
    let Some(lock) = repo.lock_file(&worktree.git_dir.join("index"), content, Some(modified))? else {
        return Ok(Some(format!(
            "the worktree's index is locked: another git is using it, or was killed and left '{}' in '.git/worktrees'",
            index_lock_name(worktree)
        )));
    };
    let edit = RefEdit { name: layout::branch_ref(target.branch), old: Some(from), new: head };
    let edits = if from == head { Vec::new() } else { vec![edit] };
    match repo.edit_refs(&edits, "orchestra: what the agent left uncommitted") {
        Ok(()) => lock.commit().map(|()| None),
        Err(e) if e.is_race() => {
            let moved = repo.find_ref(&layout::branch_ref(target.branch))? != Some(from);
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
fn set_head(repo: &Repo, target: &CaptureTarget<'_>, new: Oid) -> Result<()> {
    let name = layout::head_ref(target.id);
    if let Some(old) = repo.find_ref(&name)?
        && old != new
        && repo.has_commit(old)
        && repo.commits_between(new, old)? > 0
    {
        set_ref(repo, &layout::replaced_head_ref(target.id, &old.to_string()), old)?;
    }
    set_ref(repo, &name, new)
}

pub(super) fn set_ref(repo: &Repo, name: &str, new: Oid) -> Result<()> {
    let old = repo.find_ref(name)?;
    if old == Some(new) {
        return Ok(());
    }
    Ok(repo.edit_refs(&[RefEdit { name: name.to_owned(), old, new }], "orchestra: work of an agent")?)
}

fn summarize(
    repo: &Repo,
    target: &CaptureTarget<'_>,
    isolated: &IsolatedGitDir,
    head: Oid,
    mut left_out: Vec<LeftOut>,
    off_branch: Option<String>,
) -> Result<CapturedWork> {
    let left_out_more = left_out.len().saturating_sub(MAX_LEFT_OUT) as u64;
    left_out.truncate(MAX_LEFT_OUT);
    let (files, insertions, deletions) =
        if head == target.base { (0, 0, 0) } else { diffstat(isolated, target.base, head)? };
    Ok(CapturedWork {
        head: head.into(),
        work: WorkStat {
            commits: repo.commits_between(target.base, head)?,
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
        last_words: None,
        is_gone: false,
    })
}

/// Returns the numbers of files, insertions and deletions, as `git diff --shortstat` counts them.
fn diffstat(isolated: &IsolatedGitDir, base: Oid, head: Oid) -> Result<(u64, u64, u64)> {
    let line = isolated
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
