//! The list of all subjects.

use std::{fmt, str::FromStr};

use super::{
    AgentId,
    event::Event,
    facts::EventFact,
    run::RunKey,
    spec::SpecName,
    subject::{FactOf, Subject, SubjectId},
};

/// Defines [`LogId`] and `for_log!` from the list of subjects: for each a variant, and the type of its ids. The first token is `$`,
/// because a macro cannot write one into the macro that it defines.
macro_rules! logs {
    ($dollar:tt $( $(#[$doc:meta])* $variant:ident($id:ty) ),* $(,)?) => {
        /// The id of a log of any subject. As text it is the name of the log's ref below the folder of all shared refs: `runs/5t2k`.
        #[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub enum LogId { $( $(#[$doc])* $variant($id), )* }

        impl LogId {
            /// The names of the folders that contain logs.
            pub const KINDS: [&str; [$(<$id as SubjectId>::Subject::KIND),*].len()] =
                [$(<$id as SubjectId>::Subject::KIND),*];

            /// The names of the blobs with long texts, for each kind of log.
            pub const LONG_TEXTS: [&[&str]; [$(<$id as SubjectId>::Subject::KIND),*].len()] =
                [$(<FactOf<$id> as EventFact>::LONG_TEXTS),*];

            /// Returns what people wrote in an event, whatever log it is from. `line` is the event as its commit holds it.
            pub fn words(line: &str) -> Vec<String> {
                let mut all: Vec<String> = Vec::new();
                $( if let Some(fact) = Event::<FactOf<$id>>::read(line).and_then(|event| event.fact) {
                    let new = fact.words().into_iter().map(str::to_owned);
                    all.extend(new.filter(|word| !word.is_empty()));
                } )*
                all.sort_unstable();
                all.dedup();
                all
            }

            /// Parses the name of a log, such as `runs/5t2k`. Returns `None` if there can be no such log.
            pub fn parse(name: &str) -> Option<Self> {
                let (kind, id) = name.split_once('/')?;
                $( if kind == <$id as SubjectId>::Subject::KIND {
                    return <$id>::from_str(id).ok().map(Self::$variant);
                } )*
                None
            }
        }

        impl fmt::Display for LogId {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $( Self::$variant(id) => write!(f, "{}/{id}", <$id as SubjectId>::Subject::KIND), )*
                }
            }
        }

        /// Evaluates an expression that is generic over the subject, with the id in a [`LogId`]:
        /// `for_log!(log, id => append(repo, id, facts))`.
        macro_rules! for_log {
            ($dollar log:expr, $dollar id:ident => $dollar body:expr) => {
                match $dollar log {
                    $( $crate::model::LogId::$variant($dollar id) => $dollar body, )*
                }
            };
        }

        pub(crate) use for_log;
    };
}

logs! { $
    /// The log of an agent.
    Agent(AgentId),
    /// The log of a run.
    Run(RunKey),
    /// The log of a spec.
    Spec(SpecName),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_named_by_its_folder_and_its_id() {
        for name in ["agents/add-tests-k3m9q", "runs/019aa0a0a0a012345", "specs/rate-limit"] {
            assert_eq!(LogId::parse(name).map(|log| log.to_string()).as_deref(), Some(name));
        }
        for name in ["runs", "runs/", "runs/a/b", "runs/../x", "agents/x", "heads/add-tests-k3m9q", ""] {
            assert_eq!(LogId::parse(name), None, "{name}");
        }
        assert_eq!(LogId::KINDS, ["agents", "runs", "specs"]);
    }
}
