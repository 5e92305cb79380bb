//! Events: one fact each, on one line of canonical JSON. An event never changes once it is written.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{WriterId, canonical, facts::EventFact, via::Via};
pub use super::{
    fact::{Collected, Created, Finished, MAX_COMMENTS, Message, PhaseChange, Tagged, Usage},
    landing::{Check, Landed, Landing},
    request::{AskedRequest, Grant, Pattern},
    said::{HeardMessages, ReadMessages, Said},
    work_stat::{LeftOut, MAX_LEFT_OUT, WorkStat},
};

/// The limit of Lamport numbers, exclusive, below which every JSON reader keeps them exact.
pub const MAX_LAMPORT: u64 = 1 << 53;

/// A fact, with its position in the order of the log. The events of agents are [`super::Event`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event<F> {
    /// The canonical line, as the commit holds it.
    pub line: String,
    /// Lamport number: 1 + the highest its writer had seen of this log.
    pub lamport: u64,
    /// The hash of the line.
    pub id: EventId,
    /// When it was written, for people only: it never decides the order.
    pub at: Timestamp,
    /// The clone that wrote it.
    pub writer: WriterId,
    /// Through what it was made, where that is known and not a command that was typed.
    pub via: Option<Via>,
    /// What happened; `None` for a name or version that is newer than this program.
    pub fact: Option<F>,
}

/// The SHA-256 of an event's line.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct EventId([u8; 32]);

impl EventId {
    /// Returns the whole id, as 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        faster_hex::hex_string(&self.0)
    }

    /// Returns the first twelve digits, for messages.
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    at: Timestamp,
    l: u64,
    t: &'a str,
    v: u32,
    #[serde(default)]
    via: Option<&'a str>,
    w: &'a str,
}

impl<F: EventFact> Event<F> {
    /// Makes the event of a fact. Returns `None` if it does not fit on one line (see [`canonical::MAX_LINE`]).
    pub fn new(fact: &F, lamport: u64, at: Timestamp, writer: &str) -> Option<Self> {
        Self::made_via(None, fact, lamport, at, writer)
    }

    /// As [`Event::new`], for a fact that a person made through a window.
    pub fn made_via(via: Option<Via>, fact: &F, lamport: u64, at: Timestamp, writer: &str) -> Option<Self> {
        let mut value = serde_json::to_value(fact).ok()?;
        let map = value.as_object_mut()?;
        map.insert("at".into(), Value::from(at.to_string()));
        map.insert("l".into(), Value::from(lamport));
        map.insert("v".into(), Value::from(F::VERSION));
        map.insert("w".into(), Value::from(writer));
        if let Some(via) = via {
            map.insert("via".into(), Value::from(via.as_str()));
        }
        Self::read(&canonical::write(&value)?)
    }

    /// Parses a line. Returns `None` if it is malformed: such an event is set aside without affecting the others.
    ///
    /// ```
    /// use orchestra::model::{Event, Fact, Phase};
    ///
    /// let line = r#"{"at":"2026-11-25T12:00:00Z","attempt":1,"l":2,"phase":"running","t":"phase","v":1,"w":"a1b2"}"#;
    /// let event = Event::read(line).expect("a canonical line");
    /// assert_eq!((event.lamport, event.line.as_str()), (2, line));
    /// assert!(matches!(event.fact, Some(Fact::Phase(step)) if step.phase == Phase::Running));
    /// // The same fact has the same bytes on every machine: another spelling is not accepted.
    /// assert!(Event::read(&line.replace(':', ": ")).is_none());
    /// ```
    pub fn read(line: &str) -> Option<Self> {
        let value = canonical::read(line)?;
        let envelope = Envelope::deserialize(&value).ok()?;
        let writer = WriterId::parse(envelope.w).ok()?;
        if envelope.l == 0 || envelope.l >= MAX_LAMPORT {
            return None;
        }
        let known = envelope.v == F::VERSION && F::NAMES.contains(&envelope.t);
        let fact = if known { Some(F::deserialize(&value).ok()?) } else { None };
        if let Some(fact) = &fact
            && !fact.is_sound()
        {
            return None;
        }
        Some(Self {
            id: EventId(Sha256::digest(line.as_bytes()).into()),
            line: line.to_owned(),
            lamport: envelope.l,
            at: envelope.at,
            writer,
            // A window that is newer than this program is not known.
            via: envelope.via.and_then(Via::parse),
            fact,
        })
    }

    /// Returns the sort key by which every machine orders events.
    pub const fn order(&self) -> (u64, EventId) {
        (self.lamport, self.id)
    }
}

/// Returns each event once, in the order that is the same on all machines.
pub fn in_order<'a, F: EventFact>(events: impl IntoIterator<Item = &'a Event<F>>) -> Vec<&'a Event<F>> {
    let mut seen = HashSet::new();
    let mut events: Vec<&Event<F>> = events.into_iter().filter(|event| seen.insert(event.id)).collect();
    events.sort_unstable_by_key(|event| event.order());
    events
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Event, Fact, Phase},
        *,
    };

    fn at() -> Timestamp {
        "2026-11-21T01:40:00Z".parse().unwrap()
    }

    #[test]
    fn an_event_says_through_which_window_it_was_made() {
        let fact = Fact::Phase(PhaseChange::new(1, Phase::Running));
        let event = Event::made_via(Some(Via::Web), &fact, 12, at(), "5t2k").unwrap();
        assert!(event.line.contains(r#""v":1,"via":"web","w":"5t2k""#), "{}", event.line);
        assert_eq!((event.via, &event.fact), (Some(Via::Web), &Some(fact)));
        let other = Event::read(&event.line.replace("web", "glasses")).unwrap();
        assert_eq!((other.via, &other.fact), (None, &event.fact));
    }

    #[test]
    fn an_event_is_one_canonical_line() {
        let fact = Fact::Phase(PhaseChange::new(1, Phase::Running));
        let event = Event::new(&fact, 12, at(), "5t2k").unwrap();
        assert_eq!(
            event.line,
            r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"l":12,"phase":"running","t":"phase","v":1,"w":"5t2k"}"#
        );
        assert_eq!(event.fact, Some(fact));
    }

    #[test]
    fn keeps_newer_events_and_rejects_malformed_ones() {
        let newer = r#"{"at":"2026-11-21T01:40:00Z","l":3,"t":"hologram","v":1,"w":"a"}"#;
        assert_eq!(Event::read(newer).unwrap().fact, None);
        let version = r#"{"at":"2026-11-21T01:40:00Z","l":3,"t":"stop","v":2,"w":"a"}"#;
        assert_eq!(Event::read(version).unwrap().fact, None);
        for line in [
            r#"{"at":"2026-11-21T01:40:00Z","l":0,"t":"stop","v":1,"w":"a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","l":9007199254740992,"t":"stop","v":1,"w":"a"}"#,
            r#"{"at":"yesterday","l":1,"t":"stop","v":1,"w":"a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","l":1,"t":"stop","v":1,"w":"../a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"l":1,"phase":"done","t":"phase","v":1,"w":"a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"l":1,"phase":"running","t":"finished","v":1,"w":"a"}"#,
            r#"{"at":"2026-11-21T01:40:00Z","attempt":"1","l":1,"phase":"done","t":"finished","v":1,"w":"a"}"#,
            r#"{"l":1,"t":"stop","v":1,"w":"a"}"#,
        ] {
            assert!(Event::read(line).is_none(), "{line}");
        }
    }
}
