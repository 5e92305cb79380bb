//! Which clone launched which attempt.

use serde::{Deserialize, Serialize};

use crate::model::WriterId;

/// The writer that launched each attempt. Usually one clone launches them all, so consecutive attempts share an entry: the size
/// does not grow with the number of attempts.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Launches(Vec<Span>);

/// Consecutive attempts of one writer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Span {
    first: u32,
    last: u32,
    writer: WriterId,
}

impl Launches {
    /// Returns the writer that launched an attempt.
    pub(super) fn writer(&self, attempt: u32) -> Option<&WriterId> {
        let after = self.0.partition_point(|span| span.first <= attempt);
        let span = self.0[..after].last()?;
        (attempt <= span.last).then_some(&span.writer)
    }

    /// Adds the first launch of an attempt.
    pub(super) fn add(&mut self, attempt: u32, writer: &WriterId) {
        let at = self.0.partition_point(|span| span.first <= attempt);
        if let Some(before) = at.checked_sub(1).map(|before| &mut self.0[before])
            && before.last.checked_add(1) == Some(attempt)
            && before.writer == *writer
        {
            before.last = attempt;
        } else {
            self.0.insert(at, Span { first: attempt, last: attempt, writer: writer.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_attempts_of_one_writer_share_an_entry() {
        let writer = |name| WriterId::parse(name).unwrap();
        let mut launches = Launches::default();
        for (attempt, by) in [(1, "a"), (2, "a"), (9, "b"), (3, "a"), (5, "a"), (4, "b"), (u32::MAX, "a")] {
            assert_eq!(launches.writer(attempt), None);
            launches.add(attempt, &writer(by));
        }
        for (attempt, by) in [(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "a"), (9, "b"), (u32::MAX, "a")] {
            assert_eq!(launches.writer(attempt), Some(&writer(by)), "{attempt}");
        }
        for none in [0, 6, 8, 10] {
            assert_eq!(launches.writer(none), None, "{none}");
        }
        assert_eq!(launches.0.len(), 5);
    }
}
