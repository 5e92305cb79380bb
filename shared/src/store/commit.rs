//! The message of an event commit: a line for people, the events, and the state after them.

use crate::model::{Agent, AgentId, Event, Fact, Phase, event::Landing, trailers, verdict::Verdict};

/// Composes the message of a commit that adds `events` and leaves the agent in the state `agent`.
pub fn message(id: &AgentId, before: Option<&Agent>, events: &[Event], agent: &Agent, by: &str) -> String {
    let mut text = format!("agent {id}: {}\n\n", headline(before, agent, events));
    for event in events {
        text.push_str(&event.line);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&trailers::write(agent, by));
    text
}

fn headline(before: Option<&Agent>, agent: &Agent, events: &[Event]) -> String {
    let now = agent.phase.as_str();
    match before {
        None => now.to_owned(),
        Some(before) if before.phase != agent.phase => format!("{} → {now}", before.phase.as_str()),
        Some(_) => {
            let noted = events.iter().find_map(|event| event.fact.as_ref().and_then(noted));
            noted.map_or_else(|| format!("{now}, noted"), str::to_owned)
        }
    }
}

/// Describes a fact that does not change the phase.
const fn noted(fact: &Fact) -> Option<&'static str> {
    match fact {
        Fact::Stop { .. } => Some("stop asked"),
        Fact::Pause { .. } => Some("pause asked"),
        Fact::Send(message) => Some(match message.allow {
            Some(true) => "allowed",
            Some(false) => "denied",
            None => "told",
        }),
        Fact::Verdict(review) => Some(match review.verdict {
            Verdict::Approve => "approved",
            Verdict::Changes => "changes asked for",
            Verdict::Reject => "rejected",
        }),
        Fact::Collected(_) => Some("collected"),
        Fact::Restored {} => Some("restored"),
        Fact::Landed(landed) => Some(match landed.outcome {
            Landing::Merged => "landed",
            Landing::UpToDate => "landed before",
            Landing::NothingNew => "nothing new to land",
            Landing::SetAside => "set aside",
            Landing::Failed => "failed to land",
            Landing::TakenBack => "taken back",
        }),
        Fact::Phase(step) if matches!(step.phase, Phase::Starting) => Some("launched again"),
        Fact::Created(_) | Fact::Phase(_) | Fact::Finished(_) => None,
    }
}

/// The content of a commit message.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Its events.
    pub events: Vec<Event>,
    /// Lines that look like events but are malformed. They never prevent the other events from being read.
    pub set_aside: Vec<String>,
    /// Whether the commit has a newer format.
    pub newer: bool,
    /// Whether the commit claims to join others and holds no event.
    pub is_join: bool,
}

impl Parsed {
    /// Returns whether the commit is not an event commit, in any format.
    pub const fn is_foreign(&self) -> bool {
        self.events.is_empty() && self.set_aside.is_empty() && !self.newer && !self.is_join
    }
}

/// Parses a commit message.
pub fn parse(message: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for line in message.lines() {
        if line.starts_with('{') {
            match Event::read(line) {
                Some(event) => parsed.events.push(event),
                None => parsed.set_aside.push(line.to_owned()),
            }
        }
    }
    let trailers = trailers::paragraph(message);
    parsed.is_join = parsed.events.is_empty()
        && parsed.set_aside.is_empty()
        && trailers.is_some_and(|all| all.starts_with("Orchestra-Join: "));
    let format = trailers
        .and_then(|all| all.lines().find_map(|line| line.strip_prefix("Orchestra-Format: ")))
        .and_then(|number| number.parse::<u32>().ok());
    parsed.newer = format.is_some_and(|format| format > trailers::FORMAT);
    parsed
}
