//! `pr watch`: looks at the pull requests of agents until they are merged or closed, and tells each change once. If it is asked to, failing
//! checks and comments of trusted authors become the next prompt of the agent, each once, and its result goes to the pull request.

mod changes;
mod feedback;
mod fix;

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::changes::Snapshot;
use super::{Publisher, Request, place::refuse_agents, seen::Standing};
use crate::{
    Code, Error, Result,
    config::{Config, keys::PR_TRUST},
    context::Context,
    forge::{ForgeCheck, ForgeChecks, ForgeReviews, ForgeSaid, PullRequestState},
    model::{Agent, AgentId, published::Published, words::words},
    ops::selection,
    store::{self, ListRow, Listing},
    trust::AcceptedRepo,
};

/// How long is waited between two looks, if nothing else is asked for.
const INTERVAL: Duration = Duration::from_secs(60);
/// The shortest time between two looks.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// The longest time between two looks while the forge is not reached, or accepts no requests.
const MAX_INTERVAL: Duration = Duration::from_secs(900);

/// Which pull requests to watch, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchRequest {
    /// The agents, by id, unique prefix, or tag; without one, all that have an open pull request.
    pub agents: Vec<String>,
    /// The remote; by default the one of the branch, or `origin`.
    pub remote: Option<String>,
    /// Whether failing checks and comments of trusted authors become the next prompt of the agent.
    pub fix: bool,
    /// For how many seconds is waited between two looks; by default 60.
    pub interval_seconds: Option<u64>,
    /// For how many seconds is watched at most.
    pub for_seconds: Option<u64>,
}

words! {
    /// What happened to a pull request.
    pub enum News {
        /// It is watched from now on; this is how it is.
        Watched = "watched",
        /// A check fails.
        CheckFailed = "check_failed",
        /// All checks passed that did not before.
        ChecksPassed = "checks_passed",
        /// What its reviewers say, all in all, changed.
        Reviewed = "reviewed",
        /// Somebody said something.
        Said = "said",
        /// Somebody else pushed to its branch.
        HeadMoved = "head_moved",
        /// It was merged.
        Merged = "merged",
        /// It was closed.
        Closed = "closed",
        /// It was opened again.
        Reopened = "reopened",
        /// What failed and was said was given to the agent.
        Given = "given",
        /// The result of the agent was pushed to it.
        Pushed = "pushed",
        /// Something keeps the agent, or its result, back.
        HeldBack = "held_back",
        /// The forge is not reached, or accepts no more requests for now.
        Unreachable = "unreachable",
    }
}

/// One change of a pull request.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PullRequestNews {
    /// What happened.
    pub news: News,
    /// The agent whose work it is.
    pub agent: AgentId,
    /// The number of the pull request.
    pub number: u64,
    /// The page of what happened, else that of the pull request.
    pub url: String,
    /// What the checks say now, all in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<ForgeChecks>,
    /// What its reviewers say now, all in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ForgeReviews>,
    /// The name of the check that fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Who said something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Whether that person may change the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
    /// The file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What was said, or what keeps it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How many checks and comments were given to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<usize>,
}

impl PullRequestNews {
    /// Makes news of a pull request of which nothing else is said.
    fn of(news: News, agent: &AgentId, number: u64, url: &str) -> Self {
        Self {
            news,
            agent: agent.clone(),
            number,
            url: url.to_owned(),
            checks: None,
            review: None,
            check: None,
            author: None,
            trusted: None,
            file: None,
            line: None,
            text: None,
            given: None,
        }
    }
}

/// Gets each change.
type Tell<'a> = &'a mut dyn FnMut(&PullRequestNews) -> Result<()>;

/// One pull request that is watched.
struct Watched {
    id: AgentId,
    number: u64,
    url: String,
    before: Option<Snapshot>,
    /// What was reported of what keeps it back, so that it is reported once.
    told: HashSet<String>,
}

/// Watches pull requests until all are merged or closed. `tell` gets each change once.
///
/// # Errors
/// An agent calls; there is no pull request to watch; the forge refuses; the time is over ([`crate::Kind::Timeout`]), or it was
/// interrupted (130).
pub fn watch(context: &Context, repo: &AcceptedRepo, request: &WatchRequest, tell: Tell<'_>) -> Result<()> {
    refuse_agents(repo)?;
    let publish = Request { remote: request.remote.clone(), ..Request::default() };
    let publisher = Publisher::of(context, repo, &publish)?;
    let mut watched = chosen(&publisher, request)?;
    let usual = request.interval_seconds.map_or(INTERVAL, Duration::from_secs).max(MIN_INTERVAL);
    let (begun, mut pause) = (Instant::now(), usual);
    let mut watcher = Watcher {
        trusted: Config::of(repo).all(&PR_TRUST),
        people: HashMap::new(),
        fix: request.fix,
        publisher,
    };
    loop {
        pause = match watcher.look_at_all(&mut watched, tell) {
            Ok(()) => usual,
            Err(error) if is_passing(&error) => {
                if pause == usual {
                    tell_unreachable(&watched, &error, tell)?;
                }
                (pause * 2).min(MAX_INTERVAL.max(usual))
            }
            Err(error) => return Err(error),
        };
        let is_open = |one: &Watched| one.before.as_ref().is_none_or(Snapshot::is_open);
        if !watched.iter().any(is_open) {
            return Ok(());
        }
        let limit = request.for_seconds.map(Duration::from_secs);
        let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        if left == Some(Duration::ZERO) {
            return Err(Error::new(Code::Timeout, "the pull requests are still open")
                .hint("git orchestra pr watch continues; what an agent was given is recorded"));
        }
        if context.cancel.wait(left.map_or(pause, |left| left.min(pause))) {
            return Err(crate::context::interrupted("interrupted; the pull requests are still open"));
        }
    }
}

/// Chooses the agents whose pull requests are watched.
fn chosen(publisher: &Publisher<'_>, request: &WatchRequest) -> Result<Vec<Watched>> {
    let repo = publisher.repo;
    let listing = Listing::read(repo)?;
    let named = selection::named(repo, &listing, &request.agents)?;
    let read = |row: &ListRow| Some((row.id.clone(), listing.agent(repo, row).ok()?));
    let mut watched = Vec::new();
    for (id, agent) in listing.rows.iter().filter_map(read) {
        let known = agent.published.as_ref().filter(|known| publisher.is_here(known));
        let known = known.filter(|known| named.contains(&id) || known.state == PullRequestState::Open);
        if !named.is_empty() && !named.contains(&id) {
            continue;
        }
        match known {
            Some(known) => watched.push(Watched::of(&id, known)),
            None if named.contains(&id) => {
                let word = publisher.forge.kind.request_word();
                let what = format!("'{id}' has no {word} on {}", publisher.forge.repo);
                return Err(Error::new(Code::ForgeRefused, what).hint_command(&[
                    &"git",
                    &"orchestra",
                    &"pr",
                    &id,
                ]));
            }
            None => {}
        }
    }
    if watched.is_empty() {
        return Err(Error::new(Code::ForgeRefused, "no agent has an open pull request")
            .hint("git orchestra pr AGENT opens one"));
    }
    Ok(watched)
}

impl Watched {
    fn of(id: &AgentId, known: &Published) -> Self {
        Self {
            id: id.clone(),
            number: known.number,
            url: known.url.clone(),
            before: None,
            told: HashSet::new(),
        }
    }

    fn news(&self, news: News) -> PullRequestNews {
        PullRequestNews::of(news, &self.id, self.number, &self.url)
    }

    /// Tells once what keeps it back.
    fn hold_back(&mut self, why: String, tell: Tell<'_>) -> Result<()> {
        if !self.told.insert(why.clone()) {
            return Ok(());
        }
        tell(&PullRequestNews { text: Some(why), ..self.news(News::HeldBack) })
    }
}

/// What all looks share.
struct Watcher<'a> {
    publisher: Publisher<'a>,
    /// Who else is trusted.
    trusted: Vec<String>,
    /// Who was asked about, and whether they are trusted.
    people: HashMap<String, bool>,
    fix: bool,
}

impl Watcher<'_> {
    fn look_at_all(&mut self, all: &mut [Watched], tell: Tell<'_>) -> Result<()> {
        for one in all {
            if one.before.as_ref().is_none_or(Snapshot::is_open) {
                self.publisher.context.check()?;
                self.look(one, tell)?;
            }
        }
        Ok(())
    }

    fn look(&mut self, one: &mut Watched, tell: Tell<'_>) -> Result<()> {
        let agent = store::agent(self.publisher.repo, &one.id)?;
        let now = self.snapshot(one.number, &agent)?;
        if let Some(head) = agent.published.as_ref().and_then(|known| known.head.commit()) {
            let standing = Standing { checks: Some(now.checks_say()), review: Some(now.review) };
            self.publisher.record(&one.id, head, &now.seen, standing)?;
        }
        one.url.clone_from(&now.seen.url);
        for news in changes::between(&one.id, one.before.as_ref(), &now) {
            tell(&news)?;
        }
        if self.fix && now.is_open() {
            self.fix(one, &agent, &now, tell)?;
        }
        one.before = Some(now);
        Ok(())
    }

    fn snapshot(&mut self, number: u64, agent: &Agent) -> Result<Snapshot> {
        let forge = &self.publisher.forge;
        let seen = forge.get(number)?;
        if seen.state != PullRequestState::Open {
            return Ok(Snapshot::ended(seen));
        }
        let checks: Vec<ForgeCheck> = forge.check_list(&seen)?;
        let said: Vec<ForgeSaid> = forge.all_said(&seen, &self.trusted, &mut self.people)?;
        let review = forge.standing(&seen)?;
        let pushed = agent.published.as_ref().and_then(|known| known.head.commit());
        let head_moved = pushed.is_some_and(|head| !seen.is_at(head));
        Ok(Snapshot { seen, checks, said, review, head_moved })
    }
}

/// Returns whether the forge may answer later.
const fn is_passing(error: &Error) -> bool {
    matches!(error.code, Code::ForgeUnreachable | Code::ForgeLimit | Code::ForgeFailed)
}

fn tell_unreachable(watched: &[Watched], error: &Error, tell: Tell<'_>) -> Result<()> {
    let is_open = |one: &&Watched| one.before.as_ref().is_none_or(Snapshot::is_open);
    let Some(first) = watched.iter().find(is_open) else { return Ok(()) };
    tell(&PullRequestNews { text: Some(error.one_line()), ..first.news(News::Unreachable) })
}
