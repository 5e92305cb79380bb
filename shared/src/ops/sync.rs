//! `sync`: agents, their work and their results travel between clones.

pub mod auto;
mod extras;

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use crate::{
    Error, Kind, Result,
    git::{Repo, command, remotes::Push},
    lock::Lock,
    store::{layout::Private, pack},
    sync::{
        Remote, redact, remote,
        round::{self, Order, Outcome, Talk, Way},
    },
    trust::AcceptedRepo,
};

pub use extras::Extra;

/// How long to wait for another sync of this clone.
const WAIT: Duration = Duration::from_secs(30);

/// With whom, and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// A remote or a URL; none: the configured one, the branch's own, or `origin`.
    pub remote: Option<String>,
    /// Where the user stands: paths are of there.
    pub here: PathBuf,
    /// In which direction.
    pub way: Way,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Send again what the remote had and lost.
    pub restore: bool,
    /// The work travels, although the remote is not that of the code.
    pub work: bool,
    /// What travels by name only.
    pub with: Vec<Extra>,
    /// The user agrees to share with this remote.
    pub agreed: bool,
    /// Git may ask for a password.
    pub ask: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The remote, as it was named.
    pub remote: String,
    /// Nothing was changed.
    pub dry_run: bool,
    /// What changed on both sides.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Who is asked and told on the way.
pub trait Asks {
    /// What happens now.
    fn doing(&mut self, what: &str);
    /// Whether so many agents may be sent to these places, for the first time.
    ///
    /// # Errors
    /// Nobody can be asked.
    fn may_share(&mut self, urls: &[String], agents: usize) -> Result<bool>;
}

/// Syncs.
///
/// # Errors
/// There is no remote, or the user does not agree (3); git cannot speak with it (5); others are quicker (4).
pub fn run(repo: &AcceptedRepo, request: &Request, asks: &mut dyn Asks) -> Result<Report> {
    repo.identity()?;
    let common = repo.common_dir()?;
    let remote = Remote::choose(repo, request.remote.as_deref(), &request.here)?;
    let lock = Private::new(repo.private_dir()?).sync_lock();
    let _lock = Lock::take(&lock, WAIT)?.ok_or_else(|| {
        Error::new(Kind::Conflict, "another sync of this repository runs").hint("try again")
    })?;
    let order = Order {
        way: request.way,
        dry_run: request.dry_run,
        restore: request.restore,
        work: request.work || !remote.apart,
        ask: request.ask,
    };
    if request.agreed && !request.dry_run {
        remote::agree(repo, &remote.urls(repo))?;
        repo.take_own_change(remote::AGREED)?;
    }
    let mut consent = Consent { repo, remote: &remote, asks, given: request.agreed };
    let synced = if request.dry_run {
        let trial = Repo::open(&common)?.in_memory();
        round::run(&trial, &remote, &order, &mut consent)
    } else {
        round::run(repo, &remote, &order, &mut consent)
    };
    // A git that is too old fails in words of its own.
    let mut outcome = synced.or_else(|error| command::check_version(&common).and(Err(error)))?;
    for extra in request.with.iter().filter(|_| !request.dry_run) {
        extras::fetch(repo, &remote, *extra, request.ask)?;
        let sends =
            if request.way == Way::Fetch { Vec::new() } else { extras::sends(repo, &remote, *extra)? };
        if !sends.is_empty() {
            consent.may_send(&sends)?;
            outcome.sent.extend(extras::send(repo, &remote, &sends, request.ask)?);
            extras::fetch(repo, &remote, *extra, request.ask)?;
        }
    }
    let mut warnings = warnings(&remote, &outcome);
    if !request.dry_run
        && let Err(error) = pack::when_many(repo, pack::MANY)
    {
        warnings.push(error.one_line());
    }
    Ok(Report { remote: remote.address, dry_run: request.dry_run, outcome, warnings })
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

/// The agent whose life holds it no more.
#[derive(Clone, Debug, Serialize)]
pub struct Redacted {
    /// Its id.
    pub agent: String,
}

/// Nothing leaves the machine before the user agreed to where it goes.
struct Consent<'a> {
    repo: &'a AcceptedRepo,
    remote: &'a Remote,
    asks: &'a mut dyn Asks,
    given: bool,
}

impl Talk for Consent<'_> {
    fn doing(&mut self, what: &str) {
        self.asks.doing(what);
    }

    fn may_send(&mut self, sends: &[Push]) -> Result<()> {
        if self.given {
            return Ok(());
        }
        let urls = self.remote.urls(self.repo);
        if !remote::agreed(self.repo, &urls) {
            let agents = round::agents_of(sends).len();
            if !self.asks.may_share(&urls, agents)? {
                return Err(Error::refused(format!("nothing was sent to {}", urls.join(", ")))
                    .hint("git orchestra sync --fetch takes in what is there"));
            }
            remote::agree(self.repo, &urls)?;
            self.repo.take_own_change(remote::AGREED)?;
        }
        self.given = true;
        Ok(())
    }
}

fn warnings(remote: &Remote, outcome: &Outcome) -> Vec<String> {
    let mut warnings = Vec::new();
    let address = &remote.address;
    for (name, why) in &outcome.refused {
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
            "{address} had {} refs and lost them, or took them back: {}{more}; this clone keeps what it has",
            outcome.missing.len(),
            some.join(", ")
        ));
    }
    if let Some(name) = &outcome.renamed {
        warnings
            .push(format!("another clone writes under the name of this one; this one is called {name} now"));
    }
    warnings
}
