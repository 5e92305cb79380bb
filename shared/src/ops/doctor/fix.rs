//! What `doctor --fix` does: only what loses nothing.

use std::{collections::BTreeSet, fs, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{finding::Remedy, outside};
use crate::{
    Code, Error, Kind, Result,
    context::Context,
    error::ErrorContext,
    git::Repo,
    landing::finish,
    model::text,
    ops::repairing,
    process,
    removal::recover,
    store::{
        layout::PrivateDir,
        operations::{self, Journal, OperationBody, QuarantinedRef, Stage},
        pack,
    },
    supervise::repair::OperationsLock,
    sync::outgoing,
    world,
};

/// How long the installation of man pages may take.
const SETUP_LIMIT: Duration = Duration::from_secs(60);
/// Maximum number of refs that a question or a summary names.
const MAX_NAMED: usize = 3;

/// The person who is asked before something is done that is worth seeing first.
pub trait FixUser {
    /// Asks a question; returns whether the answer is yes.
    ///
    /// # Errors
    /// The person cannot be asked.
    fn agrees(&mut self, question: &str) -> Result<bool>;
}

/// Something that `doctor --fix` did, or did not do.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Fixed {
    /// What was to be done, in the past tense.
    pub what: String,
    /// How that went.
    pub outcome: FixOutcome,
    /// Why it was not done, or what else there is to say.
    pub why: Option<String>,
    /// The operation that `undo` reverts, if refs changed.
    pub operation: Option<String>,
}

/// The outcome of a fix.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FixOutcome {
    /// It was done.
    Done,
    /// A person did not agree, or could not be asked.
    Declined,
    /// It failed.
    Failed,
}

impl Fixed {
    fn done(what: impl Into<String>) -> Self {
        Self {
            what: text::safe(&what.into()).into_owned(),
            outcome: FixOutcome::Done,
            why: None,
            operation: None,
        }
    }

    fn of(what: &str, result: Result<Self>) -> Self {
        result.unwrap_or_else(|error| {
            // Who cannot be asked has not agreed.
            let outcome = match error.code {
                Code::ConfirmationNeeded | Code::Declined => FixOutcome::Declined,
                _ => FixOutcome::Failed,
            };
            let why = match error.code {
                Code::ConfirmationNeeded => "there is no terminal to ask on".to_owned(),
                _ => error.one_line(),
            };
            Self { outcome, why: Some(why), ..Self::done(what) }
        })
    }
}

/// Does everything that the findings call for, in a fixed order. One failure does not prevent the others.
///
/// # Errors
/// The user interrupts it (130), between two fixes.
pub(super) fn apply(
    context: &Context,
    repo: Option<&Repo>,
    remedies: BTreeSet<Remedy>,
    user: &mut dyn FixUser,
) -> Result<Vec<Fixed>> {
    let (mut refs, mut fixed) = (Vec::new(), Vec::new());
    for remedy in remedies {
        context.check()?;
        match (remedy, repo) {
            (Remedy::InstallPages, _) => {
                let what = "installed man pages and completions";
                fixed.push(Fixed::of(what, install_pages(context, user)));
            }
            (Remedy::Recover, Some(repo)) => {
                let what = "finished or reverted what killed commands had left";
                fixed.push(Fixed::of(
                    what,
                    recover(context, repo).map(|notices| {
                        let why = (!notices.is_empty()).then(|| notices.join("; "));
                        Fixed { why, ..Fixed::done(what) }
                    }),
                ));
            }
            (Remedy::RemoveLock(name), Some(repo)) => {
                let what = format!("removed the lock that a killed git had left on {name}");
                let removed = repo.require_unlocked(&name).map_err(Error::from);
                fixed.push(Fixed::of(&what, removed.map(|()| Fixed::done(what.as_str()))));
            }
            (Remedy::DeleteCache(path), Some(_)) => {
                let what = format!("deleted the damaged cache '{}'", path.display());
                let deleted =
                    fs::remove_file(&path).context(Kind::External, || "cannot delete it".to_owned());
                fixed.push(Fixed::of(&what, deleted.map(|()| Fixed::done(what.as_str()))));
            }
            (Remedy::PackRefs, Some(repo)) => {
                let what = "packed refs of git orchestra";
                let packed = pack::pack_refs_if_many(repo, pack::LOOSE_REFS_LIMIT);
                fixed.push(Fixed::of(
                    what,
                    packed.map(|count| {
                        Fixed::done(format!("packed {} of git orchestra", text::count(count as u64, "ref")))
                    }),
                ));
            }
            (Remedy::QuarantineRef(name), Some(_)) => refs.push(name),
            (_, None) => {}
        }
    }
    if let Some(repo) = repo.filter(|_| !refs.is_empty()) {
        context.check()?;
        let what = format!("moved {} out of the way", text::count(refs.len() as u64, "damaged ref"));
        fixed.push(Fixed::of(&what, quarantine(repo, &refs, user)));
    }
    Ok(fixed)
}

/// Does what the next command that changes something would do first, and what the next sync, cleanup, or undo would.
fn recover(context: &Context, repo: &Repo) -> Result<Vec<String>> {
    let context = context.uncancellable();
    let mut notices = repairing::repair(&context, repo, OperationsLock::NotHeld)?;
    notices.extend(finish::recover(repo)?);
    {
        let _lock = operations::lock(repo)?;
        notices.extend(recover::recover_interrupted(repo)?);
    }
    outgoing::remove_abandoned(repo)?;
    Ok(notices)
}

/// Moves damaged refs out of the way, as one operation.
fn quarantine(repo: &Repo, names: &[String], user: &mut dyn FixUser) -> Result<Fixed> {
    let count = text::count(names.len() as u64, "damaged ref");
    let shown = names.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let shown = if names.len() > MAX_NAMED { format!("{shown}, …") } else { shown };
    let folder = PrivateDir::new(repo.private_dir()?).damaged();
    let question = format!("move {count} to '{}' ({shown})?", folder.display());
    if !user.agrees(&question)? {
        return Err(Error::new(Code::Declined, "not agreed"));
    }
    let _lock = operations::lock(repo)?;
    let mut journal = Journal::new(repo, OperationBody::Doctor(Vec::new()))?;
    journal.operation.summary = format!("moved {count} out of the way ({shown})");
    journal.write(repo, &[])?;
    let (mut moved, mut failure) = (Vec::new(), None);
    for name in names {
        match repo.quarantine_ref(name, &folder) {
            Ok(Some(file)) => moved.push(QuarantinedRef { name: name.clone(), file }),
            // It was repaired meanwhile.
            Ok(None) => {}
            Err(error) => failure = Some(error),
        }
    }
    journal.operation.stage = if moved.is_empty() { Stage::Aborted } else { Stage::Done };
    let done = text::count(moved.len() as u64, "damaged ref");
    journal.operation.body = OperationBody::Doctor(moved.clone());
    journal.write(repo, &[])?;
    match failure {
        Some(error) if moved.is_empty() => Err(error),
        failure => Ok(Fixed {
            why: failure.map(|error| error.one_line()),
            operation: (!moved.is_empty()).then(|| journal.operation.id.clone()),
            ..Fixed::done(format!("moved {done} out of the way, to '{}'", folder.display()))
        }),
    }
}

fn install_pages(context: &Context, user: &mut dyn FixUser) -> Result<Fixed> {
    let question = "install man pages and completions, as 'git orchestra setup' does?";
    if !user.agrees(question)? {
        return Err(Error::new(Code::Declined, "not agreed"));
    }
    let mut command =
        process::own_command(context.environment(), world::this_program().with_file_name("git-orchestra"));
    let cannot = || "cannot run 'git orchestra setup'".to_owned();
    let answer = outside::ask(command.arg("setup"), SETUP_LIMIT, &context.cancel)
        .context(Code::ProgramFailed, cannot)?;
    if !answer.succeeded {
        let why = text::last_line(&answer.said, 200).unwrap_or_default();
        return Err(Error::new(Code::ProgramFailed, "'git orchestra setup' failed").because(why));
    }
    let said = answer.said.lines().find(|line| line.starts_with("installed "));
    Ok(Fixed::done(said.unwrap_or("installed man pages and completions")))
}
