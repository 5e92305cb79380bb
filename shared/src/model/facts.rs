//! What the facts of every log have in common. A log holds facts of one enum; each is one event.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

/// The facts of one kind of log, as they are written to events and read from them.
pub trait EventFact: Clone + fmt::Debug + Eq + Serialize + DeserializeOwned + 'static {
    /// The version of these events, the `v` of their JSON. A newer one makes a log read-only here, never unreadable.
    const VERSION: u32;
    /// The names of all facts, the `t` of their JSON. An event of any other name is newer than this program.
    const NAMES: &'static [&'static str];

    /// Whether the fact is free of contradictions and its lists are short. Otherwise its event is malformed.
    fn is_sound(&self) -> bool;

    /// Whether a log begins with this fact.
    fn begins(&self) -> bool;

    /// Whether the fact names a commit that travels under a ref of its own, as the work of an agent does.
    fn names_work(&self) -> bool {
        false
    }

    /// The text of this fact that may be too long for an event: the name of its blob in the tree of the commit, and the field,
    /// which is empty where the text is in that blob. One commit holds at most one blob of a name.
    fn long_text(&mut self) -> Option<(&'static str, &mut Option<String>)> {
        None
    }
}

/// Defines the enum of facts of one kind of log, each with its name in JSON, and the list of those names.
macro_rules! facts {
    (
        $(#[$meta:meta])*
        pub enum Fact { $( $(#[$doc:meta])* $variant:ident $body:tt = $name:literal ),* $(,)? }
    ) => {
        $(#[$meta])*
        pub enum Fact { $( $(#[$doc])* #[serde(rename = $name)] $variant $body, )* }

        impl Fact {
            /// The names of all facts, the `t` of their JSON. An event of any other name is newer than this program.
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
