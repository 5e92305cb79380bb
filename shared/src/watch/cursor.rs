//! The place where a reader stopped. Pure.

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    git::Oid,
    model::{AgentId, Liveness},
};

/// The first characters of the text; another number is another format.
const FORMAT: &str = "w1";
/// The longest text that is accepted, in bytes: about 150,000 agents.
const MAX_LENGTH: usize = 16 << 20;
/// The text for an absent value.
const NONE: &str = "-";

/// The place where a reader of a [`Watch`](super::Watch) stopped. A watch that resumes from it reports every later change exactly
/// once. It consists of the tips of refs, from which the state at that time can be read again. In JSON it is opaque text, which is
/// never trusted: a window may pass in anything.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Cursor {
    pub(super) agents: BTreeMap<AgentId, AgentCursor>,
    /// The newest commits of the unfinished landings.
    pub(super) landings: Vec<Oid>,
}

/// What a reader knew about one agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct AgentCursor {
    /// The newest commit with its events.
    pub(super) tip: Oid,
    pub(super) liveness: Liveness,
    /// The attempt whose output the reader saw, and how many bytes of it.
    pub(super) log: Option<(u32, u64)>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let landings: Vec<String> = self.landings.iter().map(Oid::to_string).collect();
        write!(f, "{FORMAT};{}", or_none(Some(landings.join(",")).filter(|all| !all.is_empty())))?;
        for (id, mark) in &self.agents {
            let log = or_none(mark.log.map(|(attempt, bytes)| format!("{attempt}:{bytes}")));
            write!(f, ";{id},{},{},{log}", mark.tip, mark.liveness.as_str())?;
        }
        Ok(())
    }
}

fn or_none<T: fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::usage("not a cursor of git orchestra, or a cursor of another version");
        if text.len() > MAX_LENGTH {
            return Err(unknown());
        }
        let mut records = text.split(';');
        let (Some(FORMAT), Some(landings)) = (records.next(), records.next()) else { return Err(unknown()) };
        let landings = landings.split(',').filter(|one| *one != NONE).map(Oid::parse);
        let landings = landings.collect::<Option<Vec<_>>>().ok_or_else(unknown)?;
        let agents = records.map(mark).collect::<Option<BTreeMap<_, _>>>().ok_or_else(unknown)?;
        Ok(Self { agents, landings })
    }
}

fn mark(record: &str) -> Option<(AgentId, AgentCursor)> {
    let mut fields = record.split(',');
    let (id, tip, liveness, log) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let log = match log {
        NONE => None,
        log => log
            .split_once(':')
            .and_then(|(attempt, bytes)| Some((attempt.parse().ok()?, bytes.parse().ok()?))),
    };
    let all = [Liveness::Live, Liveness::Lost, Liveness::Remote, Liveness::Ended];
    let liveness = all.into_iter().find(|known| known.as_str() == liveness)?;
    let mark = AgentCursor { tip: Oid::parse(tip)?, liveness, log };
    fields.next().is_none().then_some((AgentId::parse(id).ok()?, mark))
}

impl TryFrom<String> for Cursor {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn oid(digit: char) -> Oid {
        Oid::parse(&digit.to_string().repeat(40)).unwrap()
    }

    fn any_cursor() -> impl Strategy<Value = Cursor> {
        let liveness =
            prop::sample::select(vec![Liveness::Live, Liveness::Lost, Liveness::Remote, Liveness::Ended]);
        let tip = prop::sample::select(vec!['0', '7', 'a', 'f']);
        let log = prop::option::of((any::<u32>(), any::<u64>()));
        let mark = (tip, liveness, log);
        let agents = prop::collection::btree_map("[a-z]{1,8}(-[0-9]{1,4})?-[0-9]{5}", mark, 0..6);
        (agents, prop::collection::vec(prop::sample::select(vec!['1', 'b']), 0..3)).prop_map(
            |(agents, landings)| Cursor {
                agents: agents
                    .into_iter()
                    .map(|(id, (tip, liveness, log))| {
                        (AgentId::parse(&id).unwrap(), AgentCursor { tip: oid(tip), liveness, log })
                    })
                    .collect(),
                landings: landings.into_iter().map(oid).collect(),
            },
        )
    }

    proptest! {
        #[test]
        fn cursors_round_trip(cursor in any_cursor()) {
            prop_assert_eq!(&cursor.to_string().parse::<Cursor>().unwrap(), &cursor);
            let json = serde_json::to_string(&cursor).unwrap();
            prop_assert_eq!(serde_json::from_str::<Cursor>(&json).unwrap(), cursor);
        }

        #[test]
        fn any_text_is_a_cursor_or_an_error(text in "(w1;)?[-a-f0-9;,:]{0,120}|.{0,60}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
            }
        }
    }

    #[test]
    fn other_texts_and_versions_are_refused() {
        for text in ["", "w1", "w0;-", "w2;-", "w1;x", "w1;-;a", "w1;-;a-00000,1,live,-", "w1;-;"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
        assert_eq!("w1;-".parse::<Cursor>().unwrap(), Cursor::default());
    }
}
