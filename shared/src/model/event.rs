//! Events: one fact each, on one line of canonical JSON. An event never changes once it is written.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{WriterId, canonical};
pub use super::{
    fact::{Collected, Created, Fact, Finished, MAX_COMMENTS, Message, PhaseChange, Usage},
    landing::{Check, Landed, Landing},
    work_stat::{LeftOut, MAX_LEFT_OUT, WorkStat},
};

/// The version of the event format. An event of a newer version makes its agent read-only here, never unreadable.
pub const VERSION: u32 = 1;
/// The limit of Lamport numbers, exclusive, below which every JSON reader keeps them exact.
pub const MAX_LAMPORT: u64 = 1 << 53;

/// One fact about an agent, with its place in the order of events.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// The canonical line, as the commit holds it.
    pub line: String,
    /// The Lamport number: one more than the highest that its writer had seen of this agent.
    pub lamport: u64,
    /// The hash of the line.
    pub id: EventId,
    /// When it was written, for people only: it never decides the order.
    pub at: Timestamp,
    /// The clone that wrote it.
    pub writer: WriterId,
    /// What happened; `None` for a name or version that is newer than this program.
    pub fact: Option<Fact>,
}

/// The SHA-256 of an event's line.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
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
    w: &'a str,
}

impl Event {
    /// Makes the event of a fact. Returns `None` if it does not fit on one line (see [`canonical::MAX_LINE`]).
    pub fn new(fact: &Fact, lamport: u64, at: Timestamp, writer: &str) -> Option<Self> {
        let mut value = serde_json::to_value(fact).ok()?;
        let map = value.as_object_mut()?;
        map.insert("at".into(), Value::from(at.to_string()));
        map.insert("l".into(), Value::from(lamport));
        map.insert("v".into(), Value::from(VERSION));
        map.insert("w".into(), Value::from(writer));
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
        let known = envelope.v == VERSION && Fact::NAMES.contains(&envelope.t);
        let fact = if known { Some(Fact::deserialize(&value).ok()?) } else { None };
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
            fact,
        })
    }

    /// Returns the sort key by which every machine orders events.
    pub const fn order(&self) -> (u64, EventId) {
        (self.lamport, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Phase, *};

    fn at() -> Timestamp {
        "2026-11-21T01:40:00Z".parse().unwrap()
    }

    #[test]
    fn an_event_is_one_canonical_line() {
        let fact = Fact::Phase(PhaseChange::to(1, Phase::Running));
        let event = Event::new(&fact, 12, at(), "5t2k").unwrap();
        assert_eq!(
            event.line,
            r#"{"at":"2026-11-21T01:40:00Z","attempt":1,"l":12,"phase":"running","t":"phase","v":1,"w":"5t2k"}"#
        );
        assert_eq!(event.fact, Some(fact));
    }

    #[test]
    fn keeps_what_is_newer_and_refuses_what_is_broken() {
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
