//! The message of an event commit: a line for people, the events, and the state after them.

use crate::model::{
    event::Event,
    facts::EventFact,
    subject::{FactOf, Subject, SubjectId},
    trailers,
};

/// Composes the message of a commit that appends `events`, after which the state is `after`.
pub fn message<I: SubjectId>(
    id: &I,
    before: Option<&I::Subject>,
    events: &[Event<FactOf<I>>],
    after: &I::Subject,
    by: &str,
) -> String {
    let mut text = format!("{} {id}: {}\n\n", I::Subject::NAME, I::Subject::headline(before, after, events));
    for event in events {
        text.push_str(&event.line);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&trailers::write(after, by));
    text
}

/// The content of a commit message.
#[derive(Debug)]
pub struct ParsedCommit<F> {
    /// Its events.
    pub events: Vec<Event<F>>,
    /// Lines that look like events but are malformed. They never prevent the other events from being read.
    pub set_aside: Vec<String>,
    /// Whether the commit has a newer format.
    pub newer: bool,
    /// Whether the commit claims to join others and holds no event.
    pub is_join: bool,
}

impl<F> ParsedCommit<F> {
    /// Returns whether the commit is not an event commit, in any format.
    pub const fn is_foreign(&self) -> bool {
        self.events.is_empty() && self.set_aside.is_empty() && !self.newer && !self.is_join
    }
}

/// Parses a commit message.
pub fn parse<F: EventFact>(message: &str) -> ParsedCommit<F> {
    let mut parsed = ParsedCommit { events: Vec::new(), set_aside: Vec::new(), newer: false, is_join: false };
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
