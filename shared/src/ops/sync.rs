//! `sync`: exchanges agents, their work, and their results between clones.

pub mod auto;
mod extras;
mod lone;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::sync::{
    own_work::OwnWork,
    plan::AgentChange,
    secrets::Withheld,
    sync_loop::{Direction, SyncOutcome},
};
use crate::{
    Code, Error, Result,
    config::keys::SHARE_WITH,
    context::Context,
    git::{Repo, remotes::RemoteOptions, version},
    lock::Lock,
    model::{AgentId, LogId, text},
    ops::{agent_object::OtherWorkObject, spec},
    store::{
        layout::{self, PrivateDir},
        pack,
    },
    sync::{
        Remote,
        consent::{self, GrantedConsent},
        log_notes, redact,
        screen::{self, LeaveConsent, Outgoing, SendConsent},
        sync_loop::{self, SyncOptions},
    },
    trust::AcceptedRepo,
};
pub use extras::SyncExtra;

/// What to exchange, and with which remote.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// A remote or a URL; by default the configured one, the one of the branch, or `origin`.
    pub remote: Option<String>,
    /// The direction: both, or only one.
    pub way: Direction,
    /// Whether to only report what would be exchanged.
    pub dry_run: bool,
    /// Whether to send again what the remote had and lost.
    pub restore: bool,
    /// Whether to exchange work even though the remote is not that of the code.
    pub work: bool,
    /// What else to exchange; these are only exchanged if they are named.
    pub with: Vec<SyncExtra>,
    /// Whether the user agrees to share with this remote.
    pub agreed: bool,
    /// Whether git may ask for a password, because somebody can answer.
    #[serde(skip)]
    pub ask: bool,
}

/// What was exchanged, and what was not.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The remote, as git's config names it, or its URL.
    pub remote: String,
    /// Whether this was a dry run, which changed nothing.
    pub dry_run: bool,
    /// What changed here and at the remote.
    #[serde(flatten)]
    pub outcome: SyncOutcome,
    /// In a dry run, the question that a sync would ask before it sends anything.
    pub asks: Option<ConsentQuestion>,
    /// The designers that hear what changed in specs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<spec::Told>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// What the user is asked before anything is sent.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ConsentQuestion {
    /// The URLs that git would push to, without passwords.
    pub urls: Vec<String>,
    /// The number of agents to send.
    pub agents: usize,
    /// The number of refs to send.
    pub refs: usize,
    /// Whether the agents' commits are among them.
    pub work: bool,
    /// The approximate size, in bytes.
    pub bytes: Option<u64>,
    /// The user's own commits that would be sent as well.
    pub own_work: Vec<OwnWork>,
    /// Whether the user agreed to send agents there before, so that the question is about their own commits only.
    pub agreed_before: bool,
}

/// The user, who is asked before anything is sent to a new place.
pub trait SyncUser {
    /// Returns whether the user agrees.
    ///
    /// # Errors
    /// The user cannot be asked.
    fn agrees(&mut self, question: &ConsentQuestion) -> Result<bool>;
}

/// Exchanges agents with a remote.
///
/// # Errors
/// There is no remote, or the user does not agree (3); git cannot reach the remote (5); other clones changed it during every attempt
/// (4); or the user interrupts it (130). What was received or sent by then stays, and the next sync continues.
pub fn run(
    context: &Context,
    repo: &AcceptedRepo,
    request: &Request,
    asks: &mut dyn SyncUser,
) -> Result<Report> {
    repo.identity()?;
    let common = repo.common_dir()?;
    let remote = Remote::choose(repo, request.remote.as_deref(), repo.environment().directory())?;
    let lock = PrivateDir::new(repo.private_dir()?).sync_lock();
    let _lock = Lock::take(&lock, context.at_most(context.limits().sync_lock))?.ok_or_else(|| {
        Error::new(Code::SyncRunning, "another sync of this repository is running").hint("try again")
    })?;
    // Stale locks are removed first, because `git fetch` cannot repair them.
    repo.repair_locks();
    let options = SyncOptions {
        way: request.way,
        dry_run: request.dry_run,
        restore: request.restore,
        work: request.work || !remote.for_agents_only,
        ask: request.ask,
    };
    if request.agreed && !request.dry_run {
        consent::grant(repo, &remote.urls(repo)?, GrantedConsent { own_work: true })?;
        repo.accept_own_change(SHARE_WITH.name())?;
    }
    let specs = if request.dry_run { spec::SpecTips::new() } else { spec::tips(repo).unwrap_or_default() };
    let mut consent = ConsentPrompt { repo, request, asks, question: None };
    let synced = if request.dry_run {
        let trial = repo.reopen()?.in_memory();
        sync_loop::run(context, &trial, &remote, &options, &mut consent)
    } else {
        sync_loop::run(context, repo, &remote, &options, &mut consent)
    };
    // If git is too old, that is the better error.
    let mut outcome = synced
        .or_else(|error| version::require_supported_version(repo.environment(), &common).and(Err(error)))?;
    if !request.with.is_empty() {
        send_extras(context, repo, &remote, request, &mut outcome, &mut consent)?;
    }
    let asks = consent.question;
    let mut warnings = warnings(&remote, &outcome);
    let changed: Vec<AgentId> = outcome.changes.keys().filter_map(|id| AgentId::parse(id).ok()).collect();
    warnings.extend(OtherWorkObject::warnings_about(repo, changed.iter()));
    warnings.extend(lone::warnings(repo, &outcome.sent)?);
    if !request.dry_run
        && let Err(error) = pack::pack_if_many(repo, pack::LOOSE_LIMIT)
    {
        warnings.push(error.one_line());
    }
    if !request.dry_run {
        warnings.extend(log_notes::refresh(repo).err().map(|error| error.one_line()));
    }
    let told = if specs.is_empty() { Ok(Vec::new()) } else { spec::announce(context, repo, &specs) };
    let told = told.unwrap_or_else(|error| {
        warnings.push(format!("no designer heard what changed in a spec: {}", error.one_line()));
        Vec::new()
    });
    Ok(Report { remote: remote.address, dry_run: request.dry_run, outcome, asks, told, warnings })
}

/// Exchanges what has to be named in the request, such as snapshots.
fn send_extras(
    context: &Context,
    repo: &Repo,
    remote: &Remote,
    request: &Request,
    outcome: &mut SyncOutcome,
    consent: &mut ConsentPrompt<'_>,
) -> Result<()> {
    for extra in &request.with {
        extras::fetch(context, repo, remote, *extra, request.ask)?;
        if request.way == Direction::Fetch {
            continue;
        }
        let mut sends = extras::unsent(repo, remote, *extra, !request.dry_run)?;
        let stays = |agent: &str| outcome.held.iter().any(|held| held.name == agent);
        sends.retain(|push| layout::agent_of(&push.name).is_none_or(|agent| !stays(agent.as_str())));
        let options = RemoteOptions { ask: request.ask };
        let screened = screen::screen(context, repo, remote, &sends, options, consent)?;
        outcome.held.extend(screened.held);
        if request.dry_run {
            outcome.sent.extend(screened.go.into_iter().map(|push| push.name));
        } else if !screened.go.is_empty() {
            outcome.sent.extend(extras::send(context, repo, remote, &screened.go, request.ask)?);
            extras::fetch(context, repo, remote, *extra, request.ask)?;
        }
    }
    Ok(())
}

/// Removes a secret from an event that no remote has yet, and returns the agent, run or spec.
///
/// # Errors
/// There is no such event, a remote already has it, or the agent is running (3).
pub fn redact(repo: &Repo, event: &str) -> Result<Redacted> {
    repo.identity()?;
    let mut redacted = Redacted::default();
    match redact::redact(repo, event)? {
        LogId::Agent(id) => redacted.agent = Some(id.to_string()),
        LogId::Run(id) => redacted.run = Some(id.to_string()),
        LogId::Spec(name) => redacted.spec = Some(name.to_string()),
    }
    Ok(redacted)
}

/// The agent, run or spec from whose events a secret was removed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Redacted {
    /// The id of the agent, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The id of the run, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The name of the spec, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
}

/// Asks the user before anything is sent to a new place.
struct ConsentPrompt<'a> {
    repo: &'a AcceptedRepo,
    request: &'a Request,
    asks: &'a mut dyn SyncUser,
    /// The question that a dry run did not ask.
    question: Option<ConsentQuestion>,
}

impl ConsentPrompt<'_> {
    fn question(&self, urls: Vec<String>, outgoing: &Outgoing<'_>, agreed_before: bool) -> ConsentQuestion {
        ConsentQuestion {
            urls,
            agents: sync_loop::agents_of(outgoing.sends).len(),
            refs: outgoing.sends.len(),
            work: outgoing.sends.iter().any(|push| layout::is_work(&push.name)),
            bytes: outgoing.size(),
            own_work: outgoing.own.to_vec(),
            agreed_before,
        }
    }
}

impl SendConsent for ConsentPrompt<'_> {
    fn may_leave(&mut self, outgoing: &Outgoing<'_>) -> Result<LeaveConsent> {
        let urls = outgoing.remote.urls(self.repo)?;
        let given = match consent::find(self.repo, &urls) {
            _ if self.request.agreed => Some(GrantedConsent { own_work: true }),
            given => given,
        };
        if given.is_some_and(|given| given.own_work || outgoing.own.is_empty()) {
            return Ok(LeaveConsent::All);
        }
        let agreed_before = given.is_some();
        // If the user cannot be asked, only what the user agreed to before is sent.
        if agreed_before && !self.request.ask {
            return Ok(LeaveConsent::WithoutOwnWork);
        }
        let question = self.question(urls, outgoing, agreed_before);
        if self.request.dry_run {
            self.question.get_or_insert(question);
            return Ok(LeaveConsent::All);
        }
        let agrees = self.asks.agrees(&question)?;
        if agrees {
            consent::grant(self.repo, &question.urls, GrantedConsent { own_work: !outgoing.own.is_empty() })?;
            self.repo.accept_own_change(SHARE_WITH.name())?;
            return Ok(LeaveConsent::All);
        }
        if agreed_before {
            return Ok(LeaveConsent::WithoutOwnWork);
        }
        Err(Error::new(Code::Declined, format!("nothing was sent to {}", question.urls.join(", ")))
            .hint("git orchestra sync --fetch only receives"))
    }
}

fn warnings(remote: &Remote, outcome: &SyncOutcome) -> Vec<String> {
    let mut warnings = Vec::new();
    let address = &remote.address;
    if let Some((old, new)) = &outcome.relocated {
        warnings.push(format!("{address} is another repository now: {new}, before {old}"));
    }
    for (name, why) in &outcome.refused {
        warnings.push(format!("'{name}' of {address} is not accepted: {why}"));
    }
    for (name, why) in &outcome.unsent {
        warnings.push(format!("'{name}' is not sent to {address}: {why}"));
    }
    for (name, file) in &outcome.moved_aside {
        warnings.push(format!("'{name}' was damaged; its file was moved to '{}'", file.display()));
    }
    for (name, why) in &outcome.locked {
        warnings.push(format!("'{name}' of {address} is not accepted: {why}"));
    }
    if outcome.strange > 0 {
        let (refs, rest) = match outcome.strange {
            1 => ("1 ref".to_owned(), "has an unknown name; it is ignored"),
            more => (format!("{more} refs"), "have unknown names; they are ignored"),
        };
        warnings.push(format!("{refs} of {address} {rest}"));
    }
    if !outcome.missing.is_empty() {
        let some: Vec<&str> = outcome.missing.iter().take(3).map(String::as_str).collect();
        let more = if outcome.missing.len() > some.len() { ", …" } else { "" };
        warnings.push(format!(
            "{address} no longer has {} that it had before: {}{more}; this clone keeps what it has",
            text::count(outcome.missing.len() as u64, "ref"),
            some.join(", ")
        ));
    }
    if let Some(name) = &outcome.renamed {
        warnings
            .push(format!("another clone writes under the name of this one; this one is called {name} now"));
    }
    warnings
}
