//! Events: lines of canonical JSON in the messages of commits, which other clones write.

use orchestra::{
    model::{
        Event, Fact,
        canonical::{self, MAX_LINE},
    },
    store::commit,
};

use crate::shown;

pub(crate) fn check(bytes: &[u8]) {
    let message = String::from_utf8_lossy(bytes);
    for line in message.lines() {
        if let Some(value) = canonical::read(line) {
            assert_eq!(canonical::write(&value).as_deref(), Some(line), "it is canonical to the letter");
        }
        if let Some(event) = Event::read(line) {
            assert_eq!(event.line, line, "the line is kept unchanged");
            is_stable(&event);
        }
    }
    let parsed = commit::parse::<Fact>(&message);
    assert!(parsed.events.len() + parsed.set_aside.len() <= message.lines().count());
    shown::check(&message);
}

/// Checks that an event which this version writes is read back unchanged, repeatedly.
fn is_stable(event: &Event) {
    let Some(fact) = event.fact.as_ref().filter(|_| event.line.len() < MAX_LINE / 2) else { return };
    let written = Event::new(fact, event.lamport, event.at, &event.writer);
    let written = written.unwrap_or_else(|| panic!("it cannot be written: {event:?}"));
    assert_eq!(written.fact.as_ref(), Some(fact));
    let again = Event::new(fact, written.lamport, written.at, &written.writer);
    assert_eq!(again.map(|event| event.line), Some(written.line));
}
