//! Detects a program that works without changing a file. Pure.

use crate::git::Oid;

/// The detection of one attempt. What it counts are turns and tool calls: each is one step.
#[derive(Debug)]
pub struct StuckDetector {
    /// The number of steps without a change from which on the agent is stuck; 0 for never.
    limit: u64,
    /// The steps since the files last changed, as far as is known.
    steps: u64,
    /// The number of steps at which to look at the files.
    next: u64,
    /// The files when they were last looked at.
    tree: Option<Oid>,
    is_shown: bool,
}

impl StuckDetector {
    /// Starts detection; with the limit 0 no agent is stuck.
    pub const fn new(limit: u64) -> Self {
        Self { limit, steps: 0, next: limit, tree: None, is_shown: false }
    }

    /// Sets the files with which the attempt began, if they are not known yet.
    pub fn begin(&mut self, tree: impl FnOnce() -> Option<Oid>) {
        if self.tree.is_none() {
            self.tree = tree();
        }
    }

    /// Counts a turn that ended, or a tool call.
    pub fn step(&mut self) {
        self.steps = self.steps.saturating_add(1);
    }

    /// Returns whether to look at the files now.
    pub fn is_due(&self) -> bool {
        self.limit > 0 && self.steps >= self.next
    }

    /// Looks later, because the files could not be looked at.
    pub fn postpone(&mut self) {
        self.next = self.steps.saturating_add(self.limit);
    }

    /// Compares the files with what they were last time. Returns what to record, if it has changed: the number of steps without a
    /// change if the agent is stuck, 0 if it no longer is.
    pub fn observe(&mut self, tree: Oid) -> Option<u64> {
        if self.tree != Some(tree) {
            (self.tree, self.steps, self.next) = (Some(tree), 0, self.limit);
            return std::mem::take(&mut self.is_shown).then_some(0);
        }
        if !self.is_due() {
            return None;
        }
        self.postpone();
        self.is_shown = true;
        Some(self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(digit: &str) -> Oid {
        Oid::parse(&digit.repeat(40)).expect("an id")
    }

    /// Each line: so many steps, the files then, what is recorded.
    #[test]
    fn only_steps_in_a_row_without_a_change_count() {
        let story: &[(u64, &str, Option<u64>)] = &[
            (2, "1", None),
            (1, "1", Some(3)),
            (2, "1", None),
            (1, "1", Some(6)),
            (1, "2", Some(0)),
            (2, "2", None),
            (3, "3", None),
            (2, "3", None),
            (1, "3", Some(3)),
        ];
        let mut detector = StuckDetector::new(3);
        detector.begin(|| Some(oid("1")));
        for (at, (steps, tree, recorded)) in story.iter().enumerate() {
            (0..*steps).for_each(|_| detector.step());
            assert_eq!(detector.observe(oid(tree)), *recorded, "line {at}");
        }
    }

    #[test]
    fn it_looks_once_for_each_limit_and_never_without_one() {
        let mut detector = StuckDetector::new(2);
        detector.step();
        assert!(!detector.is_due());
        detector.step();
        assert!(detector.is_due());
        detector.postpone();
        assert!(!detector.is_due());
        let mut never = StuckDetector::new(0);
        never.begin(|| Some(oid("1")));
        never.step();
        assert_eq!((never.is_due(), never.observe(oid("1"))), (false, None));
    }
}
