//! What needs a repository for longer than an event runs in a short-lived child, so that the supervisor stays small:
//! making the worktree, taking the work.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{ChildStderr, ChildStdout, Stdio},
    time::Duration,
};

use crate::{
    Error, Kind, Result,
    error::Context,
    git::{Git, Oid, Repo, command, objects::Commit, refs::Edit, worktrees::Worktree},
    lock::Lock,
    model::AgentId,
    process,
    store::layout::{self, AgentDir, Private},
    supervise::{conversations, mend, processes::NONCE, spec::Spec},
    worktree::{
        list, make, named,
        shadow::Shadow,
        take::{self, Taken, Task},
    },
    world,
};

/// The longest a helper may take.
pub const LIMIT: Duration = Duration::from_secs(60 * 60);
/// Output up to this size is stored in memory, in bytes; a longer one by git, which streams it.
const IN_MEMORY: u64 = 16 << 20;

/// Longest answer of a helper, in bytes: what a pipe holds.
const ANSWER: u64 = 64 << 10;

/// What a helper does. The word is its argument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Job {
    /// Make the worktree.
    Prepare,
    /// Keep the worktree as it is now.
    Snapshot,
    /// Take the work for good, and store the output.
    Take,
}

impl Job {
    /// All jobs.
    pub const ALL: [Self; 3] = [Self::Prepare, Self::Snapshot, Self::Take];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Snapshot => "snapshot",
            Self::Take => "take",
        }
    }

    /// The job of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|job| job.as_str() == word)
    }
}

/// A helper at work.
#[derive(Debug)]
pub struct Helper {
    /// Its number, to wait for.
    pub pid: i32,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Helper {
    /// Starts a helper.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(common_dir: &Path, id: &AgentId, nonce: &str, job: Job) -> Result<Self> {
        let cannot = || format!("cannot start the helper '{}' of agent '{id}'", job.as_str());
        let mut child = process::command(world::this_program())
            .arg(job.as_str())
            .arg(common_dir)
            .arg(id.as_str())
            .current_dir(common_dir)
            .env(NONCE, nonce)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context(Kind::External, cannot)?;
        let pid = i32::try_from(child.id()).context(Kind::Internal, cannot)?;
        Ok(Self { pid, stdout: child.stdout.take(), stderr: child.stderr.take() })
    }

    /// What it took; to be asked when it has ended.
    ///
    /// # Errors
    /// It did not say.
    pub fn taken(self) -> Result<Taken> {
        let mut said = Vec::new();
        let _ = self.stdout.map(|pipe| pipe.take(ANSWER).read_to_end(&mut said));
        serde_json::from_slice(&said).context(Kind::Internal, || "the helper's answer is malformed".into())
    }

    /// What it said on failing, on one line; to be asked when it has ended. It says little, so a pipe holds it, also on
    /// a full disk.
    pub fn last_words(self) -> String {
        let mut said = String::new();
        let _ = self.stderr.map(|pipe| pipe.take(8192).read_to_string(&mut said));
        let lines: Vec<&str> =
            said.lines().map(str::trim).filter(|line| !line.starts_with("hint:")).collect();
        let said = lines.join(": ");
        let said = said.trim_start_matches("error:").trim();
        if said.is_empty() { "it said nothing".to_owned() } else { said.to_owned() }
    }
}

/// Does a helper's job, in this process. Gives what was taken, if that was the job.
///
/// # Errors
/// Whatever stands in its way.
pub fn work(common_dir: &Path, id: &AgentId, job: Job) -> Result<Option<Taken>> {
    let dir = Private::new(common_dir.join("orchestra")).agent(id);
    let spec = Spec::read(&dir)?;
    let _lock = Lock::require(&dir.spec(), Duration::from_secs(1))?;
    match job {
        Job::Prepare => {
            let repo = Repo::open_for_checkout(common_dir)?;
            prepare(&repo, id, &dir, &spec).map(|()| None)
        }
        Job::Snapshot => {
            let repo = Repo::open(common_dir)?;
            with_worktree(&repo, id, &dir, &spec, |task, shadow, worktree| match worktree {
                Some(worktree) => take::snapshot(&repo, task, shadow, worktree),
                None => Err(Error::refused("the worktree is gone")),
            })
            .map(|()| None)
        }
        Job::Take => {
            let repo = Repo::open(common_dir)?;
            take_work(&repo, id, &dir, &spec).map(Some)
        }
    }
}

/// Makes the worktree; where the agent had one, that, or one like it: on its branch, with what the last snapshot had on top.
fn prepare(repo: &Repo, id: &AgentId, dir: &AgentDir, spec: &Spec) -> Result<()> {
    if spec.resumed
        && let Some(worktree) = list::of_agent(repo, id, &spec.branch)?
    {
        mend::refuse_half_made(&worktree)?;
        if worktree.path.join(".git").exists() {
            return Ok(());
        }
        keep_registration(repo, id, spec, &worktree)?;
        worktree.set_aside(&Private::new(repo.private_dir()?).gone())?;
    }
    let start = if spec.resumed { repo.find_ref(&layout::head_ref(id))? } else { None };
    make::make(repo, &spec.branch, start.map_or_else(|| base(spec), Ok)?, &spec.worktree)?;
    if spec.resumed {
        with_worktree(repo, id, dir, spec, |task, shadow, _| take::restore(repo, task, shadow))?;
    }
    Ok(())
}

/// Keeps what git remembers only by the registration of a worktree whose files are gone: what was staged, commits on no branch.
fn keep_registration(repo: &Repo, id: &AgentId, spec: &Spec, worktree: &Worktree) -> Result<()> {
    let tip = repo.find_ref(&layout::branch_ref(&spec.branch))?.map_or_else(|| base(spec), Ok)?;
    let named = named::named(repo, &worktree.git_dir, &[], tip)?;
    if named.commits.is_empty() && named.others.is_none() {
        return Ok(());
    }
    let tree = named.others.map_or_else(|| repo.write_tree(&[]), Ok)?;
    let message = format!("registration of a worktree of agent {id} whose files are gone\n");
    let commit = Commit::by(&repo.identity()?, world::now().as_second(), tree, named.commits, message);
    let new = repo.write_commit(&commit)?;
    let name = layout::gone_registration_ref(id, &new.to_string());
    match repo.find_ref(&name)? {
        Some(_) => Ok(()),
        None => repo.edit_refs(&[Edit { name, old: None, new }], "orchestra: a worktree is gone"),
    }
}

/// Waits, for a minute at most, until a helper that outlived its supervisor is done: killed, it would leave git's lock on the
/// worktree's index behind.
pub fn wait_for_an_orphan(dir: &AgentDir) {
    if dir.spec().exists() {
        let _ = Lock::take(&dir.spec(), Duration::from_secs(60));
    }
}

/// Stores the output, then takes the work.
///
/// # Errors
/// The worktree is gone, or something cannot be written.
pub fn take_work(repo: &Repo, id: &AgentId, dir: &AgentDir, spec: &Spec) -> Result<Taken> {
    store_output(repo, id, dir)?;
    // The work counts for more: a conversation that cannot be kept now can be kept later.
    let _ = conversations::keep_of_agent(repo, id);
    with_worktree(repo, id, dir, spec, |task, shadow, worktree| match worktree {
        Some(worktree) => take::finish(repo, task, shadow, worktree),
        None => take::branch_only(repo, task, shadow),
    })
}

fn with_worktree<T>(
    repo: &Repo,
    id: &AgentId,
    dir: &AgentDir,
    spec: &Spec,
    what: impl FnOnce(&Task<'_>, &Shadow, Option<&Worktree>) -> Result<T>,
) -> Result<T> {
    let worktree = list::of_agent(repo, id, &spec.branch)?.filter(|worktree| worktree.path.is_dir());
    let path = worktree.as_ref().map_or_else(|| spec.worktree.clone(), |worktree| worktree.path.clone());
    let frozen = Private::new(repo.private_dir()?).frozen().join(&spec.frozen);
    let shadow = Shadow::at(frozen, dir.index(), path, repo.common_dir()?);
    let task = Task {
        id,
        title: &spec.title,
        branch: &spec.branch,
        base: base(spec)?,
        max_file: spec.limits.max_file,
    };
    what(&task, &shadow, worktree.as_ref())
}

fn base(spec: &Spec) -> Result<Oid> {
    Oid::parse(&spec.base).ok_or_else(|| Error::internal(format!("'{}' is no commit", spec.base)))
}

/// Puts the output of all attempts under the agent's log ref.
///
/// # Errors
/// Something cannot be read or written.
pub fn store_output(repo: &Repo, id: &AgentId, dir: &AgentDir) -> Result<()> {
    let mut blobs: Vec<(String, Oid)> = Vec::new();
    let entries = fs::read_dir(dir.dir())
        .context(Kind::External, || format!("cannot read '{}'", dir.dir().display()))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".out") || name.ends_with(".err") || name == layout::SPEC {
            blobs.push((name, store_file(repo, &entry.path())?));
        }
    }
    let said_nothing = !blobs.iter().any(|(name, _)| name.ends_with(".out"));
    // A spawn that was killed leaves the order of an agent that never came to be.
    if said_nothing && (blobs.is_empty() || repo.find_ref(&layout::agent_ref(id))?.is_none()) {
        return Ok(());
    }
    let name = layout::log_ref(id);
    let old = repo.find_ref(&name)?;
    if let Some(old) = old {
        for (known, blob) in repo.blobs_of(old)? {
            if !blobs.iter().any(|(new, _)| *new == known) {
                blobs.push((known, blob));
            }
        }
    }
    let entries: Vec<(&str, Oid)> = blobs.iter().map(|(name, id)| (name.as_str(), *id)).collect();
    let tree = repo.write_tree(&entries)?;
    if old.is_some_and(|old| repo.tree_of(old).is_ok_and(|known| known == tree)) {
        return Ok(());
    }
    let message = format!("output of agent {id}\n");
    let commit =
        Commit::by(&repo.identity()?, world::now().as_second(), tree, old.into_iter().collect(), message);
    let new = repo.write_commit(&commit)?;
    repo.edit_refs(&[Edit { name, old, new }], "orchestra: output of an agent")
}

fn store_file(repo: &Repo, path: &Path) -> Result<Oid> {
    let cannot = || format!("cannot store '{}'", path.display());
    let size = fs::metadata(path).context(Kind::External, cannot)?.len();
    if size <= IN_MEMORY {
        return repo.write_blob(&fs::read(path).context(Kind::External, cannot)?);
    }
    let common = repo.common_dir()?;
    let hex = Git::new(&common, "hash-object")
        .args(["-w", "--no-filters", "--"])
        .arg(path)
        .limit(command::LONG)
        .line()?;
    Oid::parse(&hex).ok_or_else(|| Error::internal("git hash-object gave no id"))
}
