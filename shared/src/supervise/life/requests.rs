//! Reads requests to a running agent: events on its ref, each handled once and in order.

use std::{
    collections::{HashSet, VecDeque},
    path::Path,
};

use super::Supervisor;
use crate::{
    Result,
    agents::Launch,
    git::{
        Oid, Repo,
        refs::{RefEdit, RefWatch},
    },
    model::{
        AgentId, Event, Fact, Phase,
        cap::QUESTION,
        event::{EventId, HeardMessages, Message},
        said::{HeardHow, MAX_HEARD},
    },
    store::{AgentLog, Chain, append, layout, verdicts, writer},
    supervise::ending::AttemptEnd,
    world::Environment,
};

/// The most messages whose receipt is awaited.
const MAX_AWAITED: usize = 1000;

/// The events that were handled, and the ref that is watched for more.
pub(super) struct Requests {
    environment: Environment,
    watch: RefWatch,
    since: u64,
    /// Whether the program reads messages as prose. One that may execute them gets only messages from this clone.
    takes_prose: bool,
    /// Whether the program asks for its messages by itself, so that they are not passed on to it.
    asks: bool,
    handled: HashSet<EventId>,
    /// The tip up to which all events were handled.
    read_to: Option<Oid>,
    /// The newest tip of the log that is known, to write the ref again if it is deleted.
    newest: Option<Oid>,
    /// The highest Lamport number of those events.
    read_lamport: u64,
    /// The messages that were read and not sent to the program yet.
    messages: Vec<Message>,
    /// The ids and texts of the messages of which the program has not said that it got them.
    awaited: VecDeque<(String, String)>,
    end: Option<AttemptEnd>,
}

impl Requests {
    /// Returns a reader of events that are newer than a Lamport number.
    pub(super) fn since(environment: &Environment, since: u64, launch: &Launch) -> Self {
        Self {
            environment: environment.clone(),
            watch: RefWatch::default(),
            since,
            takes_prose: launch.takes_prose(),
            asks: !launch.is_given_messages(),
            handled: HashSet::new(),
            read_to: None,
            newest: None,
            read_lamport: 0,
            messages: Vec::new(),
            awaited: VecDeque::new(),
            end: None,
        }
    }

    /// Reads the ref if it has changed.
    fn read(&mut self, common: &Path, id: &AgentId) -> Result<()> {
        if !self.watch.changed(common, &layout::agent_ref(id)) {
            return Ok(());
        }
        let Ok(repo) = Repo::open(&self.environment, common) else {
            // The configuration may be broken for a while, which is no reason to end a program that works.
            self.watch = RefWatch::default();
            return Ok(());
        };
        self.read_from(&repo, id)
    }

    /// Remembers the tip of the log, after something was written into it.
    pub(super) fn remember_tip(&mut self, repo: &Repo, id: &AgentId) {
        if let Ok(Some(tip)) = repo.find_ref(&layout::agent_ref(id)) {
            self.newest = Some(tip);
        }
    }

    /// Writes the ref of a log again that was deleted while the agent runs, by itself or by a program that prunes refs: otherwise nothing
    /// would show that it runs, and its end could not be recorded.
    fn restore_ref(&self, repo: &Repo, id: &AgentId) -> Result<()> {
        let name = layout::agent_ref(id);
        match self.newest {
            Some(new) if repo.find_ref(&name)?.is_none() => {
                Ok(repo.edit_refs(&[RefEdit { name, old: None, new }], "orchestra: deleted ref restored")?)
            }
            _ => Ok(()),
        }
    }

    /// Reads the events that were not read yet.
    fn read_from(&mut self, repo: &Repo, id: &AgentId) -> Result<()> {
        self.restore_ref(repo, id)?;
        let AgentLog { tip, fold, .. } = AgentLog::of(repo, id)?;
        let owner = &fold.agent.writer;
        let own = writer::known_writer(repo);
        if own.as_ref() != Some(owner) {
            self.end = Some(AttemptEnd::Stopped(Some(format!("clone {owner} has resumed it"))));
        }
        let mut events = Chain::since(repo, tip, self.read_to)?.events;
        events.sort_unstable_by_key(Event::order);
        for event in events.into_iter().filter(|event| event.lamport > self.since) {
            if !self.handled.insert(event.id) {
                continue;
            }
            match event.fact {
                Some(Fact::Stop { reason }) => self.end = Some(AttemptEnd::Stopped(reason)),
                Some(Fact::Pause { reason }) if self.end.is_none() => {
                    self.end = Some(AttemptEnd::Paused(reason));
                }
                // From other clones, only stop and pause are obeyed; messages count only from trusted writers.
                // An answer about money is not one of the program's, whatever that reads.
                Some(Fact::Send(message))
                    if verdicts::is_trusted(repo, &event.writer)
                        && (self.takes_prose
                            || is_about_cap(&message)
                            || own.as_ref() == Some(&event.writer)) =>
                {
                    let is_text = message.allow.is_none() && message.question.is_none();
                    if self.asks && is_text && own.as_ref() == Some(&event.writer) {
                        continue;
                    }
                    let id = event.id.short();
                    keep(&mut self.awaited, message.text.clone().map(|text| (id, text)));
                    self.messages.push(message);
                }
                _ => {}
            }
        }
        self.read_to = Some(tip);
        self.newest = Some(tip);
        self.read_lamport = fold.agent.lamport;
        Ok(())
    }

    /// Returns the messages for a program that starts: those that an earlier attempt did not accept, and those sent since.
    pub(super) fn messages(&mut self, repo: &Repo, id: &AgentId, earlier: &[Event]) -> Result<Vec<String>> {
        if self.watch.changed(&repo.common_dir()?, &layout::agent_ref(id)) {
            self.read_from(repo, id)?;
        }
        let since = std::mem::take(&mut self.messages).into_iter();
        let since = since.filter(|message| message.allow != Some(false)).filter_map(|message| message.text);
        let counts = |writer: &str| verdicts::is_trusted(repo, writer);
        let earlier = unaccepted(earlier, &counts);
        earlier.iter().for_each(|one| keep(&mut self.awaited, Some(one.clone())));
        Ok(earlier.into_iter().map(|(_, text)| text).chain(since).collect())
    }

    /// Returns the id of the earliest awaited message with this text, which is not awaited any more.
    fn take_awaited(&mut self, words: &str) -> Option<String> {
        let at = self.awaited.iter().position(|(_, text)| text == words)?;
        self.awaited.remove(at).map(|(id, _)| id)
    }
}

/// Adds a message to those whose receipt is awaited.
fn keep(awaited: &mut VecDeque<(String, String)>, message: Option<(String, String)>) {
    awaited.extend(message);
    if awaited.len() > MAX_AWAITED {
        awaited.pop_front();
    }
}

fn is_about_cap(message: &Message) -> bool {
    message.question.as_ref().is_some_and(|question| question.starts_with(QUESTION))
}

/// Returns the ids and texts of the messages that the last attempt had not accepted when it ended.
fn unaccepted(events: &[Event], counts: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_unstable_by_key(|event| event.order());
    let (mut said, mut left, mut launched) = (Vec::new(), Vec::new(), false);
    for event in events {
        match &event.fact {
            Some(Fact::Send(message)) if counts(&event.writer) => {
                said.extend(message.text.clone().map(|text| (event.id.short(), text)));
            }
            // No program ran since, so none of them was accepted.
            Some(Fact::Finished(_)) if !launched => left.append(&mut said),
            Some(Fact::Finished(finished)) => {
                launched = false;
                let kept = usize::try_from(finished.unheard).unwrap_or(0).min(said.len());
                left = said.split_off(said.len() - kept);
                said.clear();
            }
            // A launch gets them all; its end records how many it did not accept.
            Some(Fact::Phase(step)) if step.phase == Phase::Starting => {
                launched = true;
                left.append(&mut said);
                said = std::mem::take(&mut left);
            }
            _ => {}
        }
    }
    left
}

impl Supervisor {
    /// Records that the program got messages. If that fails, nobody learns it; the messages are not sent twice.
    pub(super) fn record_heard(&mut self, how: HeardHow, words: &[String]) {
        let mut messages: Vec<String> =
            words.iter().filter_map(|words| self.requests.take_awaited(words)).collect();
        messages.truncate(MAX_HEARD);
        if messages.is_empty() {
            return;
        }
        let attempt = self.record.attempt;
        let heard = Fact::Heard(HeardMessages { attempt, how, messages });
        let _ = self.repo().and_then(|repo| append(&repo, &self.id, &[heard]));
    }

    /// Returns the stop or pause that was requested, if any.
    pub(super) fn end_asked(&mut self) -> Result<Option<AttemptEnd>> {
        self.requests.read(&self.common, &self.id)?;
        Ok(self.requests.end.clone())
    }

    /// Returns the stop or pause that was read and not heeded yet.
    pub(super) const fn requests_end(&self) -> Option<&AttemptEnd> {
        self.requests.end.as_ref()
    }

    /// Returns the earliest message that was not sent to the program yet.
    pub(super) fn next_message(&self) -> Option<Message> {
        self.requests.messages.first().cloned()
    }

    /// Removes and returns the earliest answer about a cap. What is said with a yes stays as a message.
    pub(super) fn take_answer(&mut self) -> Option<Message> {
        let at = self.requests.messages.iter().position(is_about_cap)?;
        let answer = self.requests.messages.remove(at);
        if let Some(text) = answer.text.clone().filter(|_| answer.allow == Some(true)) {
            self.requests.messages.insert(at, Message { text: Some(text), ..Message::default() });
        }
        Some(answer)
    }

    /// Removes the messages that were not sent to the program yet, and returns their texts.
    pub(super) fn take_messages(&mut self) -> Vec<String> {
        std::mem::take(&mut self.requests.messages).into_iter().filter_map(|message| message.text).collect()
    }

    /// Reads what was said up to now, and moves the messages to those that came too late for the attempt that ended. Returns the Lamport
    /// number up to which everything was read.
    pub(super) fn read_late_messages(&mut self, repo: &Repo) -> Result<u64> {
        self.requests.read_from(repo, &self.id)?;
        self.late += self.take_messages().len() as u64;
        Ok(self.requests.read_lamport)
    }

    /// Removes the message of [`Self::next_message`] once it was sent.
    pub(super) fn message_passed_on(&mut self) {
        self.requests.messages.remove(0);
    }
}
