//! Gives an agent what fails and what was said at its pull request, and pushes its result to it. What was given is in the event that
//! begins the attempt, so that it is given once, wherever this was interrupted.

use super::{News, PullRequestNews, Tell, Watched, Watcher, changes::Snapshot, feedback};
use crate::{
    Code, Error, Kind, Result,
    agents::Words,
    model::{Agent, Event, Fact, Liveness, Phase},
    ops::resume::{self, given},
    store::{Chain, layout::PrivateDir, writer},
    supervise::liveness,
};

/// What an agent owes to its pull request.
enum Owes {
    /// Nothing: everything that it was given came before what was pushed last.
    Nothing,
    /// The result of what it was given.
    Result,
}

impl Watcher<'_> {
    /// Does the next step for the agent of a pull request.
    pub(super) fn fix(&self, one: &mut Watched, agent: &Agent, now: &Snapshot, tell: Tell<'_>) -> Result<()> {
        let done = self.step(one, agent, now, tell);
        match done {
            Err(error) if holds_back(&error) => one.hold_back(error.one_line(), tell),
            other => other,
        }
    }

    fn step(&self, one: &mut Watched, agent: &Agent, now: &Snapshot, tell: Tell<'_>) -> Result<()> {
        let repo = self.publisher.repo;
        let private = PrivateDir::new(repo.private_dir()?);
        let chain = Chain::of_agent(repo, &one.id)?;
        let owes = owes(&chain.events, agent);
        match liveness::of(&private, &one.id, agent, writer::known_writer(repo).as_deref()) {
            Liveness::Ended => {}
            // It was killed between the event that gives it something and its start.
            Liveness::Lost if matches!(owes, Owes::Result) => return self.resume(one, None, Vec::new()),
            Liveness::Lost => {
                return one.hold_back(format!("agent '{}' lost its supervisor", one.id), tell);
            }
            Liveness::Remote => {
                return one.hold_back(format!("agent '{}' is in another clone", one.id), tell);
            }
            _ => return Ok(()),
        }
        if now.head_moved && !is_pushed_head(agent, now) {
            return one.hold_back("somebody else pushed to its branch".to_owned(), tell);
        }
        if matches!(owes, Owes::Result) {
            match agent.phase {
                Phase::Done => return self.push_result(one, tell),
                phase => {
                    let why = agent.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                    one.hold_back(format!("agent '{}' is {}{why}", one.id, phase.as_str()), tell)?;
                }
            }
        }
        let known = given::keys(repo, &one.id)?;
        let Some(feedback) = feedback::of(&self.publisher.forge.repo, now, &known) else { return Ok(()) };
        let count = feedback.keys.len();
        // What cannot be given now, because its session is in use for instance, is given at a later look.
        self.resume(one, Some(feedback.prompt), feedback.keys)?;
        tell(&PullRequestNews { given: Some(count), ..one.news(News::Given) })
    }

    fn resume(&self, one: &Watched, prompt: Option<String>, about: Vec<String>) -> Result<()> {
        let request = resume::Request {
            agents: vec![one.id.to_string()],
            message: prompt.map(Words::Composed),
            about,
            ..resume::Request::default()
        };
        resume::run(self.publisher.context, self.publisher.repo, &request).map(drop)
    }

    fn push_result(&self, one: &Watched, tell: Tell<'_>) -> Result<()> {
        self.publisher.publish(std::slice::from_ref(&one.id))?;
        tell(&one.news(News::Pushed))
    }
}

/// Returns whether the forge has the newest work of the agent, though another process pushed it.
fn is_pushed_head(agent: &Agent, now: &Snapshot) -> bool {
    agent.head_commit().is_some_and(|head| now.seen.is_at(head))
}

/// Returns whether an agent was given something of its pull request since its work was pushed last, and has other work now.
fn owes(events: &[Event], agent: &Agent) -> Owes {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by_key(|event| event.lamport);
    let (mut is_given, mut pushed) = (false, None);
    for event in ordered {
        match &event.fact {
            Some(Fact::Send(message)) if !message.about.is_empty() => is_given = true,
            Some(Fact::Published(published)) if published.head.commit() != pushed => {
                (is_given, pushed) = (false, published.head.commit());
            }
            _ => {}
        }
    }
    if is_given && (agent.head_commit() != pushed || !agent.phase.is_at_rest()) {
        Owes::Result
    } else {
        Owes::Nothing
    }
}

/// Returns whether an error is about one agent or its work, so that the others are still watched.
fn holds_back(error: &Error) -> bool {
    let is_of_forge = matches!(error.code, Code::ForgeUnreachable | Code::ForgeLimit | Code::ForgeFailed);
    !is_of_forge && !matches!(error.kind(), Kind::Interrupted | Kind::Timeout | Kind::Internal)
}
