//! Publishing without a token: a push alone opens and updates pull requests. GitLab does so for a branch that comes with options; Gitea
//! and Forgejo for a push to `refs/for/BRANCH`, where the topic tells which pull request it is.
//!
//! Killed anywhere and typed again, it completes what is missing: the topic and the branch are those of the agent, and the number of a
//! pull request that was opened before is found by the ref that the forge keeps for its head.

use super::{
    PullRequestAction, PullRequestRow, Report, Request,
    branch::{self, Ground, PushedBranch},
    row,
    seen::{self, Standing},
    step, text, work_of,
};
use crate::{
    Code, Error, Result,
    config::{
        Config,
        keys::{PR_LABEL, PR_PUBLISH, PR_REVIEWER},
    },
    context::Context,
    forge::{Forge, ForgeKind, ForgeRepo, PullRequest, PullRequestState, PushedRequest},
    git::{
        Oid,
        remotes::{PushAnswer, RejectionCause, RemoteOptions},
    },
    landing::branches,
    model::{Agent, AgentId, published::Published, text::safe},
    store::{self, AgentLog},
    sync::{Remote, remote_tips::RemoteTips},
    trust::AcceptedRepo,
};

/// What Gitea says of a push that changes nothing.
const SAME_COMMIT: &str = "same with old commit";

/// What all pull requests of one command share that has no token.
pub(super) struct PushPublisher<'a> {
    pub(super) context: &'a Context,
    pub(super) repo: &'a AcceptedRepo,
    pub(super) request: &'a Request,
    pub(super) remote: Remote,
    pub(super) place: ForgeRepo,
    pub(super) kind: ForgeKind,
    /// Whether there is a token, which the user wants not to be used.
    pub(super) has_token: bool,
}

/// The work of an agent, and how it gets to the forge.
struct PushedWork {
    agent: Agent,
    head: Oid,
    branch: PushedBranch,
    /// Its pull request, as it was recorded.
    known: Option<Published>,
    /// Whether it does not contain what was pushed before.
    rewritten: bool,
}

impl PushedWork {
    /// Returns whether its pull request has it already, as far as was recorded.
    fn is_there(&self) -> bool {
        self.known.is_some() && !self.branch.is_needed()
    }
}

impl PushPublisher<'_> {
    /// Opens or updates the pull requests of agents.
    ///
    /// # Errors
    /// Something else is asked for, which needs a token (3); otherwise as with a token.
    pub(super) fn run(self, ids: &[AgentId]) -> Result<Report> {
        self.check(ids)?;
        let into = branches::target(self.repo, self.request.into.as_deref())?.branch;
        let there = RemoteTips::ask(self.context, self.repo, &self.remote, RemoteOptions::default())?;
        // All agents are looked at before the first push.
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            all.push(self.plan(id, &there, &into)?);
        }
        branch::refuse_secrets(self.repo, all.iter().map(|work| &work.branch), &there)?;
        let mut rows = Vec::with_capacity(ids.len());
        for (id, work) in ids.iter().zip(&all) {
            self.context.check()?;
            rows.push(self.publish(id, work, &there, &into)?);
        }
        Ok(Report {
            forge: self.kind.as_str().to_owned(),
            without_token: Some(self.sentence()),
            host: self.place.host,
            repo: self.place.path,
            dry_run: self.request.dry_run,
            unreachable: None,
            pull_requests: rows,
        })
    }

    /// Refuses what no push can do.
    fn check(&self, ids: &[AgentId]) -> Result<()> {
        let request = self.request;
        if !self.kind.opens_by_push() || ids.is_empty() || request.action != PullRequestAction::Open {
            return Err(Forge::without_token(&self.place));
        }
        let needs = [
            ("--reviewer", !request.reviewers.is_empty()),
            ("--label", !request.labels.is_empty() && !self.kind.labels_by_push()),
            ("--stack", request.stack),
        ];
        match needs.into_iter().find(|(_, is_asked)| *is_asked) {
            None => Ok(()),
            Some((option, _)) => {
                let error = self.not_with_token();
                let message = format!("{}, and {option} needs one", error.message);
                Err(Error { message, ..error }.hint(format!("repeat the command without {option}")))
            }
        }
    }

    /// Makes the error that no token is used, with what to type next.
    fn not_with_token(&self) -> Error {
        if !self.has_token {
            return Forge::without_token(&self.place);
        }
        let what = format!("the token for '{}' is not used", safe(&self.place.host));
        Error::new(Code::ForgeTokenMissing, what).hint(PR_PUBLISH.hint("auto"))
    }

    /// Says in one line what a token would add.
    fn sentence(&self) -> String {
        let word = self.kind.request_word();
        let lacks = if self.kind.labels_by_push() { "reviewers" } else { "labels, reviewers" };
        let configured = Config::of(self.repo);
        let is_lost = !configured.all(&PR_REVIEWER).is_empty()
            || (!self.kind.labels_by_push() && !configured.all(&PR_LABEL).is_empty());
        let lost = if is_lost { ", also those of git config" } else { "" };
        format!(
            "{}: {word}s are opened by push, with a text of one line and without {lacks}{lost}",
            self.not_with_token().message
        )
    }

    fn plan(&self, id: &AgentId, there: &RemoteTips, into: &str) -> Result<PushedWork> {
        let agent = store::agent(self.repo, id)?;
        let head = work_of(id, &agent)?;
        let known = agent.published.clone().filter(|known| seen::is_in(&self.place, known));
        // A new one is opened for work that continued after the last one ended.
        let is_current =
            |known: &Published| known.state == PullRequestState::Open || known.head.commit() == Some(head);
        let known = known.filter(is_current);
        let ground = Ground { remote: &self.remote, there, with: &[] };
        // The branch of one that was merged may be gone there.
        if known.as_ref().is_some_and(|known| known.state != PullRequestState::Open) {
            let branch = PushedBranch::plan_for_review(self.repo, &ground, &agent, head, into)?.not_needed();
            return Ok(PushedWork { agent, head, branch, known, rewritten: false });
        }
        if self.kind == ForgeKind::GitLab {
            let branch = PushedBranch::plan(self.repo, &ground, &agent, head, into)?;
            return Ok(PushedWork { agent, head, branch, known, rewritten: false });
        }
        let mut branch = PushedBranch::plan_for_review(self.repo, &ground, &agent, head, into)?;
        let mut rewritten = false;
        if let Some(known) = &known {
            let now = self.head_there(known, &agent, there)?;
            if now == Some(head) {
                branch = branch.not_needed();
            } else if let Some(now) = now {
                rewritten = !self.repo.contains(head, now)?;
                if rewritten && known.head.commit() != Some(now) {
                    return Err(branch::moved(&self.remote, &agent.branch));
                }
            }
        }
        Ok(PushedWork { agent, head, branch, known, rewritten })
    }

    /// Returns the head of a recorded pull request on the forge; if the forge does not advertise it, what was pushed last.
    fn head_there(&self, known: &Published, agent: &Agent, there: &RemoteTips) -> Result<Option<Oid>> {
        let name = self.kind.head_ref(known.number).unwrap_or_default();
        match there.get(&name) {
            // Its object does not exist here.
            None if there.has_ref(&name) => Err(branch::moved(&self.remote, &agent.branch)),
            None => Ok(known.head.commit()),
            now => Ok(now),
        }
    }

    fn publish(
        &self,
        id: &AgentId,
        work: &PushedWork,
        there: &RemoteTips,
        into: &str,
    ) -> Result<PullRequestRow> {
        let pushed = work.branch.is_needed().then_some(work.head);
        let known = work.known.as_ref().map(|known| self.pull_request(work, known.number, &known.url, into));
        if self.request.dry_run {
            let done = step(known.is_none(), pushed.is_some());
            return Ok(PullRequestRow { done, pull_request: known, pushed, ..PullRequestRow::of(id) });
        }
        if let Some(there) = known.clone().filter(|_| work.is_there()) {
            return self.record(id, work, there, super::PullRequestStep::Unchanged, None);
        }
        let answer = self.push(id, work, into)?;
        let said = answer.as_ref().and_then(|answer| self.place.printed_request(self.kind, &answer.said));
        let is_same = answer.as_ref().is_none_or(|answer| answer.rejected.is_some());
        let (number, url) = match (said, &known) {
            (Some(said), _) => said,
            (None, Some(known)) => (known.number, known.url.clone()),
            (None, None) => self.found(work, there, into)?,
        };
        let is_new = known.is_none_or(|known| known.number != number) && !is_same;
        let pushed = pushed.filter(|_| !is_same);
        let done = step(is_new, pushed.is_some());
        self.record(id, work, self.pull_request(work, number, &url, into), done, pushed)
    }

    fn record(
        &self,
        id: &AgentId,
        work: &PushedWork,
        there: PullRequest,
        done: super::PullRequestStep,
        pushed: Option<Oid>,
    ) -> Result<PullRequestRow> {
        if there.state == PullRequestState::Open {
            seen::record(self.repo, &self.place, (id, work.head), &there, Standing::default())?;
        }
        Ok(PullRequestRow { pushed, ..row(id, done, there, None) })
    }

    /// Pushes the work. `None`: the branch is there already.
    fn push(&self, id: &AgentId, work: &PushedWork, into: &str) -> Result<Option<PushAnswer>> {
        let options = self.asked_for(id, work, into)?.options(self.kind);
        let answer = work.branch.push_with(self.context, self.repo, &self.remote, &options);
        let answer = answer.map_err(|error| match error.code {
            Code::RemoteRejected => self.with_token_hint(error),
            _ => error,
        })?;
        let Some(rejected) = answer.as_ref().and_then(|answer| answer.rejected.as_ref()) else {
            return Ok(answer);
        };
        if self.kind == ForgeKind::Gitea && rejected.why.contains(SAME_COMMIT) {
            return Ok(answer);
        }
        if rejected.cause == RejectionCause::Race {
            return Err(branch::moved(&self.remote, &work.agent.branch));
        }
        let what = format!("'{}' refuses '{}': {}", self.address(), safe(&rejected.name), rejected.why);
        Err(self.with_token_hint(Error::new(Code::RemoteRejected, what)))
    }

    fn asked_for(&self, id: &AgentId, work: &PushedWork, into: &str) -> Result<PushedRequest> {
        let (request, agent) = (self.request, &work.agent);
        let mut asked = PushedRequest {
            title: request.title.clone(),
            topic: agent.branch.to_string(),
            into: (request.into.is_some() || work.known.is_none()).then(|| into.to_owned()),
            draft: request.draft,
            labels: request.labels.clone(),
            rewritten: work.rewritten,
            ..PushedRequest::default()
        };
        // What people wrote since stays.
        if work.known.is_none() {
            let log = AgentLog::of(self.repo, id)?;
            asked.title.get_or_insert_with(|| text::title(self.repo, agent));
            asked.text = Some(text::in_one_line(self.repo, &log, agent, &self.place.path)?);
            asked.labels.extend(Config::of(self.repo).all(&PR_LABEL));
        }
        asked.labels.sort();
        asked.labels.dedup();
        Ok(asked)
    }

    /// Finds a pull request of which the forge printed nothing: the ref that it keeps for its head tells the number.
    fn found(&self, work: &PushedWork, before: &RemoteTips, into: &str) -> Result<(u64, String)> {
        let now = self.repo.remote_refs(self.context, &self.remote.address, RemoteOptions::default())?;
        let here = now.iter().filter(|(_, id)| *id == work.head).map(|(name, _)| name.as_str());
        let names: Vec<&str> = here.collect();
        let numbers: Vec<u64> = names.iter().filter_map(|name| self.kind.number_of_head_ref(name)).collect();
        if let [number] = numbers.as_slice() {
            return Ok((*number, self.place.page_of_request(self.kind, *number)));
        }
        let word = self.kind.request_word();
        let ordinary = format!("refs/for/{into}");
        if names.contains(&ordinary.as_str()) && !before.has_ref(&ordinary) {
            let what = format!(
                "'{}' knows no '{ordinary}', and keeps the work there as an ordinary ref",
                self.address()
            );
            let error = Error::new(Code::RemoteRejected, what);
            let error = error.hint_command(&[&"git", &"push", &self.remote.address, &format!(":{ordinary}")]);
            return Err(self.with_token_hint(error));
        }
        let what = format!(
            "the work is on '{}', but it printed no {word}, and {} of its refs name one",
            self.address(),
            numbers.len()
        );
        Err(self.with_token_hint(Error::new(Code::RemoteRejected, what)))
    }

    fn with_token_hint(&self, error: Error) -> Error {
        self.not_with_token().hints.into_iter().fold(error, Error::hint)
    }

    fn address(&self) -> String {
        safe(&self.remote.address).into_owned()
    }

    fn pull_request(&self, work: &PushedWork, number: u64, url: &str, into: &str) -> PullRequest {
        let known = work.known.as_ref().filter(|known| known.number == number);
        PullRequest {
            number,
            url: url.to_owned(),
            title: self.request.title.clone().unwrap_or_else(|| text::title(self.repo, &work.agent)),
            head: work.agent.branch.to_string(),
            fork: None,
            commit: work.head.to_string(),
            base: into.to_owned(),
            state: known.map_or(PullRequestState::Open, |known| known.state),
            draft: self.request.draft,
            author: String::new(),
            body: String::new(),
        }
    }
}
