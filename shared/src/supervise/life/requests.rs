//! What people ask of a running agent: events on its ref, heeded in their order, each once.

use std::{collections::HashSet, path::Path};

use super::Supervisor;
use crate::{
    Result,
    git::{Repo, refs::RefWatch},
    model::{
        AgentId, Event, Fact, Phase,
        event::{EventId, Message},
    },
    store::{Chain, layout, verdicts, writer},
    supervise::ending::AttemptEnd,
    world::Environment,
};

/// The events that were heeded, and the ref that is watched for more.
pub(super) struct Requests {
    environment: Environment,
    watch: RefWatch,
    since: u64,
    /// The program reads words; one that may run them hears only this clone.
    takes_prose: bool,
    heeded: HashSet<EventId>,
    /// Read, and not yet asked for.
    messages: Vec<Message>,
    end: Option<AttemptEnd>,
}

impl Requests {
    /// Heeds what is newer than a Lamport number.
    pub(super) fn since(environment: &Environment, since: u64, takes_prose: bool) -> Self {
        Self {
            environment: environment.clone(),
            watch: RefWatch::default(),
            since,
            takes_prose,
            heeded: HashSet::new(),
            messages: Vec::new(),
            end: None,
        }
    }

    /// Reads the ref, if it moved.
    fn read(&mut self, common: &Path, id: &AgentId) -> Result<()> {
        if !self.watch.changed(common, &layout::agent_ref(id)) {
            return Ok(());
        }
        let Ok(repo) = Repo::open(&self.environment, common) else {
            // Its configuration may be broken for a while: no reason to end a program that works.
            self.watch = RefWatch::default();
            return Ok(());
        };
        let chain = Chain::of_agent(&repo, id)?;
        let lives_in = chain.fold().agent.writer;
        let own = writer::known_writer(&repo);
        if own.as_ref() != Some(&lives_in) {
            self.end = Some(AttemptEnd::Stopped(Some(format!("the clone {lives_in} goes on with it"))));
        }
        let mut events = chain.events;
        events.sort_unstable_by_key(Event::order);
        for event in events.into_iter().filter(|event| event.lamport > self.since) {
            if !self.heeded.insert(event.id) {
                continue;
            }
            match event.fact {
                Some(Fact::Stop { reason }) => self.end = Some(AttemptEnd::Stopped(reason)),
                Some(Fact::Pause { reason }) if self.end.is_none() => {
                    self.end = Some(AttemptEnd::Paused(reason))
                }
                // Of another clone only the end is obeyed; what its people say counts where they are trusted.
                Some(Fact::Send(message))
                    if verdicts::counts(&repo, &event.writer)
                        && (self.takes_prose || own.as_ref() == Some(&event.writer)) =>
                {
                    self.messages.push(message);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What a program that begins is to hear: what an earlier attempt did not take up, and what was said since.
    pub(super) fn messages(&mut self, common: &Path, id: &AgentId, earlier: &[Event]) -> Result<Vec<String>> {
        self.read(common, id)?;
        let since = std::mem::take(&mut self.messages).into_iter().filter_map(|message| message.text);
        let repo = Repo::open(&self.environment, common)?;
        let counts = |writer: &str| verdicts::counts(&repo, writer);
        Ok(not_taken_up(earlier, &counts).into_iter().chain(since).collect())
    }
}

/// The messages that the last attempt had left when it ended.
fn not_taken_up(events: &[Event], counts: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_unstable_by_key(|event| event.order());
    let (mut said, mut left, mut launched) = (Vec::new(), Vec::new(), false);
    for event in events {
        match &event.fact {
            Some(Fact::Send(message)) if counts(&event.writer) => said.extend(message.text.clone()),
            // Nothing ran since: nobody can have heard anything.
            Some(Fact::Finished(_)) if !launched => left.append(&mut said),
            Some(Fact::Finished(finished)) => {
                launched = false;
                let kept = usize::try_from(finished.unheard).unwrap_or(0).min(said.len());
                left = said.split_off(said.len() - kept);
                said.clear();
            }
            // A launch hears them, and tells itself what it leaves.
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
    /// Whether somebody asked for the end or for a pause.
    pub(super) fn end_asked(&mut self) -> Result<Option<AttemptEnd>> {
        self.requests.read(&self.common, &self.id)?;
        Ok(self.requests.end.clone())
    }

    /// The earliest message that was not passed on yet.
    pub(super) fn next_message(&self) -> Option<Message> {
        self.requests.messages.first().cloned()
    }

    /// The message of [`Self::next_message`] was passed on.
    pub(super) fn message_passed_on(&mut self) {
        self.requests.messages.remove(0);
    }
}
