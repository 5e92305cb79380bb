//! What needs a repository for longer than an event runs in a short-lived child, so that the supervisor stays small:
//! making the worktree, taking the work.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{ChildStderr, ChildStdout, Stdio},
    time::Duration,
};

use crate::{
    Code, Error, Kind, Result,
    error::Context,
    git::{Repo, objects::Commit, refs::RefEdit, worktrees::Worktree},
    lock::Lock,
    model::{AgentId, words::words},
    process,
    store::layout::{self, AgentDir, PrivateDir},
    supervise::{conversations, processes::NONCE, repair, spec::Spec, stored_output},
    surroundings,
    worktree::{
        capture::{self, CapturePlace, CaptureTarget, CapturedWork},
        isolated_git_dir::{FrozenConfig, IsolatedGitDir},
        list, make, open_worktree, registration_objects,
        root::Root,
    },
    world::{self, Environment},
};

/// The longest that making a worktree may take.
const PREPARING: Duration = Duration::from_secs(60 * 60);
/// The longest that taking the work may take: reading and storing it, and the output and the conversation besides.
const TAKING: Duration = capture::LIMIT.saturating_add(Duration::from_secs(5 * 60));
/// The longest that a running agent's worktree may take to be kept; the next try comes in a minute.
const KEEPING: Duration = Duration::from_secs(60);

/// Longest answer of a helper, in bytes: what a pipe holds.
const ANSWER: u64 = 64 << 10;

words! {
    /// What a helper does. The word is its argument.
    pub enum Job {
        /// Make the worktree.
        Prepare = "prepare",
        /// Keep the worktree as it is now.
        Snapshot = "snapshot",
        /// Take the work for good, and store the output.
        Take = "take",
    }
}

impl Job {
    /// The longest it may take.
    pub const fn limit(self) -> Duration {
        match self {
            Self::Prepare => PREPARING,
            Self::Snapshot => KEEPING,
            Self::Take => TAKING,
        }
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
    pub fn start(
        environment: &Environment,
        common_dir: &Path,
        id: &AgentId,
        nonce: &str,
        job: Job,
    ) -> Result<Self> {
        let cannot = || format!("cannot start the helper '{}' of agent '{id}'", job.as_str());
        let mut command = process::own(environment, world::this_program());
        command
            .arg(job.as_str())
            .arg(common_dir)
            .arg(id.as_str())
            .current_dir(common_dir)
            .env(NONCE, nonce)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = process::spawn(&mut command).context(Code::SupervisorFailed, cannot)?;
        let pid = i32::try_from(child.id()).context(Kind::Internal, cannot)?;
        Ok(Self { pid, stdout: child.stdout.take(), stderr: child.stderr.take() })
    }

    /// What it took; to be asked when it has ended.
    ///
    /// # Errors
    /// It did not say.
    pub fn taken(self) -> Result<CapturedWork> {
        let mut said = Vec::new();
        let _ = self.stdout.map(|pipe| pipe.take(ANSWER).read_to_end(&mut said));
        serde_json::from_slice(&said)
            .context(Code::StateDamaged, || "the helper's answer is malformed".into())
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
pub fn work(
    environment: &Environment,
    common_dir: &Path,
    id: &AgentId,
    job: Job,
) -> Result<Option<CapturedWork>> {
    let dir = PrivateDir::new(common_dir.join("orchestra")).agent(id);
    let spec = Spec::read(&dir)?;
    let _lock = Lock::require(&dir.spec(), Duration::from_secs(1))?;
    match job {
        Job::Prepare => {
            let frozen = FrozenConfig::kept(
                &PrivateDir::new(common_dir.join("orchestra")).frozen(),
                &spec.frozen,
                common_dir,
            )?;
            let repo = Repo::open_for_checkout_as_frozen(environment, common_dir, &frozen)?
                .acting_as(spec.identity.as_ref());
            surroundings::before(environment, common_dir, &dir, &frozen)?;
            prepare(&repo, id, &dir, &spec).map(|()| None)
        }
        Job::Snapshot => {
            let repo = Repo::open(environment, common_dir)?.acting_as(spec.identity.as_ref());
            let worktree = registered(&repo, id, &spec)?
                .ok_or_else(|| Error::new(Code::WorktreeMissing, "the worktree is gone"))?;
            let root = open_worktree::enter(&repo, &worktree, spec.made())?;
            let own = OwnShadow::of(&repo, &dir, &spec, root.path())?;
            capture::snapshot(
                &repo,
                &task(id, &spec),
                &CapturePlace { root: &root, worktree: &worktree, shadow: &own.shadow },
            )?;
            Ok(None)
        }
        Job::Take => {
            let repo = Repo::open(environment, common_dir)?;
            take_work(&repo, id, &dir, &spec).map(Some)
        }
    }
}

/// Makes the worktree; where the agent had one, that, or one like it: on its branch, with what the last snapshot had on top.
/// Writes down which folder it is.
fn prepare(repo: &Repo, id: &AgentId, dir: &AgentDir, spec: &Spec) -> Result<()> {
    if spec.resumed
        && let Some(worktree) = list::of_agent(repo, id, &spec.branch)?
    {
        repair::refuse_incomplete(&worktree)?;
        if worktree.is_there() {
            let root = open_worktree::enter(repo, &worktree, spec.made())?;
            if root.has_git_file() {
                return remember_folder(&root, dir, spec);
            }
        }
        keep_registration(repo, id, spec, &worktree)?;
        worktree.set_aside(&PrivateDir::new(repo.private_dir()?).gone())?;
    }
    let start = if spec.resumed { repo.find_ref(&layout::head_ref(id))? } else { None };
    make::make(repo, &spec.branch, start.unwrap_or(spec.base), &spec.worktree)?;
    if spec.resumed {
        capture::restore(repo, &task(id, spec), &OwnShadow::of(repo, dir, spec, &spec.worktree)?.shadow)?;
    }
    let root = Root::open(&spec.worktree);
    let root = root.context(Kind::External, || format!("cannot open '{}'", spec.worktree.display()))?;
    remember_folder(&root, dir, spec)
}

fn remember_folder(root: &Root, dir: &AgentDir, spec: &Spec) -> Result<()> {
    let folder = root.identity().context(Kind::External, || "cannot look at the worktree".into())?;
    if spec.folder == Some(folder) {
        return Ok(());
    }
    Spec { folder: Some(folder), ..spec.clone() }.write(dir)
}

/// Keeps what git remembers only by the registration of a worktree whose files are gone: what was staged, commits on no branch.
fn keep_registration(repo: &Repo, id: &AgentId, spec: &Spec, worktree: &Worktree) -> Result<()> {
    let tip = repo.find_ref(&layout::branch_ref(&spec.branch))?.unwrap_or(spec.base);
    let named = registration_objects::named(repo, &worktree.git_dir, &[], tip)?;
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
pub fn take_work(repo: &Repo, id: &AgentId, dir: &AgentDir, spec: &Spec) -> Result<CapturedWork> {
    let repo = &repo.acting_as(spec.identity.as_ref());
    stored_output::store_output(repo, id, dir)?;
    // The work counts for more: a conversation that cannot be kept now can be kept later.
    let _ = conversations::keep_of_agent(repo, id);
    let mut taken = take_files(repo, id, dir, spec)?;
    // The work is taken, whatever becomes of this.
    let recorded = surroundings::after(repo, id, dir, &frozen(repo, spec)?);
    taken.unrecorded = recorded.err().map(|error| error.one_line());
    Ok(taken)
}

fn take_files(repo: &Repo, id: &AgentId, dir: &AgentDir, spec: &Spec) -> Result<CapturedWork> {
    let task = task(id, spec);
    let Some(worktree) = registered(repo, id, spec)? else {
        let own = OwnShadow::of(repo, dir, spec, &spec.worktree)?;
        let taken = capture::branch_only(repo, &task, &own.shadow, "its worktree is gone")?;
        let unregistered = "git does not know the worktree any more (git worktree repair)".to_owned();
        let unsaved = fs::symlink_metadata(&spec.worktree).is_ok().then_some(unregistered);
        return Ok(CapturedWork { unsaved, ..taken });
    };
    let finished = open_worktree::enter(repo, &worktree, spec.made()).and_then(|root| {
        let own = OwnShadow::of(repo, dir, spec, root.path())?;
        capture::finish(repo, &task, &CapturePlace { root: &root, worktree: &worktree, shadow: &own.shadow })
    });
    finished.or_else(|error| {
        // What the agent committed can be taken even so.
        let why = error.one_line();
        let own = OwnShadow::of(repo, dir, spec, &worktree.path)?;
        let taken = capture::branch_only(repo, &task, &own.shadow, &why);
        taken.map(|taken| CapturedWork { unsaved: Some(why), ..taken }).map_err(|_| error)
    })
}

/// The agent's worktree, where anything lies in its place.
fn registered(repo: &Repo, id: &AgentId, spec: &Spec) -> Result<Option<Worktree>> {
    Ok(list::of_agent(repo, id, &spec.branch)?.filter(Worktree::is_there))
}

/// The settings that held when the agent was started; plain ones where somebody changed what was kept of them.
fn frozen(repo: &Repo, spec: &Spec) -> Result<PathBuf> {
    FrozenConfig::kept(&PrivateDir::new(repo.private_dir()?).frozen(), &spec.frozen, &repo.common_dir()?)
}

/// A shadow with an index of its own each time: a git that was killed leaves a lock on it, and one that outlives its helper still
/// writes it.
struct OwnShadow {
    shadow: IsolatedGitDir,
    _folder: tempfile::TempDir,
}

impl OwnShadow {
    fn of(repo: &Repo, dir: &AgentDir, spec: &Spec, files: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("index-").tempdir_in(dir.dir());
        let folder =
            folder.context(Kind::External, || format!("cannot write in '{}'", dir.dir().display()))?;
        let index = folder.path().join("index");
        let shadow = IsolatedGitDir::at(
            repo.environment(),
            frozen(repo, spec)?,
            index,
            files.to_owned(),
            repo.common_dir()?,
        );
        Ok(Self { shadow, _folder: folder })
    }
}

fn task<'a>(id: &'a AgentId, spec: &'a Spec) -> CaptureTarget<'a> {
    let max_file = spec.limits.max_file;
    CaptureTarget { id, title: &spec.title, branch: &spec.branch, base: spec.base, max_file }
}
