//! Decides which agent a person means by what was typed. Pure.

use std::collections::BTreeMap;

use super::{AgentId, nearest::nearest, text};
use crate::{Code, Error, Result};

/// The most candidates that an error lists.
const MAX_CANDIDATES: usize = 8;
/// The fewest characters that are searched for inside of words.
const MIN_PART: usize = 3;
/// The most ids that are compared with a name that matches none.
const MAX_COMPARED: usize = 2000;

/// An agent that can be meant.
#[derive(Clone, Copy, Debug)]
pub struct KnownAgent<'a> {
    /// Its id.
    pub id: &'a AgentId,
    /// Whether it runs, or will without another command.
    pub is_open: bool,
}

/// The agent that is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MeantAgent {
    /// Its id.
    pub id: AgentId,
    /// The number of other agents that match as well but are not open.
    pub others: usize,
}

/// How much of an id was typed; the lowest is the strongest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Strength {
    Whole,
    Prefix,
    Words,
    Part,
}

/// Extracts an agent's id, or a prefix of it, from what a table shows: its branch, or a text that was cut with `…`.
pub fn shown_name(typed: &str) -> &str {
    let name = typed.trim_end_matches('…');
    match name.rsplit_once('/') {
        Some((_, id)) if AgentId::parse(id).is_ok() => id,
        _ => name,
    }
}

/// Returns whether `typed` may name this agent: as its id, a prefix, whole words inside, or at least three characters inside.
pub fn matches(typed: &str, id: &AgentId) -> bool {
    strength(shown_name(typed), id).is_some()
}

/// Returns whether the id begins with `typed`.
pub fn begins(typed: &str, id: &AgentId) -> bool {
    strength(shown_name(typed), id).is_some_and(|strength| strength <= Strength::Prefix)
}

fn strength(name: &str, id: &AgentId) -> Option<Strength> {
    let id = id.as_str();
    if name.is_empty() {
        None
    } else if id == name {
        Some(Strength::Whole)
    } else if id.starts_with(name) {
        Some(Strength::Prefix)
    } else if format!("-{id}-").contains(&format!("-{name}-")) {
        Some(Strength::Words)
    } else {
        (name.len() >= MIN_PART && id.contains(name)).then_some(Strength::Part)
    }
}

/// Finds the agent that `typed` names: its id, else the only one that begins with it, else the only one with these words, else the only
/// one with this part inside. If several match and one of them alone is open, that one is meant. `typed` may be cut as in
/// [`shown_name`]; `about` describes a candidate in an error.
///
/// # Errors
/// No id or several ids match; the hints list the candidates, or the nearest id.
pub fn resolve<'a>(
    typed: &str,
    known: impl IntoIterator<Item = KnownAgent<'a>>,
    about: &dyn Fn(&AgentId) -> String,
) -> Result<MeantAgent> {
    let name = shown_name(typed);
    let known: Vec<KnownAgent<'a>> = known.into_iter().collect();
    let found: Vec<_> = known.iter().filter_map(|one| Some((strength(name, one.id)?, one))).collect();
    let strongest = found.iter().map(|(strength, _)| *strength).min();
    let found: Vec<&KnownAgent<'a>> =
        found.into_iter().filter(|(strength, _)| Some(*strength) == strongest).map(|(_, one)| one).collect();
    let open: Vec<&&KnownAgent<'a>> = found.iter().filter(|one| one.is_open).collect();
    match (found.as_slice(), open.as_slice()) {
        ([one], _) => Ok(MeantAgent { id: one.id.clone(), others: 0 }),
        ([], _) => Err(unknown(typed, &known)),
        (all, [one]) => Ok(MeantAgent { id: one.id.clone(), others: all.len() - 1 }),
        (all, _) => Err(ambiguous(typed, all, about)),
    }
}

fn unknown(typed: &str, known: &[KnownAgent<'_>]) -> Error {
    let error = Error::new(Code::AgentUnknown, format!("no agent '{}'", text::safe(typed)));
    let nearest = nearest_id(shown_name(typed), known).map(|id| format!("did you mean '{id}'?"));
    nearest.into_iter().fold(error, Error::hint).hint(
        "'git orchestra status --all' lists the agents of this repository, --archived those that were removed",
    )
}

/// Returns the id whose words, one of whose words, or which itself is the nearest to a name.
fn nearest_id<'a>(name: &str, known: &[KnownAgent<'a>]) -> Option<&'a AgentId> {
    let mut names: BTreeMap<String, &'a AgentId> = BTreeMap::new();
    for id in known.iter().take(MAX_COMPARED).map(|one| one.id) {
        let (words, _) = id.as_str().rsplit_once('-').unwrap_or((id.as_str(), ""));
        let parts = words.split('-').filter(|word| word.len() > MIN_PART);
        for part in parts.chain([words, id.as_str()]) {
            names.entry(part.to_owned()).or_insert(id);
        }
    }
    let found = nearest(name, names.keys().cloned().collect())?;
    names.get(&found).copied()
}

fn ambiguous(typed: &str, found: &[&KnownAgent<'_>], about: &dyn Fn(&AgentId) -> String) -> Error {
    let mut ids: Vec<&AgentId> = found.iter().map(|one| one.id).collect();
    ids.sort_unstable();
    let names: Vec<String> = ids.iter().take(MAX_CANDIDATES).map(|id| format!("{id}{}", about(id))).collect();
    let more = found.len() - names.len();
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = text::safe(typed);
    Error::new(Code::AgentAmbiguous, format!("'{shown}' is ambiguous: {} agents", found.len()))
        .hint(format!("could be: {}{tail}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resolves a name among agents, of which those with a `*` are open.
    fn found(typed: &str, known: &[&str]) -> Result<MeantAgent> {
        let ids: Vec<AgentId> =
            known.iter().map(|id| AgentId::parse(id.trim_end_matches('*')).unwrap()).collect();
        let known = ids.iter().zip(known).map(|(id, text)| KnownAgent { id, is_open: text.ends_with('*') });
        resolve(typed, known, &|_| " (done)".to_owned())
    }

    #[test]
    fn an_id_is_found_by_its_beginning_its_words_or_a_part() {
        let known = ["add-a-00000", "add-b-00001", "fix-login-00002", "hotfix-page-00003"];
        for (typed, id) in [
            ("add-b-00001", "add-b-00001"),
            ("fix", "fix-login-00002"),
            ("login", "fix-login-00002"),
            ("00003", "hotfix-page-00003"),
            ("pag", "hotfix-page-00003"),
            ("b", "add-b-00001"),
            ("orchestra/add-b-00001", "add-b-00001"),
            ("add-b…", "add-b-00001"),
        ] {
            assert_eq!(found(typed, &known).unwrap().id.as_str(), id, "{typed}");
        }
        for typed in ["", "…", "topic/fix", "zzz", "ge", "add"] {
            assert!(found(typed, &known).is_err(), "{typed}");
        }
    }

    #[test]
    fn the_only_open_one_of_several_is_meant() {
        let meant = found("add", &["add-a-00000", "add-b-00001*", "add-c-00002"]).unwrap();
        assert_eq!((meant.id.as_str(), meant.others), ("add-b-00001", 2));
        let error = found("add", &["add-a-00000*", "add-b-00001*"]).unwrap_err();
        assert_eq!(error.hints, ["could be: add-a-00000 (done), add-b-00001 (done)"]);
        // A beginning is stronger than a word inside of an open one.
        assert_eq!(found("fix", &["fix-a-00000", "do-fix-00001*"]).unwrap().id.as_str(), "fix-a-00000");
    }

    #[test]
    fn the_nearest_is_suggested() {
        let known = ["speedup-00000", "fix-login-00001"];
        for (typed, id) in
            [("speedd", "speedup-00000"), ("loign", "fix-login-00001"), ("fix-lgin", "fix-login-00001")]
        {
            let hints = found(typed, &known).unwrap_err().hints;
            assert_eq!(hints[0], format!("did you mean '{id}'?"), "{typed}");
        }
        assert_eq!(found("nobody", &known).unwrap_err().hints.len(), 1);
    }
}
