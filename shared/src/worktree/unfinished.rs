//! Work that ended in the middle of a git operation: it is captured completely, but it is not done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{git::worktrees::Worktree, model::text};

/// Maximum number of files with conflicts that are named; the rest are counted.
const MAX_NAMED: usize = 3;
/// Maximum width of a file name, in columns.
const WIDTH: usize = 100;

/// What is unfinished in a worktree.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Unfinished {
    /// The git operation in progress, such as `merge`.
    pub operation: Option<String>,
    /// The files with conflicts in the index.
    pub conflicts: Vec<String>,
}

impl Unfinished {
    /// Returns what is unfinished in a worktree, given the paths with conflicts in its index; `None`: nothing.
    pub fn of(worktree: &Worktree, unmerged: &[Vec<u8>]) -> Option<Self> {
        let operation = worktree.operation().map(str::to_owned);
        let conflicts = unmerged.iter().map(|path| text::one_line(&String::from_utf8_lossy(path), WIDTH));
        let found = Self { operation, conflicts: conflicts.collect() };
        (found != Self::default()).then_some(found)
    }

    /// Describes it for people: `a merge is unfinished: conflicts in c.txt`.
    pub fn sentence(&self) -> String {
        let named: Vec<&str> = self.conflicts.iter().take(MAX_NAMED).map(String::as_str).collect();
        let more = self.conflicts.len().saturating_sub(MAX_NAMED);
        let files = named.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() };
        match (&self.operation, self.conflicts.is_empty()) {
            (Some(operation), true) => format!("{} is unfinished", with_article(operation)),
            (Some(operation), false) => {
                format!("{} is unfinished: conflicts in {files}", with_article(operation))
            }
            (None, _) => format!("unresolved conflicts in {files}"),
        }
    }
}

fn with_article(operation: &str) -> String {
    let article = if operation.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {operation}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_operation_and_conflicts() {
        let files = |count: usize| (1..=count).map(|n| format!("{n}.txt")).collect::<Vec<_>>();
        for (operation, conflicts, sentence) in [
            (Some("merge"), 1, "a merge is unfinished: conflicts in 1.txt"),
            (Some("rebase"), 0, "a rebase is unfinished"),
            (Some("am"), 0, "an am is unfinished"),
            (None, 5, "unresolved conflicts in 1.txt, 2.txt, 3.txt and 2 more"),
        ] {
            let found = Unfinished { operation: operation.map(str::to_owned), conflicts: files(conflicts) };
            assert_eq!(found.sentence(), sentence);
        }
    }
}
