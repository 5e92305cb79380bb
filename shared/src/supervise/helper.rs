//! Helpers: short-lived child processes of a supervisor that create the worktree and capture the work, so that the supervisor stays
//! small.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{ChildStderr, ChildStdout, Stdio},
    time::Duration,
};

use serde::Serialize;

use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    git::{Repo, objects::Commit, refs::RefEdit, worktrees::Worktree},
    lock::Lock,
    model::{
        AgentId, SandboxLevel,
        cap::{Amounts, Scopes},
        words::words,
    },
    process,
    store::{
        layout::{self, AgentDir, PrivateDir},
        points::PointKind,
    },
    supervise::{
        caps_above, conversations, dependencies, last_words, points,
        processes::{NONCE, SUPERVISOR},
        readying, repair,
        spec::Spec,
        spending::{self, Measured},
        stored_output,
    },
    surroundings,
    worktree::{
        capture::{self, CapturePlace, CaptureTarget, CapturedWork},
        isolated_git_dir::{FrozenConfig, IsolatedGitDir},
        list, make, open_worktree,
        private_git_dir::{Origin, PrivateGitDir},
        private_home::PrivateHome,
        registration_objects,
        root::WorktreeRoot,
        snapshots,
    },
    world::Environment,
};

/// The time limit for creating a worktree.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// The time limit for capturing the work, and for storing the output and the conversation.
const CAPTURE_TIMEOUT: Duration = capture::CAPTURE_TIMEOUT.saturating_add(Duration::from_secs(5 * 60));
/// The time limit for a snapshot of a running agent's worktree; the next one follows in a minute.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(60);

/// The time limit for a check of the base, besides that of the check itself: it may wait for a slot of the machine.
const CHECK_BASE_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// The maximum length of a helper's answer, in bytes: the capacity of a pipe.
const MAX_ANSWER: u64 = 64 << 10;

words! {
    /// The task of a helper. The word is its first argument.
    pub enum HelperTask {
        /// Create the worktree.
        Prepare = "prepare",
        /// Take a snapshot of the worktree.
        Snapshot = "snapshot",
        /// Take a snapshot of the worktree after a turn.
        Turn = "turn",
        /// Sum what the other agents of this clone used.
        Sum = "sum",
        /// Capture the work at the end of an attempt, and store the output.
        Capture = "take",
        /// Run the agent's check on its base, and record the outcome.
        CheckBase = "check-base",
        /// Make the worktree ready for the next role of a team: what a role changed that does not write is taken back.
        HandOver = "hand-over",
    }
}

impl HelperTask {
    /// Returns the time limit of the task.
    pub const fn limit(self) -> Duration {
        match self {
            Self::Prepare => PREPARE_TIMEOUT,
            Self::Snapshot | Self::Turn | Self::Sum => SNAPSHOT_TIMEOUT,
            Self::Capture | Self::HandOver => CAPTURE_TIMEOUT,
            Self::CheckBase => CHECK_BASE_TIMEOUT,
        }
    }
}

/// A running helper.
#[derive(Debug)]
pub struct Helper {
    /// The process id, to wait for.
    pub pid: i32,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Helper {
    /// Starts a helper for an agent, with further variables for the filters that it runs.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        environment: &Environment,
        common_dir: &Path,
        id: &AgentId,
        nonce: &str,
        job: HelperTask,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let cannot = || format!("cannot start the helper '{}' of agent '{id}'", job.as_str());
        let mut command = process::background_command(environment, SUPERVISOR);
        command
            .arg(job.as_str())
            .arg(common_dir)
            .arg(id.as_str())
            .current_dir(common_dir)
            .env(NONCE, nonce)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = process::spawn(&mut command).context(Code::SupervisorFailed, cannot)?;
        let pid = i32::try_from(child.id()).context(Kind::Internal, cannot)?;
        Ok(Self { pid, stdout: child.stdout.take(), stderr: child.stderr.take() })
    }

    /// Returns the work that the helper captured. To be called after it has ended.
    ///
    /// # Errors
    /// The helper's answer cannot be parsed.
    pub fn captured(self) -> Result<CapturedWork> {
        let mut said = Vec::new();
        let _ = self.stdout.map(|pipe| pipe.take(MAX_ANSWER).read_to_end(&mut said));
        serde_json::from_slice(&said)
            .context(Code::StateDamaged, || "the helper's answer is malformed".into())
    }

    /// Returns the sum that the helper made. To be called after it has ended.
    ///
    /// # Errors
    /// The helper's answer cannot be parsed.
    pub fn sum(self) -> Result<Scopes<Amounts>> {
        let mut said = Vec::new();
        let _ = self.stdout.map(|pipe| pipe.take(MAX_ANSWER).read_to_end(&mut said));
        serde_json::from_slice(&said)
            .context(Code::StateDamaged, || "the helper's answer is malformed".into())
    }

    /// Returns the helper's error on one line. To be called after it has ended. The text is short, so a pipe holds it, even on a
    /// full disk.
    pub fn last_words(self) -> String {
        let mut said = String::new();
        let _ = self.stderr.map(|pipe| pipe.take(8192).read_to_string(&mut said));
        let lines: Vec<&str> =
            said.lines().map(str::trim).filter(|line| !line.starts_with("hint:")).collect();
        let said = lines.join(": ");
        let said = said.trim_start_matches("error:").trim();
        if said.is_empty() { "it printed no error".to_owned() } else { said.to_owned() }
    }
}

/// What a helper found out.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum TaskAnswer {
    /// The work that it captured.
    Captured(Box<CapturedWork>),
    /// What the other agents used.
    Sum(Scopes<Amounts>),
}

/// Does a helper's task in this process, except [`HelperTask::CheckBase`] and [`HelperTask::HandOver`], which are done above this module. Returns what it found out,
/// if that is the task.
///
/// # Errors
/// Whatever stands in its way.
pub fn run_task(
    environment: &Environment,
    common_dir: &Path,
    id: &AgentId,
    job: HelperTask,
) -> Result<Option<TaskAnswer>> {
    let dir = PrivateDir::new(common_dir.join("orchestra")).agent(id);
    let spec = Spec::read(&dir)?;
    let _lock = Lock::require(&dir.spec(), Duration::from_secs(1))?;
    match job {
        HelperTask::Prepare => {
            let frozen = FrozenConfig::kept(
                &PrivateDir::new(common_dir.join("orchestra")).frozen(),
                &spec.frozen,
                common_dir,
            )?;
            let repo = Repo::open_for_checkout_as_frozen(environment, common_dir, &frozen)?
                .with_identity(spec.identity.as_ref());
            surroundings::record_snapshot(environment, common_dir, &dir, &frozen)?;
            let spec = with_work_of_others(&repo, id, &dir, spec)?;
            prepare_worktree(&repo, id, &dir, &spec)?;
            if spec.sandbox.is_some() {
                prepare_git_dir(&repo, id, &spec)?;
            }
            Ok(None)
        }
        HelperTask::Snapshot | HelperTask::Turn => {
            let repo = Repo::open(environment, common_dir)?.with_identity(spec.identity.as_ref());
            let worktree = registered(&repo, id, &spec)?
                .ok_or_else(|| Error::new(Code::WorktreeMissing, "the worktree is gone"))?;
            let root = open_worktree::open_worktree(&repo, &worktree, spec.worktree_identity())?;
            let own = FreshGitDir::of(&repo, &dir, &spec, root.path())?;
            snapshots::save(
                &repo,
                &capture_target(id, &spec),
                // What the agent's own git says is read when no process of the agent can change it.
                &CapturePlace { root: &root, worktree: &worktree, agent_side: None, isolated: &own.isolated },
            )?;
            let kind = if job == HelperTask::Turn { PointKind::Turn } else { PointKind::Time };
            // The snapshot is more important, and is there.
            let _ = points::of_snapshot(&repo, id, &dir, &spec, kind);
            Ok(None)
        }
        HelperTask::Capture => {
            let repo = Repo::open(environment, common_dir)?;
            let captured = capture_work(&repo, id, &dir, &spec)?;
            Ok(Some(TaskAnswer::Captured(Box::new(captured))))
        }
        HelperTask::Sum => {
            let (now, zone) = (environment.now(), environment.time_zone());
            let midnight = spending::begin_of(spending::day_of(now, &zone), &zone, now);
            let measured = Measured { except: Some(id), run: &spec.spending.run, midnight };
            let repo = Repo::open(environment, common_dir)?;
            let mut sum = spending::of_clone(&repo, &measured)?;
            sum.agent = sum.agent.plus(caps_above::used_above(&repo, id, &spec.spending)?);
            Ok(Some(TaskAnswer::Sum(sum)))
        }
        HelperTask::CheckBase | HelperTask::HandOver => Err(Error::internal("this task needs landings")),
    }
}

/// Lets an agent that waited for others start with their work.
fn with_work_of_others(repo: &Repo, id: &AgentId, dir: &AgentDir, spec: Spec) -> Result<Spec> {
    if spec.after.is_empty() {
        return Ok(spec);
    }
    let base = dependencies::begin_with_work(repo, id, &spec)?;
    let spec = Spec { base, after: Vec::new(), after_work: Vec::new(), ..spec };
    spec.write(dir)?;
    Ok(spec)
}

/// Makes the private git directory of an agent in a sandbox, after everything that is in the earlier one was imported.
///
/// # Errors
/// It cannot be imported or made.
pub fn prepare_git_dir(repo: &Repo, id: &AgentId, spec: &Spec) -> Result<()> {
    let worktree = registered(repo, id, spec)?
        .ok_or_else(|| Error::new(Code::WorktreeMissing, "the worktree is gone"))?;
    let identity = spec.identity.clone().map_or_else(|| repo.identity(), Ok)?;
    let settings = frozen(repo, spec)?;
    let origin =
        Origin { branch: &spec.branch, worktree: &worktree, settings: &settings, identity: &identity };
    let git = PrivateGitDir::of(&repo.common_dir()?, id);
    git.import(repo, &spec.branch, &worktree.path)?;
    // Links that another engine placed would hide what this one shows.
    PrivateHome::of(&repo.common_dir()?, id).remove_links();
    git.prepare(repo, &origin)
}

/// Creates the worktree, or uses the one that a resumed agent has. If that is gone, creates it again on the agent's branch, with
/// the files of the last snapshot. Records which folder it is.
fn prepare_worktree(repo: &Repo, id: &AgentId, dir: &AgentDir, spec: &Spec) -> Result<()> {
    if spec.resumed
        && let Some(worktree) = list::worktree_of_agent(repo, id, &spec.branch)?
    {
        repair::refuse_incomplete(&worktree)?;
        if worktree.exists() {
            let root = open_worktree::open_worktree(repo, &worktree, spec.worktree_identity())?;
            if root.has_git_file() {
                return readying::make_ready(repo, id, dir, spec, &root);
            }
        }
        keep_registration(repo, id, spec, &worktree)?;
        worktree.move_registration(&PrivateDir::new(repo.private_dir()?).gone())?;
    }
    let start = if spec.resumed { repo.find_ref(&layout::head_ref(id))? } else { None };
    make::make_worktree(repo, &spec.branch, start.unwrap_or(spec.base), &spec.worktree)?;
    if spec.resumed {
        snapshots::restore(
            repo,
            &capture_target(id, spec),
            &FreshGitDir::of(repo, dir, spec, &spec.worktree)?.isolated,
        )?;
    }
    let root = WorktreeRoot::open(&spec.worktree);
    let root = root.context(Kind::External, || format!("cannot open '{}'", spec.worktree.display()))?;
    readying::make_ready(repo, id, dir, spec, &root)
}

/// Keeps what git references only through the registration of a worktree whose files are gone: staged files, detached commits.
fn keep_registration(repo: &Repo, id: &AgentId, spec: &Spec, worktree: &Worktree) -> Result<()> {
    let tip = repo.find_ref(&layout::branch_ref(&spec.branch))?.unwrap_or(spec.base);
    let named = registration_objects::referenced_objects(repo, &worktree.git_dir, &[], tip)?;
    if named.commits.is_empty() && named.others.is_none() {
        return Ok(());
    }
    let tree = named.others.map_or_else(|| repo.write_tree(&[]), Ok)?;
    let message = format!("registration of a worktree of agent {id} whose files are gone\n");
    let commit = Commit::by(&repo.identity()?, repo.now().as_second(), tree, named.commits, message);
    let new = repo.write_commit(&commit)?;
    let name = layout::gone_registration_ref(id, &new.to_string());
    match repo.find_ref(&name)? {
        Some(_) => Ok(()),
        None => Ok(repo.edit_refs(&[RefEdit { name, old: None, new }], "orchestra: a worktree is gone")?),
    }
}

/// Waits up to a minute for a helper that outlived its supervisor: if it were killed, it would leave git's lock on the worktree's
/// index.
pub fn wait_for_orphaned_helper(dir: &AgentDir) {
    if dir.spec().exists() {
        let _ = Lock::take(&dir.spec(), Duration::from_secs(60));
    }
}

/// Stores the output of an agent, then captures its work.
///
/// # Errors
/// The work cannot be captured, or something cannot be written.
pub fn capture_work(repo: &Repo, id: &AgentId, dir: &AgentDir, spec: &Spec) -> Result<CapturedWork> {
    let repo = &repo.with_identity(spec.identity.as_ref());
    stored_output::store_output(repo, id, dir)?;
    let last_words = last_words::of_attempt(dir, spec, &repo.common_dir()?);
    // The work is more important: a conversation that cannot be stored now can be stored later.
    let _ = conversations::store_of_agent(repo, id);
    let target = CaptureTarget { last_words: last_words.as_deref(), ..capture_target(id, spec) };
    let mut captured = capture_files(repo, &target, dir, spec)?;
    // The work is captured even if this fails.
    let recorded = surroundings::record_changes(repo, id, &spec.branch, dir, &frozen(repo, spec)?);
    captured.unrecorded = recorded.err().map(|error| error.one_line());
    let _ = points::of_work(repo, id, spec, &captured, last_words.clone());
    captured.last_words = last_words;
    Ok(captured)
}

fn capture_files(repo: &Repo, task: &CaptureTarget<'_>, dir: &AgentDir, spec: &Spec) -> Result<CapturedWork> {
    let Some(worktree) = registered(repo, task.id, spec)? else {
        let own = FreshGitDir::of(repo, dir, spec, &spec.worktree)?;
        let captured = capture::capture_branch(repo, task, &own.isolated, "its worktree is gone")?;
        if fs::symlink_metadata(&spec.worktree).is_err() {
            // One that was never made held nothing.
            return Ok(if spec.folder.is_none() { captured } else { captured.without_worktree() });
        }
        let unregistered = "the worktree is no longer registered (git worktree repair)".to_owned();
        return Ok(CapturedWork { unsaved: Some(unregistered), ..captured });
    };
    let replaced = put_git_back(repo, task.id, spec, &worktree);
    let imported = PrivateGitDir::of(&repo.common_dir()?, task.id).import(repo, task.branch, &worktree.path);
    let (side, not_imported) = match imported {
        Ok(side) => (side, None),
        Err(error) => (None, Some(format!("its commits cannot be imported: {}", error.one_line()))),
    };
    let finished = open_worktree::open_worktree(repo, &worktree, spec.worktree_identity()).and_then(|root| {
        let own = FreshGitDir::of(repo, dir, spec, root.path())?;
        capture::capture_work(
            repo,
            task,
            &CapturePlace {
                root: &root,
                worktree: &worktree,
                agent_side: side.as_ref(),
                isolated: &own.isolated,
            },
        )
    });
    let finished = finished
        .map(|captured| CapturedWork { unsaved: not_imported.or(captured.unsaved.clone()), ..captured })
        .map(|captured| CapturedWork { remark: captured.remark.clone().or(replaced), ..captured });
    finished.or_else(|error| {
        // The agent's commits can still be captured.
        let why = error.one_line();
        let own = FreshGitDir::of(repo, dir, spec, &worktree.path)?;
        let captured = capture::capture_branch(repo, task, &own.isolated, &why);
        captured.map(|captured| CapturedWork { unsaved: Some(why), ..captured }).map_err(|_| error)
    })
}

/// Puts back the `.git` of a worktree that an agent in a sandbox replaced: git of a person would follow it, and run what it names.
/// Returns what is to be said.
fn put_git_back(repo: &Repo, id: &AgentId, spec: &Spec, worktree: &Worktree) -> Option<String> {
    if spec.sandbox == SandboxLevel::None {
        return None;
    }
    // Paths are not in what is said: that travels to other clones.
    let replaced = "it replaced '.git' in its worktree";
    let aside = PrivateHome::of(&repo.common_dir().ok()?, id).place_for_git();
    let put_back = aside.as_deref().map(|aside| worktree.put_link_back(&worktree.path, aside));
    match (put_back, aside.as_deref().and_then(Path::file_name)) {
        (Some(Ok(false)), _) => None,
        (Some(Ok(true)), Some(name)) => Some(format!(
            "{replaced}; what it put there is in its private home folder, as {}",
            name.display()
        )),
        (Some(Err(error)), _) => Some(format!("{replaced}, so run no git there: {}", error.one_line())),
        _ => Some(format!("{replaced} too often, so run no git there")),
    }
}

/// Returns the agent's worktree, if it is registered and exists.
fn registered(repo: &Repo, id: &AgentId, spec: &Spec) -> Result<Option<Worktree>> {
    Ok(list::worktree_of_agent(repo, id, &spec.branch)?.filter(Worktree::exists))
}

/// Returns the folder with the settings at the time the agent was started; defaults if the stored ones were changed.
fn frozen(repo: &Repo, spec: &Spec) -> Result<PathBuf> {
    FrozenConfig::kept(&PrivateDir::new(repo.private_dir()?).frozen(), &spec.frozen, &repo.common_dir()?)
}

/// An isolated git directory with a fresh index: a git process that was killed may have left a lock on an earlier index, and one
/// that outlived its helper may still be writing it.
struct FreshGitDir {
    isolated: IsolatedGitDir,
    _folder: tempfile::TempDir,
}

impl FreshGitDir {
    fn of(repo: &Repo, dir: &AgentDir, spec: &Spec, files: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("index-").tempdir_in(dir.dir());
        let folder =
            folder.context(Kind::External, || format!("cannot write in '{}'", dir.dir().display()))?;
        let index = folder.path().join("index");
        let isolated = IsolatedGitDir::at(
            repo.environment(),
            frozen(repo, spec)?,
            index,
            files.to_owned(),
            repo.common_dir()?,
        );
        Ok(Self { isolated, _folder: folder })
    }
}

fn capture_target<'a>(id: &'a AgentId, spec: &'a Spec) -> CaptureTarget<'a> {
    let max_file = spec.limits.max_file;
    CaptureTarget {
        id,
        title: &spec.title,
        last_words: None,
        branch: &spec.branch,
        base: spec.base,
        max_file,
    }
}
