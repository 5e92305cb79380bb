//! The state of a subject as git trailers at the end of its newest event commit: one object read tells it all, to us and to
//! `git for-each-ref --format='%(contents:trailers)'` alike.

use jiff::Timestamp;

use super::{Agent, Phase, lines::PREFIX, subject::Subject};

/// The format of the commit as a whole. A newer one is never written by this program.
pub const FORMAT: u32 = 1;

/// What a list must know of every agent before it decides which to show.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Glance {
    /// Where it is.
    pub phase: Phase,
    /// When it was made, in seconds since 1970.
    pub queued_at: i64,
}

/// Writes the state. `by` is the writer of the commit, who vouches for it.
pub fn write<S: Subject>(state: &S, by: &str) -> String {
    let mut out = String::with_capacity(1024);
    state.write(&mut out);
    let fold = S::FOLD;
    out.push_str(&format!("{PREFIX}By: {by}\n{PREFIX}Fold: {fold}\n{PREFIX}Format: {FORMAT}\n"));
    out
}

/// The trailers in a commit message: its last paragraph, if that is ours.
pub fn paragraph(message: &str) -> Option<&str> {
    let message = message.trim_end_matches('\n');
    let start = message.rfind("\n\n").map_or(0, |at| at + 2);
    let last = &message[start..];
    last.starts_with(PREFIX).then_some(last)
}

/// Whether `writer` vouches for these trailers under the rules of this program.
pub fn is_trusted<S: Subject>(paragraph: &str, writer: &str) -> bool {
    let mut from_end = paragraph.lines().rev();
    let mut next = |key: &str| from_end.next().and_then(|line| line.strip_prefix(key));
    next("Orchestra-Format: ").and_then(|n| n.parse().ok()) == Some(FORMAT)
        && next("Orchestra-Fold: ").and_then(|n| n.parse().ok()) == Some(S::FOLD)
        && next("Orchestra-By: ") == Some(writer)
}

/// The writer who vouches for the trailers.
pub fn by(paragraph: &str) -> Option<&str> {
    paragraph.lines().rev().find_map(|line| line.strip_prefix("Orchestra-By: "))
}

/// Reads the two facts that stand first.
pub fn glance(paragraph: &str) -> Option<Glance> {
    let mut lines = paragraph.lines();
    let phase = Phase::parse(lines.next()?.strip_prefix("Orchestra-State: ")?)?;
    let at: Timestamp = lines.next()?.strip_prefix("Orchestra-Queued: ")?.parse().ok()?;
    Some(Glance { phase, queued_at: at.as_second() })
}

/// Reads the state back. `None` where a key stands twice, a known one is malformed, or the state is missing. Unknown keys are
/// passed over: a newer program may write more.
pub fn read(paragraph: &str) -> Option<Agent> {
    state(paragraph)
}

/// As [`read`], for the state of any subject.
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
        state.take(key, value)?;
    }
    seen.contains(&"State").then_some(state)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::fold, *};

    proptest! {
        /// Reading one object is enough: the trailers of a fold are the fold.
        #[test]
        fn trailers_are_the_fold(events in fold::tests_support::events()) {
            let agent = fold::fold(&events).agent;
            let written = write(&agent, "w1");
            prop_assert!(is_trusted::<Agent>(&written, "w1") && !is_trusted::<Agent>(&written, "w2"));
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
