//! `run --pr`: publishes the work of the tasks of a run as pull requests, each after its check and after a person's answer. Only this
//! process sees the token; agents do not.
//!
//! Killed anywhere and continued, it does the rest: the answer at the gate counts for this head of the work, the check is known to pass for
//! the same files, and a pull request is looked for by its branch before one is opened.

use super::{
    driver::{Driver, Found, order},
    given_up,
    land::TaskEnded,
};
use crate::{
    Code, Error, Kind, Result,
    git::Oid,
    model::{
        Agent, AgentId,
        run::{GateKind, TaskOutcome},
        text,
    },
    ops::{
        merge_ranked,
        pr::{self, PullRequestRow},
        spawn,
    },
    plan::Task,
    store,
};

impl Driver<'_> {
    /// Publishes the work of these tasks. Each is decided about by that: it ends, or a person is asked.
    pub(super) fn publish(&mut self, found: &Found, places: &[usize]) -> Result<()> {
        for place in self.landable(found, places)?.0 {
            if self.context.cancel.is_cancelled() {
                return Err(self.interrupted());
            }
            let Some(id) = found.rows[place].agent.clone() else { continue };
            let agent = store::agent(self.repo, &id)?;
            let head = agent.head_commit().filter(|head| agent.base.commit() != Some(*head));
            let ended = match self.obstacle(&agent, head)? {
                Some(ended) => ended,
                None if self.started.yolo || self.has_accepted(found, place, GateKind::Publish) => {
                    self.require_driving_there()?;
                    self.publish_one(&id)?
                }
                None => {
                    let says = self.question(&agent, head);
                    self.open_gate(found, Some(place), GateKind::Publish, says)?;
                    continue;
                }
            };
            self.ended(found, place, ended)?;
        }
        Ok(())
    }

    /// Returns how a task ends whose agent changed nothing, or whose work fails the check.
    fn obstacle(&self, agent: &Agent, head: Option<Oid>) -> Result<Option<TaskEnded>> {
        let Some(head) = head else {
            let failing = self.check_target(&self.landing())?;
            return self.ended_without_work(Some(agent.clone()), false, failing.as_ref()).map(Some);
        };
        let check = |context: &_| merge_ranked::failing_at(context, self.repo, &self.landing(), head);
        let failing = given_up::unless_given_up(self, check).map_err(|error| self.or_interrupted(error))?;
        Ok(failing.map(|fails| TaskEnded::failed(GateKind::CheckFailed, Some(fails.sentence(&agent.branch)))))
    }

    /// Publishes the work of an agent. What concerns only this work is an end of its task; what would stop all others as well, such as a
    /// forge that is away, stops the run, which can be continued.
    fn publish_one(&self, id: &AgentId) -> Result<TaskEnded> {
        let request = pr::Request {
            agents: vec![id.to_string()],
            into: Some(self.started.into.clone()),
            stack: true,
            ..pr::Request::default()
        };
        match given_up::unless_given_up(self, |context| pr::run(context, self.repo, &request)) {
            Ok(report) => {
                let is_its = |row: &&PullRequestRow| row.agent.as_ref() == Some(id);
                let row = report.pull_requests.iter().find(is_its);
                let made = row.and_then(|row| row.pull_request.as_ref()).ok_or_else(|| {
                    Error::new(Code::ForgeFailed, format!("the pull request of '{id}' is not known"))
                })?;
                let (number, url) = (made.number, text::safe(&made.url));
                Ok(TaskEnded::published(format!("pull request {number} {url}")))
            }
            Err(error) if is_about_work(&error) => {
                let why = format!("cannot be published: {}", error.one_line());
                Ok(TaskEnded::failed(GateKind::Publish, Some(why)))
            }
            Err(error) => Err(self.or_interrupted(error)),
        }
    }

    /// Returns what a person is asked before the work of an agent leaves this machine.
    fn question(&self, agent: &Agent, head: Option<Oid>) -> String {
        let commits = text::count(agent.work.commits.max(1), "commit");
        let place = self.place.as_ref().map_or_else(
            || "the forge".to_owned(),
            |place| format!("{} on {}", text::safe(&place.repo), text::safe(&place.host)),
        );
        let head = head.map(|head| format!(", {},", head.short())).unwrap_or_default();
        format!("publish {commits}{head} to {place}")
    }

    fn or_interrupted(&self, error: Error) -> Error {
        if error.kind() == Kind::Interrupted { self.interrupted() } else { error }
    }

    /// Returns how the agent of a task is started: from the work of the tasks that it needs, if that is published and not landed.
    pub(super) fn order_after(&self, found: &Found, place: usize, task: &Task) -> spawn::Request {
        let order = order(&self.started, task);
        let is_needed = |row: &&super::TaskRow| {
            found.rows[place].after.contains(&row.id) && row.outcome == Some(TaskOutcome::Published)
        };
        let agents = found.rows.iter().filter(is_needed).filter_map(|row| row.agent.as_ref());
        let after: Vec<String> = agents.map(ToString::to_string).collect();
        if after.is_empty() { order } else { spawn::Request { base: None, after, ..order } }
    }
}

/// Returns whether an error is about the work of one agent, and not about the forge.
fn is_about_work(error: &Error) -> bool {
    matches!(
        error.code,
        Code::ForgeChanged
            | Code::ForgeRefused
            | Code::RemoteChanged
            | Code::RemoteRejected
            | Code::WorkMissing
            | Code::WorkUnusable
    ) || error.code == Code::from(Kind::Refused)
}
