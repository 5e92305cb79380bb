//! The keys of agents that agents start.

use super::limits::NUMBER_OF_AGENTS;
use crate::{
    config::key::{Choices, Key, Kind},
    model::words::words,
};

pub static MAX_DEPTH: Key<u32> = Key::new(
    "orchestra.maxDepth",
    NUMBER_OF_AGENTS,
    || 5,
    "How many agents may be in a row in which each started the next; 1: no agent starts another one",
);

pub static MAX_CHILDREN: Key<u32> = Key::new(
    "orchestra.maxChildren",
    NUMBER_OF_AGENTS,
    || 50,
    "How many agents that have not ended may come from one agent that a person started: those that it started, those that they \
     started, and so on",
);

pub static MAX_MESSAGES_PER_HOUR: Key<u32> = Key::new(
    "orchestra.maxMessagesPerHour",
    NUMBER_OF_AGENTS,
    || 120,
    "How many messages an agent may send to another one in an hour, to the one that started it or to one that it started",
);

words! {
    /// What happens to the agents that an agent started when it ends.
    pub enum ChildrenAtEnd {
        /// They keep running.
        Keep = "keep",
        /// They are stopped, and their work is saved.
        Stop = "stop",
    }
}

pub static CHILDREN_AT_END: Key<ChildrenAtEnd> = Key::new(
    "orchestra.childrenAtEnd",
    Kind {
        expected: "keep or stop",
        parse: ChildrenAtEnd::parse,
        text: |value| value.as_str().to_owned(),
    },
    || ChildrenAtEnd::Keep,
    "What happens to the agents that an agent started when it ends: keep, they keep running; or stop, their work is saved and they end \
     as well",
)
.with_choices(Choices::Words(&["keep", "stop"]));
