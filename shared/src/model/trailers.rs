//! The state of a subject as git trailers at the end of its newest event commit: we and `git for-each-ref
//! --format='%(contents:trailers)'` have to read only one object.

use jiff::Timestamp;

use super::{Agent, Phase, lines::PREFIX, subject::Subject};

/// What the messages of all event commits contain, whatever their subject, and those of work do not.
pub const MARK: &str = "\nOrchestra-Format: ";

/// The format of an event commit. An agent with a commit in a newer format is read-only here.
pub const FORMAT: u32 = 1;

/// What a list must know of every agent to decide which ones to show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AgentHeader {
    /// Its phase.
    pub phase: Phase,
    /// When it was created, in seconds since 1970.
    pub queued_at: i64,
}

/// Writes the trailers of a state. `by` is the writer of the commit, which vouches for them.
pub fn write<S: Subject>(state: &S, by: &str) -> String {
    let mut out = String::with_capacity(1024);
    state.write(&mut out);
    let fold = S::FOLD;
    out.push_str(&format!("{PREFIX}By: {by}\n{PREFIX}Fold: {fold}\n{PREFIX}Format: {FORMAT}\n"));
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
pub fn is_trusted<S: Subject>(paragraph: &str, writer: &str) -> bool {
    let mut from_end = paragraph.lines().rev();
    let mut next = |key: &str| from_end.next().and_then(|line| line.strip_prefix(key));
    next("Orchestra-Format: ").and_then(|n| n.parse().ok()) == Some(FORMAT)
        && next("Orchestra-Fold: ").and_then(|n| n.parse().ok()) == Some(S::FOLD)
        && next("Orchestra-By: ") == Some(writer)
}

/// Returns the id of the writer that vouches for the trailers.
pub fn vouching_writer(paragraph: &str) -> Option<&str> {
    paragraph.lines().rev().find_map(|line| line.strip_prefix("Orchestra-By: "))
}

/// Returns the text of one trailer, without reading the others.
pub fn value<'text>(paragraph: &'text str, key: &str) -> Option<&'text str> {
    let of_key = |line: &'text str| line.strip_prefix(PREFIX)?.strip_prefix(key)?.strip_prefix(": ");
    paragraph.lines().find_map(of_key)
}

/// Reads the first two trailers.
pub fn read_header(paragraph: &str) -> Option<AgentHeader> {
    let mut lines = paragraph.lines();
    let phase = Phase::parse(lines.next()?.strip_prefix("Orchestra-State: ")?)?;
    let at: Timestamp = lines.next()?.strip_prefix("Orchestra-Queued: ")?.parse().ok()?;
    Some(AgentHeader { phase, queued_at: at.as_second() })
}

/// Reads a state from its trailers. Returns `None` if a key occurs twice, a known value is malformed, or the phase is missing.
/// Unknown keys are ignored, because a newer program may write more.
pub fn read(paragraph: &str) -> Option<Agent> {
    state(paragraph)
}

/// Reads the state of any subject from its trailers; see [`read`].
pub fn state<S: Subject>(paragraph: &str) -> Option<S> {
    let mut state = S::default();
    let mut seen: Vec<&str> = Vec::with_capacity(36);
    for line in paragraph.lines() {
        let (key, value) = line.split_once(": ")?;
        let key = key.strip_prefix(PREFIX)?;
        if seen.contains(&key) {
            return None;
        }
        seen.push(key);
        state.set_line(key, value)?;
    }
    seen.contains(&"State").then_some(state)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::fold, *};

    proptest! {
        /// Reading one object is enough: the trailers hold everything that the fold computed.
        #[test]
        fn trailers_round_trip(events in fold::tests_support::events()) {
            let agent = fold::fold(&events).agent;
            let written = write(&agent, "w1");
            prop_assert!(is_trusted::<Agent>(&written, "w1") && !is_trusted::<Agent>(&written, "w2"));
            let message = format!("subject\n\n{{}}\n\n{written}");
            prop_assert_eq!(paragraph(&message), Some(written.trim_end()));
            prop_assert_eq!(
                read_header(&written),
                Some(AgentHeader { phase: agent.phase, queued_at: agent.queued_at.as_second() })
            );
            prop_assert_eq!(read(&written), Some(agent));
        }

        #[test]
        fn no_input_panics(text: String) {
            let _ = paragraph(&text);
            let _ = read_header(&text);
            let _ = read(&text);
        }
    }

    #[test]
    fn duplicate_keys_are_rejected() {
        let written = write(&Agent::default(), "w");
        assert!(read(&written).is_some());
        assert!(read(&format!("{written}Orchestra-State: done\n")).is_none());
        assert!(read("Orchestra-Title: x\n").is_none());
    }
    /// A line without a value is never written: a group that began with one could not be read again.
    #[test]
    fn a_group_begins_with_a_value() {
        let written = write(&Agent::default(), "w");
        for (first, later) in [
            ("Failed-Check", "Failed-Into: main"),
            ("Set-Aside", "Set-Aside-Into: main"),
            ("Check-Tree", "Check-Id: a"),
            ("Request", "Request-Bytes: 7"),
        ] {
            let with = |value: &str| {
                read(&format!("{written}Orchestra-{first}: {value}\nOrchestra-{later}\n"))
                    .map(|agent| write(&agent, "w"))
            };
            let of_value = with("a").unwrap_or_else(|| panic!("{first}"));
            assert!(read(&of_value).is_some(), "{first}");
            for empty in ["", " ", "\u{a0}"] {
                assert_eq!(with(empty), None, "{first}");
            }
        }
    }
}
