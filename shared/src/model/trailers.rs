//! An agent's state as git trailers at the end of its newest event commit: reading one object is enough, also for
//! `git for-each-ref --format='%(contents:trailers)'`.

use jiff::Timestamp;

use super::{
    Agent, Phase,
    fold::FOLD,
    lines::{Lines, PREFIX},
};

/// The format of an event commit. An agent with a commit in a newer format is read-only here.
pub const FORMAT: u32 = 1;

/// What a list must know of every agent to decide which ones to show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Glance {
    /// Its phase.
    pub phase: Phase,
    /// When it was created, in seconds since 1970.
    pub queued_at: i64,
}

/// Writes the trailers of a state. `by` is the writer of the commit, which vouches for them.
pub fn write(agent: &Agent, by: &str) -> String {
    let mut out = String::with_capacity(1024);
    agent.write(&mut out);
    out.push_str(&format!("{PREFIX}By: {by}\n{PREFIX}Fold: {FOLD}\n{PREFIX}Format: {FORMAT}\n"));
    out
}

/// Returns the trailers of a commit message: its last paragraph, if it begins with `Orchestra-`.
pub fn paragraph(message: &str) -> Option<&str> {
    let message = message.trim_end_matches('\n');
    let start = message.rfind("\n\n").map_or(0, |at| at + 2);
    let last = &message[start..];
    last.starts_with(PREFIX).then_some(last)
}

/// Returns whether `writer` vouches for these trailers, and they have this program's format and version of the fold.
pub fn is_trusted(paragraph: &str, writer: &str) -> bool {
    let mut from_end = paragraph.lines().rev();
    let mut next = |key: &str| from_end.next().and_then(|line| line.strip_prefix(key));
    next("Orchestra-Format: ").and_then(|n| n.parse().ok()) == Some(FORMAT)
        && next("Orchestra-Fold: ").and_then(|n| n.parse().ok()) == Some(FOLD)
        && next("Orchestra-By: ") == Some(writer)
}

/// Returns the id of the writer that vouches for the trailers.
pub fn by(paragraph: &str) -> Option<&str> {
    paragraph.lines().rev().find_map(|line| line.strip_prefix("Orchestra-By: "))
}

/// Reads the first two trailers.
pub fn glance(paragraph: &str) -> Option<Glance> {
    let mut lines = paragraph.lines();
    let phase = Phase::parse(lines.next()?.strip_prefix("Orchestra-State: ")?)?;
    let at: Timestamp = lines.next()?.strip_prefix("Orchestra-Queued: ")?.parse().ok()?;
    Some(Glance { phase, queued_at: at.as_second() })
}

/// Reads a state from its trailers. Returns `None` if a key occurs twice, a known value is malformed, or the phase is missing.
/// Unknown keys are ignored, because a newer program may write more.
pub fn read(paragraph: &str) -> Option<Agent> {
    let mut agent = Agent::default();
    let mut seen: Vec<&str> = Vec::with_capacity(36);
    for line in paragraph.lines() {
        let (key, value) = line.split_once(": ")?;
        let key = key.strip_prefix(PREFIX)?;
        if seen.contains(&key) {
            return None;
        }
        seen.push(key);
        agent.take(key, value)?;
    }
    seen.contains(&"State").then_some(agent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::fold, *};

    proptest! {
        /// Reading one object is enough: the trailers hold everything that the fold computed.
        #[test]
        fn trailers_are_the_fold(events in fold::tests_support::events()) {
            let agent = fold::fold(&events).agent;
            let written = write(&agent, "w1");
            prop_assert!(is_trusted(&written, "w1") && !is_trusted(&written, "w2"));
            let message = format!("subject\n\n{{}}\n\n{written}");
            prop_assert_eq!(paragraph(&message), Some(written.trim_end()));
            prop_assert_eq!(
                glance(&written),
                Some(Glance { phase: agent.phase, queued_at: agent.queued_at.as_second() })
            );
            prop_assert_eq!(read(&written), Some(agent));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = paragraph(&text);
            let _ = glance(&text);
            let _ = read(&text);
        }
    }

    #[test]
    fn a_key_twice_is_distrusted() {
        let written = write(&Agent::default(), "w");
        assert!(read(&written).is_some());
        assert!(read(&format!("{written}Orchestra-State: done\n")).is_none());
        assert!(read("Orchestra-Title: x\n").is_none());
    }
}
