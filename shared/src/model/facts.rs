//! What the facts of all logs have in common. The facts of one log are variants of one enum; each event states one fact.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

/// The facts of one subject, as events store them in JSON.
pub trait EventFact: Clone + fmt::Debug + Eq + Serialize + DeserializeOwned + 'static {
    /// The version of the events, `v` in their JSON. An event of a newer version makes its log read-only here, never unreadable.
    const VERSION: u32;
    /// The names of all facts, `t` in their JSON. An event with any other name is newer than this program.
    const NAMES: &'static [&'static str];
    /// The names of the blobs that [`Self::long_text`] returns, all of them written by people.
    const LONG_TEXTS: &'static [&'static str];

    /// Returns whether the fact has no contradictions and no list that is too long. Otherwise its event is malformed.
    fn is_sound(&self) -> bool;

    /// Returns whether this is the fact with which a log begins.
    fn begins(&self) -> bool;

    /// Returns whether the fact names a commit that sync exchanges under a separate ref, such as the work of an agent.
    fn names_work(&self) -> bool {
        false
    }

    /// Returns what a person wrote in this fact, except a text in a blob. A password in it can look like any word, and is recognized by
    /// what is before it. What a program wrote is not part of it: its output is full of such names.
    fn words(&self) -> Vec<&str>;

    /// Returns the text of this fact that may be too long for an event: the name of its blob in the tree of the commit, and the
    /// field, which is empty if the text is in that blob. A commit has at most one blob of each name.
    fn long_text(&mut self) -> Option<(&'static str, &mut Option<String>)> {
        None
    }
}

/// Defines the enum of the facts of one subject, each with its name in JSON, and the list of the names.
macro_rules! facts {
    (
        $(#[$meta:meta])*
        pub enum Fact { $( $(#[$doc:meta])* $variant:ident $body:tt = $name:literal ),* $(,)? }
    ) => {
        $(#[$meta])*
        pub enum Fact { $( $(#[$doc])* #[serde(rename = $name)] $variant $body, )* }

        impl Fact {
            /// The names of all facts, `t` in their JSON. An event with any other name is newer than this program.
            pub const NAMES: [&str; [$($name),*].len()] = [$($name),*];

            /// Returns the name of this fact, as in the field `t`.
            pub const fn name(&self) -> &'static str {
                match self {
                    $( Self::$variant { .. } => $name, )*
                }
            }
        }
    };
}

pub(super) use facts;
