//! `pr`: publishes the work of agents as pull requests on the forge of a remote, and merges or closes them. Only this command, typed by a
//! person, pushes work; agents do neither, and never see the token.
//!
//! Killed anywhere and typed again, it completes what is missing: the branch is pushed under a lease, and a pull request is looked for
//! by its branch before one is opened.

mod branch;
pub(in crate::ops) mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::branch::PushedBranch;
pub use crate::forge::{ForgeChecks, MergeMethod, PullRequest};
use crate::{
    Code, Error, Result,
    context::Context,
    forge::{Forge, ForgeRepo, NewPullRequest, PullRequestChange, PullRequestState, with_our_part},
    git::{Oid, remotes::RemoteOptions},
    landing::branches,
    model::{
        Agent, AgentId, BranchName, Fact, IdOrText, Phase, published::Published, text::safe, verdict::Verdict,
    },
    ops::selection,
    store::{self, AgentLog, Listing, append_if},
    sync::{Remote, remote_tips::RemoteTips},
    trust::AcceptedRepo,
};

/// How many open pull requests are listed.
const MAX_LISTED: usize = 1000;

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
    /// Merge them on the forge.
    Merge(MergeMethod),
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
    /// What the checks of the forge say of its head; `None` if they were not asked.
    pub checks: Option<ForgeChecks>,
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
    let forge = Forge::of_remote(context, repo, &remote.address)?;
    let publisher = Publisher { context, repo, request, remote, forge };
    let rows = match (ids.is_empty(), request.action) {
        (true, _) => publisher.list(&listing)?,
        (false, PullRequestAction::Open) => publisher.publish(&ids)?,
        (false, PullRequestAction::Merge(method)) => {
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
        pull_requests: rows,
    })
}

pub(in crate::ops) fn refuse_agents(repo: &AcceptedRepo) -> Result<()> {
    if !repo.is_called_by_agent() {
        return Ok(());
    }
    Err(Error::new(Code::NotForAgents, "an agent does not publish work")
        .hint("git orchestra inbox tell 'what should be published'"))
}

/// Chooses the remote as `sync` does; what to type next is another command.
pub(in crate::ops) fn remote(repo: &AcceptedRepo, typed: Option<&str>) -> Result<Remote> {
    let chosen = Remote::choose(repo, typed, repo.environment().directory());
    chosen.map_err(|error| match error.code {
        Code::RemoteMissing => Error::new(error.code, "this repository has no remote to publish work on")
            .hint("git remote add origin URL"),
        Code::RemoteAmbiguous | Code::RemoteUnknown => Error::new(error.code, error.message)
            .hint("git remote -v")
            .hint("git orchestra pr AGENT --remote NAME"),
        _ => error,
    })
}

fn check(request: &Request) -> Result<()> {
    let only_for_one = request.title.is_some() && request.agents.len() != 1;
    if only_for_one {
        return Err(Error::usage("a title is for one agent").hint("git orchestra pr AGENT --title TITLE"));
    }
    if request.agents.is_empty()
        && (request.action != PullRequestAction::Open || request.draft || request.into.is_some())
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

impl Publisher<'_> {
    fn list(&self, listing: &Listing) -> Result<Vec<PullRequestRow>> {
        let by_branch = |branch: &str| {
            let row = listing.rows.iter().find(|row| listing.trailer(row, "Branch") == Some(branch))?;
            Some(row.id.clone())
        };
        let row = |pull_request: PullRequest| PullRequestRow {
            agent: by_branch(&pull_request.head).filter(|_| pull_request.fork.is_none()),
            done: PullRequestStep::Listed,
            pushed: None,
            checks: None,
            pull_request: Some(pull_request),
        };
        Ok(self.forge.list(MAX_LISTED)?.into_iter().map(row).collect())
    }

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

    fn publish(&self, ids: &[AgentId]) -> Result<Vec<PullRequestRow>> {
        let into = branches::target(self.repo, self.request.into.as_deref())?.branch;
        // All agents are looked at before the first push.
        let mut work = Vec::with_capacity(ids.len());
        for id in ids {
            let agent = store::agent(self.repo, id)?;
            let head = work_of(id, &agent)?;
            work.push((id, agent, head));
        }
        let there = RemoteTips::ask(self.context, self.repo, &self.remote, RemoteOptions::default())?;
        let branch = |work: &(_, Agent, Oid)| {
            PushedBranch::plan(self.repo, &self.remote, &there, &work.1, work.2, &into)
        };
        let branches = work.iter().map(branch).collect::<Result<Vec<_>>>()?;
        branch::refuse_secrets(self.repo, &branches, &there)?;
        let mut rows = Vec::with_capacity(ids.len());
        for ((id, agent, head), branch) in work.iter().zip(branches) {
            self.context.check()?;
            rows.push(self.publish_one(id, agent, *head, &branch, &into)?);
        }
        Ok(rows)
    }

    fn publish_one(
        &self,
        id: &AgentId,
        agent: &Agent,
        head: Oid,
        branch: &PushedBranch,
        into: &str,
    ) -> Result<PullRequestRow> {
        let pushed = branch.is_needed().then_some(head);
        if self.request.dry_run {
            let found = self.forge.find(&agent.branch)?.filter(|found| found.state == PullRequestState::Open);
            let done = step(found.is_none(), pushed.is_some());
            return Ok(PullRequestRow {
                agent: Some(id.clone()),
                done,
                pull_request: found,
                pushed,
                checks: None,
            });
        }
        branch.push(self.context, self.repo, &self.remote)?;
        let ours = text::of_agent(self.repo, &AgentLog::of(self.repo, id)?, agent)?;
        let title = self.request.title.clone().unwrap_or_else(|| text::title(self.repo, agent));
        let new = NewPullRequest {
            title,
            body: with_our_part("", &ours),
            head: agent.branch.to_string(),
            base: into.to_owned(),
            draft: self.request.draft,
        };
        let opened = self.forge.open(&new)?;
        let mut pull_request = opened.pull_request;
        if !opened.is_new {
            pull_request = self.bring_up_to_date(pull_request, &ours, into)?;
        }
        self.record(id, head, &pull_request)?;
        let checks = self.forge.checks(head).ok();
        let done = step(opened.is_new, pushed.is_some());
        Ok(PullRequestRow { agent: Some(id.clone()), done, pull_request: Some(pull_request), pushed, checks })
    }

    /// Changes what is ours in a pull request that was there: our part of its text, and what was asked for.
    fn bring_up_to_date(&self, there: PullRequest, ours: &str, into: &str) -> Result<PullRequest> {
        let body = with_our_part(&there.body, ours);
        let change = PullRequestChange {
            title: self.request.title.clone().filter(|title| *title != there.title),
            body: (body != there.body).then_some(body),
            base: (self.request.into.is_some() && there.base != into).then(|| into.to_owned()),
        };
        if change == PullRequestChange::default() {
            Ok(there)
        } else {
            self.forge.change(there.number, &change)
        }
    }

    fn merge(&self, id: &AgentId, agent: &Agent, method: MergeMethod) -> Result<PullRequestRow> {
        let (head, there) = (work_of(id, agent)?, self.open_one(id, agent)?);
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
        self.record(id, head, &merged)?;
        Ok(row(id, PullRequestStep::Merged, merged, checks))
    }

    fn close(&self, id: &AgentId, agent: &Agent) -> Result<PullRequestRow> {
        let mut there = self.open_one(id, agent)?;
        if self.request.dry_run {
            return Ok(row(id, PullRequestStep::Closed, there, None));
        }
        self.forge.close(there.number)?;
        there.state = PullRequestState::Closed;
        if let Some(head) = agent.head_commit() {
            self.record(id, head, &there)?;
        }
        Ok(row(id, PullRequestStep::Closed, there, None))
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

    /// Records a pull request in the events of its agent, if that is news.
    fn record(&self, id: &AgentId, head: Oid, seen: &PullRequest) -> Result<()> {
        let published = Published {
            host: self.forge.repo.host.clone(),
            repo: self.forge.repo.path.clone(),
            number: seen.number,
            url: seen.url.clone(),
            head: IdOrText::Id(head),
            into: BranchName::from(seen.base.as_str()),
            state: seen.state,
        };
        let decide = |fold: &crate::model::fold::Fold| {
            (fold.agent.published.as_ref() != Some(&published))
                .then(|| vec![Fact::Published(published.clone())])
        };
        append_if(self.repo, id, decide).map(drop)
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
    PullRequestRow { agent: Some(id.clone()), done, pull_request: Some(pull_request), pushed: None, checks }
}

/// Returns the commit with the work of an agent that can be published.
fn work_of(id: &AgentId, agent: &Agent) -> Result<Oid> {
    if !agent.phase.is_at_rest() {
        let phase = agent.phase.as_str();
        return Err(Error::new(Code::AgentRunning, format!("agent '{id}' has not ended: it is {phase}"))
            .hint(format!("git orchestra status --wait {id}, or git orchestra stop {id}")));
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
