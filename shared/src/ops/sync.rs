//! `sync`: agents, their work and their results travel between clones.

pub mod auto;
mod extras;

use std::time::Duration;

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
    git::{Repo, remotes::RemoteOptions, version},
    lock::Lock,
    model::text,
    store::{
        layout::{self, PrivateDir},
        pack,
    },
    sync::{
        Remote,
        consent::{self, Given},
        redact,
        screen::{self, LeaveConsent, Outgoing},
        sync_loop::{self, SyncOptions, Talk},
    },
    trust::AcceptedRepo,
};
pub use extras::Extra;

/// How long to wait for another sync of this clone.
const WAIT: Duration = Duration::from_secs(30);

/// With which remote to exchange what.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// A remote or a URL; none: the configured one, the branch's own, or `origin`.
    pub remote: Option<String>,
    /// The direction.
    pub way: Direction,
    /// Report what would travel, and change nothing.
    pub dry_run: bool,
    /// Send again what the remote had and lost.
    pub restore: bool,
    /// The work travels, although the remote is not that of the code.
    pub work: bool,
    /// What else travels, which it does only by name.
    pub with: Vec<Extra>,
    /// The user agrees to share with this remote.
    pub agreed: bool,
    /// Git may ask for a password: only the process knows whether somebody can answer.
    #[serde(skip)]
    pub ask: bool,
}

/// What travelled, and what did not.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The remote, as it was named.
    pub remote: String,
    /// Nothing was changed.
    pub dry_run: bool,
    /// What changed here and at the remote.
    #[serde(flatten)]
    pub outcome: SyncOutcome,
    /// What a sync that is no dry run asks before it sends anything.
    pub asks: Option<ConsentQuestion>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What the user is asked before anything leaves.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ConsentQuestion {
    /// Where it goes, as git uses it, without passwords.
    pub urls: Vec<String>,
    /// How many agents go.
    pub agents: usize,
    /// How many refs that is.
    pub refs: usize,
    /// Their commits are among them.
    pub work: bool,
    /// About how many bytes that is.
    pub bytes: Option<u64>,
    /// Commits of the user's that go along.
    pub own_work: Vec<OwnWork>,
    /// The user agreed to send agents there before: it is about their own commits alone.
    pub agreed_before: bool,
}

/// Who is asked and told on the way.
pub trait SyncUser {
    /// What happens now.
    fn doing(&mut self, what: &str);
    /// Whether the user agrees.
    ///
    /// # Errors
    /// Nobody can be asked.
    fn agrees(&mut self, question: &ConsentQuestion) -> Result<bool>;
}

/// Syncs.
///
/// # Errors
/// There is no remote, or the user does not agree (3); git cannot speak with it (5); others are quicker (4).
pub fn run(repo: &AcceptedRepo, request: &Request, asks: &mut dyn SyncUser) -> Result<Report> {
    repo.identity()?;
    let common = repo.common_dir()?;
    let remote = Remote::choose(repo, request.remote.as_deref(), repo.environment().directory())?;
    let lock = PrivateDir::new(repo.private_dir()?).sync_lock();
    let _lock = Lock::take(&lock, WAIT)?.ok_or_else(|| {
        Error::new(Code::SyncRunning, "another sync of this repository runs").hint("try again")
    })?;
    // A git that fetches can mend nothing.
    repo.repair_locks();
    let order = SyncOptions {
        way: request.way,
        dry_run: request.dry_run,
        restore: request.restore,
        work: request.work || !remote.apart,
        ask: request.ask,
    };
    if request.agreed && !request.dry_run {
        consent::give(repo, &remote.urls(repo)?, Given { own_work: true })?;
        repo.take_own_change(SHARE_WITH.name())?;
    }
    let mut consent = Consent { repo, request, asks, question: None };
    let synced = if request.dry_run {
        let trial = repo.reopen()?.in_memory();
        sync_loop::run(&trial, &remote, &order, &mut consent)
    } else {
        sync_loop::run(repo, &remote, &order, &mut consent)
    };
    // A git that is too old fails in words of its own.
    let mut outcome = synced.or_else(|error| version::check(repo.environment(), &common).and(Err(error)))?;
    if !request.with.is_empty() {
        send_extras(repo, &remote, request, &mut outcome, &mut consent)?;
    }
    let asks = consent.question;
    let mut warnings = warnings(&remote, &outcome);
    if !request.dry_run
        && let Err(error) = pack::when_many(repo, pack::MANY)
    {
        warnings.push(error.one_line());
    }
    Ok(Report { remote: remote.address, dry_run: request.dry_run, outcome, asks, warnings })
}

/// What travels by name only.
fn send_extras(
    repo: &Repo,
    remote: &Remote,
    request: &Request,
    outcome: &mut SyncOutcome,
    consent: &mut Consent<'_>,
) -> Result<()> {
    for extra in &request.with {
        extras::fetch(repo, remote, *extra, request.ask)?;
        if request.way == Direction::Fetch {
            continue;
        }
        let mut sends = extras::sends(repo, remote, *extra, !request.dry_run)?;
        let stays = |agent: &str| outcome.held.iter().any(|held| held.name == agent);
        sends.retain(|push| layout::agent_of(&push.name).is_none_or(|agent| !stays(agent.as_str())));
        let manner = RemoteOptions { ask: request.ask };
        let screened = screen::screen(repo, remote, &sends, manner, &mut |parcel| consent.may_leave(parcel))?;
        outcome.held.extend(screened.held);
        if request.dry_run {
            outcome.sent.extend(screened.go.into_iter().map(|push| push.name));
        } else if !screened.go.is_empty() {
            outcome.sent.extend(extras::send(repo, remote, &screened.go, request.ask)?);
            extras::fetch(repo, remote, *extra, request.ask)?;
        }
    }
    Ok(())
}

/// Takes a secret out of an event that no remote has yet; gives the agent.
///
/// # Errors
/// There is no such event, a remote has it, or the agent runs (3).
pub fn redact(repo: &Repo, event: &str) -> Result<Redacted> {
    repo.identity()?;
    let agent = redact::redact(repo, event)?.to_string();
    Ok(Redacted { agent })
}

/// The agent from whose events a secret was removed.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Redacted {
    /// The id of the agent.
    pub agent: String,
}

/// Nothing leaves the machine before the user agreed to where it goes.
struct Consent<'a> {
    repo: &'a AcceptedRepo,
    request: &'a Request,
    asks: &'a mut dyn SyncUser,
    /// What a dry run would have asked.
    question: Option<ConsentQuestion>,
}

impl Consent<'_> {
    fn question(&self, urls: Vec<String>, parcel: &Outgoing<'_>, agreed_before: bool) -> ConsentQuestion {
        ConsentQuestion {
            urls,
            agents: sync_loop::agents_of(parcel.sends).len(),
            refs: parcel.sends.len(),
            work: parcel.sends.iter().any(|push| layout::is_work(&push.name)),
            bytes: parcel.size(),
            own_work: parcel.own.to_vec(),
            agreed_before,
        }
    }
}

impl Talk for Consent<'_> {
    fn doing(&mut self, what: &str) {
        self.asks.doing(what);
    }

    fn may_leave(&mut self, parcel: &Outgoing<'_>) -> Result<LeaveConsent> {
        let urls = parcel.remote.urls(self.repo)?;
        let given = match consent::given(self.repo, &urls) {
            _ if self.request.agreed => Some(Given { own_work: true }),
            given => given,
        };
        if given.is_some_and(|given| given.own_work || parcel.own.is_empty()) {
            return Ok(LeaveConsent::All);
        }
        let agreed_before = given.is_some();
        // Where nobody is, what was agreed to goes, and no more.
        if agreed_before && !self.request.ask {
            return Ok(LeaveConsent::WithoutOwnWork);
        }
        let question = self.question(urls, parcel, agreed_before);
        if self.request.dry_run {
            self.question.get_or_insert(question);
            return Ok(LeaveConsent::All);
        }
        let agrees = self.asks.agrees(&question)?;
        if agrees {
            consent::give(self.repo, &question.urls, Given { own_work: !parcel.own.is_empty() })?;
            self.repo.take_own_change(SHARE_WITH.name())?;
            return Ok(LeaveConsent::All);
        }
        if agreed_before {
            return Ok(LeaveConsent::WithoutOwnWork);
        }
        Err(Error::new(Code::Declined, format!("nothing was sent to {}", question.urls.join(", ")))
            .hint("git orchestra sync --fetch takes in what is there"))
    }
}

fn warnings(remote: &Remote, outcome: &SyncOutcome) -> Vec<String> {
    let mut warnings = Vec::new();
    let address = &remote.address;
    if let Some((old, new)) = &outcome.relocated {
        warnings.push(format!("{address} is another repository now: {new}, before {old}"));
    }
    for (name, why) in &outcome.refused {
        warnings.push(format!("'{name}' of {address} is not taken in: {why}"));
    }
    for (name, why) in &outcome.unsent {
        warnings.push(format!("'{name}' is not sent to {address}: {why}"));
    }
    for (name, file) in &outcome.moved_aside {
        warnings.push(format!("'{name}' was damaged; its file is '{}' now", file.display()));
    }
    for (name, why) in &outcome.locked {
        warnings.push(format!("'{name}' of {address} is not taken in: {why}"));
    }
    if outcome.strange > 0 {
        warnings.push(format!(
            "{} refs of {address} have names that are not ours; they are passed over",
            outcome.strange
        ));
    }
    if !outcome.missing.is_empty() {
        let some: Vec<&str> = outcome.missing.iter().take(3).map(String::as_str).collect();
        let more = if outcome.missing.len() > some.len() { ", …" } else { "" };
        warnings.push(format!(
            "{address} does not have {} any more that it had: {}{more}; this clone keeps what it has",
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
