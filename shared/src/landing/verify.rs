//! Runs a check, a build or test command of the user, on one commit in a scratch worktree, for landings and reviews.

use std::time::{Duration, Instant};

use super::{
    check::{self, Bounds, CheckRun},
    ready::Ready,
    scratch::LazyScratch,
};
use crate::{
    Kind, Result,
    checks::{self, KnownPass},
    config::{
        Config,
        keys::{CHECK_JOBS, SLOTS},
    },
    context::Context,
    git::{Oid, Repo},
    model::check_result::CheckKey,
    slots::{self, Slot, Slots},
    supervise::publishing,
    world,
};

/// A check of a commit.
#[derive(Clone, Copy, Debug)]
pub struct CommitCheck<'a> {
    /// The commit.
    pub commit: Oid,
    /// The shell command.
    pub command: &'a str,
    /// Whether it runs even if it is known to pass.
    pub recheck: bool,
}

/// The outcome of a check of a commit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// Why the check failed, such as `exit code 3`; `None` if it passed.
    pub failure: Option<String>,
    /// What it printed; empty if it did not run, because it is known to pass.
    pub output: Vec<u8>,
    /// The earlier pass, if it did not run.
    pub known: Option<KnownPass>,
    key: CheckKey,
    took: Duration,
    /// Whether the worktree held the files of the commit and nothing else.
    fresh: bool,
}

impl Verified {
    /// Returns `passed`, `passed (known, 3m ago)`, or why the check failed.
    pub fn label(&self) -> String {
        match (&self.known, &self.failure) {
            (Some(known), _) => known.label(),
            (None, Some(why)) => why.clone(),
            (None, None) => "passed".to_owned(),
        }
    }

    /// Records the outcome of a check that ran, so that it need not run again. `output` says where its output is kept.
    pub(super) fn record(&self, repo: &Repo, output: Option<String>) {
        if self.known.is_none() {
            let (failure, took, fresh) = (self.failure.clone(), self.took, self.fresh);
            checks::record(repo, &self.key, checks::Run { failure, fresh, took, output });
        }
    }
}

/// Runs a check on a commit in the scratch worktree, which is created and made ready if needed, unless the check is known to pass for its
/// files. It waits for a slot of the machine first. The caller records the outcome. What ran in a worktree that was made ready proves
/// less: the files that were added are not in the commit.
///
/// # Errors
/// The scratch worktree cannot be created or reset, no slot becomes free, the command cannot be run, or the user interrupts it.
pub(super) fn check_commit(
    context: &Context,
    repo: &Repo,
    scratch: &mut LazyScratch,
    what: CommitCheck<'_>,
    ready: Option<&Ready>,
    bounds: Bounds<'_>,
) -> Result<Verified> {
    let CommitCheck { commit, command, recheck } = what;
    let environment = publishing::without_logins(bounds.environment, repo, "");
    let bounds = Bounds { environment: &environment, ..bounds };
    let key = checks::key(repo, bounds.environment, repo.tree_of(commit)?, command)?;
    let counting = checks::counting_for_landing(repo)?;
    let known = if recheck { None } else { checks::known_pass(repo, &key, counting)? };
    if known.is_some() {
        let (output, took) = (Vec::new(), Duration::ZERO);
        return Ok(Verified { failure: None, output, known, key, took, fresh: true });
    }
    let folder = scratch.at(repo, commit)?.path();
    let slot = take_slot(context, repo, command)?;
    let variable = slot.as_ref().map(|slot| bounds.environment.with(slots::VARIABLE, slot.variable()));
    let bounds = Bounds { environment: variable.as_ref().unwrap_or(bounds.environment), ..bounds };
    let unready = ready.map(|ready| ready.make(repo, folder, bounds)).transpose()?.flatten();
    let begun = Instant::now();
    let CheckRun { failure, output } = match unready {
        Some(failed) => failed,
        None => check::run(command, folder, bounds)?,
    };
    Ok(Verified { failure, output, known: None, key, took: begun.elapsed(), fresh: ready.is_none() })
}

/// Returns how many checks of one landing run at once: as many as the user wants, and as there are slots. A landing that runs in a slot
/// has that one alone. A value that cannot be read counts as 1.
pub fn side_by_side(repo: &Repo) -> usize {
    let config = Config::of(repo);
    let wanted = config.get_or_default(&CHECK_JOBS);
    if wanted < 2 {
        return 1;
    }
    match Slots::of(repo.environment(), config.get_or_default(&SLOTS)) {
        Ok(slots) if !slots.is_inside() => usize::try_from(wanted.min(slots.count())).unwrap_or(1),
        Ok(_) | Err(_) => 1,
    }
}

/// Takes a slot of the machine for a check. Returns `None` if the check is a part of a command that has one, or if the locks cannot be
/// written: a check must not fail for that.
fn take_slot(context: &Context, repo: &Repo, command: &str) -> Result<Option<Slot>> {
    let Ok(slots) = Slots::of(repo.environment(), Config::of(repo).get(&SLOTS)?) else { return Ok(None) };
    if slots.is_inside() {
        return Ok(None);
    }
    match slots.enter(context, context.limits().slot, command) {
        Ok(slot) => Ok(Some(slot)),
        Err(error) if matches!(error.kind(), Kind::Timeout | Kind::Interrupted) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Runs a check on a commit without landing anything, unless it is known to pass, and records the outcome. Landings, undos and cleanups
/// may run at the same time.
///
/// # Errors
/// The command is empty (2), the user interrupts it, or the scratch worktree cannot be created or removed.
pub fn verify(context: &Context, repo: &Repo, what: CommitCheck<'_>, limit: Duration) -> Result<Verified> {
    check::check_command(what.command, "test")?;
    let nonce = format!("verify-{}", world::random_hex::<8>()?);
    let mut scratch = LazyScratch::of(context, &nonce);
    let bounds = Bounds { environment: repo.environment(), limit, cancel: &context.cancel, nonce: &nonce };
    let ready = Ready::of(repo)?;
    let ran = check_commit(context, repo, &mut scratch, what, ready.as_ref(), bounds);
    let removed = scratch.remove(repo);
    let ran = ran?;
    removed?;
    ran.record(repo, None);
    Ok(ran)
}
