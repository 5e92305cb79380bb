//! The results of checks, by what was checked: the tree, the command, and the environment. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The largest number of results that are kept; the oldest are dropped.
pub const MAX_RESULTS: usize = 300;

/// What a check proves: the command says the same about the same files in the same environment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CheckKey {
    /// The id of the tree.
    pub tree: String,
    /// The id of the command; see [`super::landing::check_id`].
    #[serde(rename = "command")]
    pub command_id: String,
    /// The fingerprint of the environment.
    pub environment: String,
}

/// Which results answer a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counting {
    /// Only those of a checkout that held the files of the tree and nothing else.
    Fresh,
    /// Also those of an agent's worktree in which files lay that are not in the tree, such as the output of a build.
    Anywhere,
}

/// The result of one run of a check.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CheckResult {
    /// What was checked.
    #[serde(flatten)]
    pub key: CheckKey,
    /// Whether nothing but the files of the tree was there when it began.
    pub fresh: bool,
    /// Why it failed, such as `exit code 3`; absent if it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When it ended.
    pub at: Timestamp,
    /// How long it ran.
    pub seconds: u64,
    /// Where its output is, as `git show` takes it: `<ref>:<file>`; absent if it was not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Whether the check passed and failed on the same files: on some runs it says the one, on others the other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
}

impl CheckResult {
    /// Returns how long ago the check ended; `None` if the clock was set back since.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        u64::try_from(now.as_second() - self.at.as_second()).ok().map(Duration::from_secs)
    }
}

/// The results that a clone keeps, oldest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CheckResults(Vec<CheckResult>);

impl CheckResults {
    /// Parses stored results, one JSON object a line. A line that is malformed, or of a later version, is left out.
    pub fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Parses only the results of one tree, which is a small part of the work.
    pub fn parse_of_tree(text: &str, tree: &str) -> Self {
        let of_tree = text.lines().filter(|line| line.contains(tree));
        Self(of_tree.filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Returns the text to store.
    pub fn text(&self) -> String {
        let line = |result| serde_json::to_string(result).map(|line| line + "\n");
        self.0.iter().flat_map(line).collect()
    }

    /// Adds a result. It takes the place of the earlier one of the same check at the same kind of place; if they differ, the check is flaky.
    pub fn add(&mut self, mut result: CheckResult) {
        let same = |known: &&CheckResult| known.key == result.key && known.fresh == result.fresh;
        if let Some(known) = self.0.iter().find(same) {
            result.flaky |= known.flaky || known.failure.is_some() != result.failure.is_some();
        }
        self.0.retain(|known| known.key != result.key || known.fresh != result.fresh);
        self.0.push(result);
        let over = self.0.len().saturating_sub(MAX_RESULTS);
        self.0.drain(..over);
    }

    /// Returns the newest result of a check, unless it is older than `max_age`.
    pub fn latest(
        &self,
        key: &CheckKey,
        counting: Counting,
        max_age: Duration,
        now: Timestamp,
    ) -> Option<&CheckResult> {
        let counts =
            |result: &&CheckResult| result.key == *key && (result.fresh || counting == Counting::Anywhere);
        let newest = self.0.iter().rev().find(counts)?;
        newest.age(now).is_some_and(|age| age <= max_age).then_some(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn key(tree: &str) -> CheckKey {
        CheckKey { tree: tree.into(), command_id: "c".into(), environment: "e".into() }
    }

    fn result(tree: &str, at: i64, fresh: bool, passed: bool) -> CheckResult {
        CheckResult {
            key: key(tree),
            fresh,
            failure: (!passed).then(|| "exit code 1".to_owned()),
            at: Timestamp::from_second(at).unwrap(),
            seconds: 7,
            output: None,
            flaky: false,
        }
    }

    #[test]
    fn the_newest_result_of_the_same_check_answers() {
        // The results, oldest first: time, fresh, passed; then what a fresh checkout and any place may use.
        type Row = (&'static [(i64, bool, bool)], Option<bool>, Option<bool>);
        let table: &[Row] = &[
            (&[], None, None),
            (&[(100, true, true)], Some(true), Some(true)),
            (&[(100, false, true)], None, Some(true)),
            (&[(100, true, true), (200, true, false)], Some(false), Some(false)),
            (&[(100, true, false), (200, true, true)], Some(true), Some(true)),
            (&[(100, true, true), (200, false, false)], Some(true), Some(false)),
            (&[(100, true, false), (200, false, true)], Some(false), Some(true)),
            // Of tomorrow: the clock was set back.
            (&[(2_000_000, true, true)], None, None),
            (&[(100_000 - 86_401, true, true)], None, None),
        ];
        let now = Timestamp::from_second(100_000).unwrap();
        for (known, fresh, anywhere) in table {
            let mut results = CheckResults::default();
            let base = if known.iter().all(|(at, ..)| *at < 1000) { 99_000 } else { 0 };
            for (at, is_fresh, passed) in *known {
                results.add(result("t", base + at, *is_fresh, *passed));
            }
            results.add(result("other", 99_999, true, true));
            for (counting, expected) in [(Counting::Fresh, fresh), (Counting::Anywhere, anywhere)] {
                let found = results.latest(&key("t"), counting, DAY, now);
                assert_eq!(found.map(|found| found.failure.is_none()), *expected, "{known:?} {counting:?}");
            }
        }
    }

    #[test]
    fn a_check_that_says_both_about_the_same_files_is_flaky() {
        for (runs, flaky) in [
            (&[(true, true), (true, true)][..], false),
            (&[(true, false), (true, false)], false),
            (&[(true, false), (true, true)], true),
            (&[(true, true), (true, false)], true),
            (&[(true, false), (true, true), (true, true)], true),
            // A worktree with other files is another question.
            (&[(false, false), (true, true)], false),
        ] {
            let mut results = CheckResults::default();
            for (at, (fresh, passed)) in (100..).zip(runs) {
                results.add(result("t", at, *fresh, *passed));
            }
            let now = Timestamp::from_second(200).unwrap();
            let found = results.latest(&key("t"), Counting::Anywhere, DAY, now).unwrap();
            assert_eq!(found.flaky, flaky, "{runs:?}");
            assert_eq!(results.text().contains("flaky"), flaky, "{runs:?}");
        }
    }

    #[test]
    fn another_command_or_environment_is_another_check() {
        let mut results = CheckResults::default();
        results.add(result("t", 100, true, true));
        let now = Timestamp::from_second(100).unwrap();
        for other in [
            CheckKey { command_id: "d".into(), ..key("t") },
            CheckKey { environment: "f".into(), ..key("t") },
            key("u"),
        ] {
            assert_eq!(results.latest(&other, Counting::Anywhere, DAY, now), None);
        }
    }

    #[test]
    fn the_list_is_bounded_and_survives_a_round_trip_and_foreign_lines() {
        let mut results = CheckResults::default();
        for at in 0..=i64::try_from(MAX_RESULTS).unwrap() {
            results.add(result(&format!("tree-{at}-"), at, true, at % 2 == 0));
        }
        let text = results.text();
        assert_eq!(text.lines().count(), MAX_RESULTS);
        assert!(!text.contains("tree-0-"), "the oldest is dropped");
        assert_eq!(CheckResults::parse(&format!("{{\"tree\":1}}\nnot JSON\n{text}")), results);
        let of_tree = CheckResults::parse_of_tree(&text, "tree-2-");
        assert_eq!(of_tree.text().lines().count(), 1);
    }
}
