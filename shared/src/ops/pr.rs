//! `pr`: publishes the work of agents as pull requests on the forge of a remote, and merges or closes them. Only this command, typed by a
//! person, pushes work; agents do neither, and never see the token.
//!
//! Killed anywhere and typed again, it completes what is missing: the branch is pushed under a lease, and a pull request is looked for
//! by its branch before one is opened.
//!
//! Work whose ground was merged as other commits is put on top of these before it is pushed.

mod branch;
mod by_push;
mod labels;
mod list;
pub(in crate::ops) mod method;
pub(in crate::ops) mod place;
mod publish;
mod restack;
mod seen;
mod side_by_side;
mod stack;
pub(in crate::ops) mod text;
mod watch;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::place::PublishPlace;
pub use self::watch::{News, PullRequestNews, WatchRequest, watch};
use self::{
    by_push::PushPublisher,
    place::{refuse_agents, remote},
    seen::Standing,
};
pub use crate::forge::{ForgeChecks, ForgeReviews, MergeMethod, PullRequest, PullRequestState};
use crate::{
    Code, Error, Result,
    config::{Config, keys::PR_PUBLISH},
    context::Context,
    forge::{Forge, ForgeRepo, ReachedForge},
    git::Oid,
    model::{Agent, AgentId, Phase, text::safe, verdict::Verdict},
    ops::selection,
    store::{self, Listing},
    sync::Remote,
    trust::AcceptedRepo,
};

/// What to do with which pull requests.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The agents, by id, unique prefix, or tag; without one, the open pull requests are listed.
    pub agents: Vec<String>,
    /// What to do with the pull requests of these agents.
    pub action: PullRequestAction,
    /// The remote to push to; by default the one of the branch, or `origin`.
    pub remote: Option<String>,
    /// The branch that the work should be merged into; by default the one that it would land in.
    pub into: Option<String>,
    /// The title; by default that of the task.
    pub title: Option<String>,
    /// Whether to open it as a draft.
    pub draft: bool,
    /// Labels that it gets; those that it has stay.
    pub labels: Vec<String>,
    /// Who is asked to review it; those who were asked before stay.
    pub reviewers: Vec<String>,
    /// Whether work that started from that of other agents is merged into their branches, and theirs is published as well.
    pub stack: bool,
    /// Whether to only report what would be done.
    pub dry_run: bool,
}

/// What to do with pull requests.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestAction {
    /// Open them, or push what is new to them.
    #[default]
    Open,
    /// Merge them on the forge; without a method as configured.
    Merge(Option<MergeMethod>),
    /// Close them without merging.
    Close,
}

/// The pull requests, and what was done.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "PrReport")]
pub struct Report {
    /// Which forge it is: `github`, `gitlab`, `gitea`, or `bitbucket`.
    pub forge: String,
    /// The host of the forge.
    pub host: String,
    /// The repository on it.
    pub repo: String,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Why the forge was not reached, if the list is what was recorded when it was reached last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<String>,
    /// What could not be done because there is no token, if the pull requests were opened or updated by a push alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_token: Option<String>,
    /// The pull requests, in the order of the agents; if they are listed, newest first.
    pub pull_requests: Vec<PullRequestRow>,
}

/// One pull request, and what was done.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct PullRequestRow {
    /// The agent whose work it is, if it is one of this repository.
    pub agent: Option<AgentId>,
    /// What was done.
    pub done: PullRequestStep,
    /// The pull request; `None` if it would be opened.
    pub pull_request: Option<PullRequest>,
    /// The commit that was pushed, or would be.
    pub pushed: Option<Oid>,
    /// The branch on top of whose newest commit the work was put, because what it builds on is there as other commits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_onto: Option<String>,
    /// The branch that it is merged into now, if that was another one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retargeted: Option<String>,
    /// What the checks of the forge say of its head; `None` if they were not asked.
    pub checks: Option<ForgeChecks>,
    /// What those who review it say, all in all; `None` if they were not asked.
    #[serde(default)]
    pub review: Option<ForgeReviews>,
    /// When it was so, if the forge was not reached now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub seen_at: Option<Timestamp>,
    /// Whether its head is not what was pushed from here: somebody else pushed to its branch.
    #[serde(default)]
    pub head_moved: bool,
}

/// What was done with a pull request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestStep {
    /// It was opened.
    Opened,
    /// New commits were pushed to it.
    Updated,
    /// It was up to date.
    Unchanged,
    /// It was merged.
    Merged,
    /// It was closed.
    Closed,
    /// It was only looked at.
    Listed,
}

/// What all pull requests of one command share.
struct Publisher<'a> {
    context: &'a Context,
    repo: &'a AcceptedRepo,
    request: &'a Request,
    remote: Remote,
    forge: Forge,
}

/// Opens, updates, merges, closes or lists pull requests. If it is interrupted (130), those before are done.
///
/// # Errors
/// An agent calls; the remote is on no forge that is known, or there is no token; an agent has not ended, has no work, or work that cannot
/// be published (3); its branch or its head on the forge moved (4).
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    refuse_agents(repo)?;
    check(request)?;
    let listing = Listing::read(repo)?;
    let ids = selection::named(repo, &listing, &request.agents)?;
    let remote = remote(repo, request.remote.as_deref())?;
    let way = Config::of(repo).get(&PR_PUBLISH)?;
    let opens = !ids.is_empty() && request.action == PullRequestAction::Open;
    let forge = match Forge::reach(context, repo, &remote.address)? {
        ReachedForge::WithToken(forge) if way == "push" && opens && forge.kind.opens_by_push() => {
            let (place, kind) = (forge.repo, forge.kind);
            return PushPublisher { context, repo, request, remote, place, kind, has_token: true }.run(&ids);
        }
        ReachedForge::WithToken(forge) => forge,
        ReachedForge::WithoutToken { repo: place, .. } if way == "api" => {
            return Err(Forge::without_token(&place));
        }
        ReachedForge::WithoutToken { repo: place, kind } => {
            return PushPublisher { context, repo, request, remote, place, kind, has_token: false }.run(&ids);
        }
    };
    let publisher = Publisher { context, repo, request, remote, forge };
    labels::check(&publisher.forge, request)?;
    let mut unreachable = None;
    let rows = match (ids.is_empty(), request.action) {
        (true, _) => publisher.list(&listing, &mut unreachable)?,
        (false, PullRequestAction::Open) => publisher.publish(&ids)?,
        (false, PullRequestAction::Merge(method)) => {
            let method = method::chosen(repo, method)?;
            publisher.each(&ids, |id, agent| publisher.merge(id, agent, method))?
        }
        (false, PullRequestAction::Close) => publisher.each(&ids, |id, agent| publisher.close(id, agent))?,
    };
    let ForgeRepo { host, path, .. } = publisher.forge.repo;
    Ok(Report {
        forge: publisher.forge.kind.as_str().to_owned(),
        host,
        repo: path,
        dry_run: request.dry_run,
        unreachable,
        without_token: None,
        pull_requests: rows,
    })
}

fn check(request: &Request) -> Result<()> {
    let only_for_one = request.title.is_some() && request.agents.len() != 1;
    if only_for_one {
        return Err(Error::usage("a title is for one agent").hint("git orchestra pr AGENT --title TITLE"));
    }
    if request.agents.is_empty()
        && (request.action != PullRequestAction::Open
            || request.draft
            || request.into.is_some()
            || !request.labels.is_empty()
            || !request.reviewers.is_empty())
    {
        return Err(Error::usage("no agent given")
            .hint("git orchestra pr AGENT…; without options it lists the open ones"));
    }
    match request.title.as_deref() {
        Some(title) if title.trim().is_empty() || title.contains('\n') => {
            Err(Error::usage("the title is empty or has several lines"))
        }
        _ => Ok(()),
    }
}

impl<'a> Publisher<'a> {
    fn of(context: &'a Context, repo: &'a AcceptedRepo, request: &'a Request) -> Result<Self> {
        let remote = remote(repo, request.remote.as_deref())?;
        let forge = Forge::of_remote(context, repo, &remote.address)?;
        Ok(Self { context, repo, request, remote, forge })
    }
}

impl Publisher<'_> {
    fn each(
        &self,
        ids: &[AgentId],
        act: impl Fn(&AgentId, &Agent) -> Result<PullRequestRow>,
    ) -> Result<Vec<PullRequestRow>> {
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            self.context.check()?;
            rows.push(act(id, &store::agent(self.repo, id)?)?);
        }
        Ok(rows)
    }

    fn merge(&self, id: &AgentId, agent: &Agent, method: MergeMethod) -> Result<PullRequestRow> {
        let head = work_of(id, agent)?;
        if let Some(merged) =
            self.ended(id, agent, PullRequestState::Merged)?.filter(|found| found.is_at(head))
        {
            return Ok(row(id, PullRequestStep::Unchanged, merged, None));
        }
        let there = self.open_one(id, agent)?;
        if let Some(verdict) = agent.verdict.as_ref().filter(|one| one.verdict != Verdict::Approve) {
            let said = verdict.verdict.as_str();
            return Err(Error::new(
                Code::NotReviewed,
                format!("the verdict on the work of '{id}' is '{said}'"),
            )
            .hint(format!("git orchestra review {id} --approve")));
        }
        let checks = self.forge.checks(head).ok();
        if self.request.dry_run {
            return Ok(row(id, PullRequestStep::Merged, there, checks));
        }
        let merged = self.forge.merge(there.number, method, head)?;
        self.record(id, head, &merged, Standing { checks, review: None })?;
        Ok(row(id, PullRequestStep::Merged, merged, checks))
    }

    fn close(&self, id: &AgentId, agent: &Agent) -> Result<PullRequestRow> {
        if let Some(closed) = self.ended(id, agent, PullRequestState::Closed)? {
            return Ok(row(id, PullRequestStep::Unchanged, closed, None));
        }
        let mut there = self.open_one(id, agent)?;
        if self.request.dry_run {
            return Ok(row(id, PullRequestStep::Closed, there, None));
        }
        self.forge.close(there.number)?;
        there.state = PullRequestState::Closed;
        if let Some(head) = agent.head_commit() {
            self.record(id, head, &there, Standing::default())?;
        }
        Ok(row(id, PullRequestStep::Closed, there, None))
    }

    /// Returns the pull request of an agent if it has already ended as it should: a command that was killed may have done it. Its end is
    /// recorded.
    fn ended(&self, id: &AgentId, agent: &Agent, end: PullRequestState) -> Result<Option<PullRequest>> {
        let found = self.forge.find(&agent.branch)?.filter(|found| found.state == end);
        let head = agent.head_commit().filter(|head| found.as_ref().is_some_and(|found| found.is_at(*head)));
        if let (Some(found), Some(head), false) = (&found, head, self.request.dry_run) {
            self.record(id, head, found, Standing::default())?;
        }
        Ok(found)
    }

    /// Returns the open pull request of an agent.
    fn open_one(&self, id: &AgentId, agent: &Agent) -> Result<PullRequest> {
        let word = self.forge.kind.request_word();
        let found = self.forge.find(&agent.branch)?;
        match found {
            Some(found) if found.state == PullRequestState::Open => Ok(found),
            Some(found) => Err(Error::new(
                Code::ForgeRefused,
                format!("{word} {} of '{id}' is {}", found.number, found.state),
            )
            .hint(safe(&found.url))),
            None => {
                Err(Error::new(Code::ForgeRefused, format!("'{id}' has no {word} on {}", self.forge.repo))
                    .hint(format!("git orchestra pr {id}")))
            }
        }
    }
}

const fn step(is_new: bool, is_pushed: bool) -> PullRequestStep {
    match (is_new, is_pushed) {
        (true, _) => PullRequestStep::Opened,
        (false, true) => PullRequestStep::Updated,
        (false, false) => PullRequestStep::Unchanged,
    }
}

fn row(
    id: &AgentId,
    done: PullRequestStep,
    pull_request: PullRequest,
    checks: Option<ForgeChecks>,
) -> PullRequestRow {
    PullRequestRow { done, pull_request: Some(pull_request), checks, ..PullRequestRow::of(id) }
}

impl PullRequestRow {
    /// Makes a row of an agent of which nothing is known yet.
    fn of(id: &AgentId) -> Self {
        Self {
            agent: Some(id.clone()),
            done: PullRequestStep::Listed,
            pull_request: None,
            pushed: None,
            moved_onto: None,
            retargeted: None,
            checks: None,
            review: None,
            seen_at: None,
            head_moved: false,
        }
    }
}

/// Returns the commit with the work of an agent that can be published.
fn work_of(id: &AgentId, agent: &Agent) -> Result<Oid> {
    if !agent.phase.is_at_rest() {
        let phase = agent.phase.as_str();
        return Err(Error::new(Code::AgentRunning, format!("agent '{id}' has not ended: it is {phase}"))
            .hint(format!("git orchestra status --wait {id}"))
            .hint(format!("git orchestra stop {id}")));
    }
    if let Some(unfinished) = &agent.unfinished {
        return Err(Error::new(
            Code::WorkUnusable,
            format!("the work of '{id}' is unfinished: {unfinished}"),
        )
        .hint(format!("git orchestra resume {id}")));
    }
    let head = agent.head_commit().filter(|_| agent.work.commits > 0 || agent.phase == Phase::Done);
    head.filter(|head| agent.base.commit() != Some(*head)).ok_or_else(|| {
        Error::new(Code::WorkMissing, format!("agent '{id}' has no work to publish"))
            .hint(format!("git orchestra logs {id}"))
    })
}
