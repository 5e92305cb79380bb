//! A team: roles that work one after another on one task, in one worktree. Which role is next is decided from what the roles before
//! it said. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommitId, Cost, IdOrText, Phase, Verdict, lines::Value, text::short, words::words};

/// Maximum number of roles of a team.
pub const MAX_ROLES: usize = 8;
/// Maximum number of parts that are kept of an agent; later ones replace the last.
const MAX_PARTS: usize = 64;

words! {
    /// How a role ended its part of the work.
    pub enum Outcome {
        /// It did its part.
        Done = "done",
        /// It reviewed the work and approves it.
        Approve = "approve",
        /// It reviewed the work and asks for changes.
        Changes = "changes",
        /// It reviewed the work and rejects it.
        Reject = "reject",
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approve => Self::Approve,
            Verdict::Changes => Self::Changes,
            Verdict::Reject => Self::Reject,
        }
    }
}

impl Outcome {
    /// Returns the verdict, if the role gave one.
    pub const fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Done => None,
            Self::Approve => Some(Verdict::Approve),
            Self::Changes => Some(Verdict::Changes),
            Self::Reject => Some(Verdict::Reject),
        }
    }
}

/// A role of a team.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TeamRole {
    /// The name of its profile.
    pub name: String,
    /// Whether it may change files.
    pub writes: bool,
}

/// One part of the work on a task: that of one role, in one or more attempts.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Part {
    /// The place of the role in its team; the first is 0.
    pub role: u32,
    /// Its first attempt.
    pub attempt: u32,
    /// The commit that held the work when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IdOrText<CommitId>>,
    /// How it ended; `None` if it has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What its sessions used, as far as it is known.
    #[serde(default, skip_serializing_if = "PartUse::is_unknown")]
    pub used: PartUse,
}

/// What a part of the work used: its own sessions, without those of other parts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct PartUse {
    /// The cost.
    #[serde(rename = "cost_micros", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Input tokens, cached ones included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
}

impl PartUse {
    /// Returns whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the sum. What is unknown counts as nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        let cost = sum(self.cost.map(Cost::micros), other.cost.map(Cost::micros));
        Self {
            cost: cost.map(Cost::from_micros),
            input_tokens: sum(self.input_tokens, other.input_tokens),
            output_tokens: sum(self.output_tokens, other.output_tokens),
        }
    }
}

/// The begin or the end of a part, in the event of a phase; see [`super::event::PhaseChange::part`].
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct PartChange {
    /// The place of the role in its team; the first is 0.
    pub role: u32,
    /// The commit that holds the work, at the begin of a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IdOrText<CommitId>>,
    /// How the part ended; absent at its begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What the role said last, for the roles after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

impl PartChange {
    /// Makes the begin of the part of a role, on the work in this commit.
    pub fn begin(place: usize, from: IdOrText<CommitId>) -> Self {
        Self { from: Some(from), ..Self::again(place) }
    }

    /// Makes the end of the part of a role.
    pub fn end(place: usize, outcome: Outcome, words: String) -> Self {
        let words = Some(words).filter(|words| !words.is_empty());
        Self { outcome: Some(outcome), words, ..Self::again(place) }
    }

    /// Makes the change that lets a role continue the part that it had ended.
    pub fn again(place: usize) -> Self {
        let role = u32::try_from(place).unwrap_or(u32::MAX);
        Self { role, from: None, outcome: None, words: None }
    }

    /// Returns whether a part begins.
    pub const fn begins(&self) -> bool {
        self.from.is_some() && self.outcome.is_none()
    }
}

/// A team as an agent was started with it, and what its roles did.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Team {
    /// The name of the team.
    pub name: String,
    /// Its roles, in order.
    pub roles: Vec<TeamRole>,
    /// How often a reviewing role may send the work back.
    pub rounds: u32,
    /// The parts of the work so far, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// How often the work was sent back since the task began, or since a person resumed the agent after its end.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent_back: u32,
    /// Whether a person resumed the agent after the team had ended: the next part begins a new series.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reopened: bool,
}

/// What happens next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Next {
    /// The role at this place works.
    Start(usize),
    /// The work goes back to the role at this place.
    Back(usize),
    /// The task is done.
    Done,
    /// The team failed, for this reason.
    Failed(String),
}

impl Team {
    /// Returns the team with texts that are safe to show and lists that are not too long. Returns `None` if there are no roles, or too
    /// many.
    pub(super) fn checked(&self) -> Option<Self> {
        let roles: Vec<TeamRole> =
            self.roles.iter().map(|role| TeamRole { name: short(&role.name), writes: role.writes }).collect();
        let is_sound = (1..=MAX_ROLES).contains(&roles.len());
        is_sound.then(|| Self { name: short(&self.name), roles, rounds: self.rounds, ..Self::default() })
    }

    /// Returns the part in progress, or the last one.
    pub fn last(&self) -> Option<&Part> {
        self.parts.last()
    }

    /// Returns the place of the role that works or worked last; the first before any part.
    pub fn place(&self) -> usize {
        self.last().map_or(0, |part| part.role as usize).min(self.roles.len().saturating_sub(1))
    }

    /// Returns the name of the role that ran an attempt, if a part is known for it.
    pub fn role_of_attempt(&self, attempt: u32) -> Option<&str> {
        let part = self.parts.iter().rev().find(|part| part.attempt <= attempt)?;
        self.roles.get(part.role as usize).map(|role| role.name.as_str())
    }

    /// Returns the place of the part that an attempt belongs to, in the list of parts.
    pub(super) fn part_of_attempt(&self, attempt: u32) -> Option<usize> {
        self.parts.iter().rposition(|part| part.attempt <= attempt)
    }

    /// Returns what the role at a place used in all of its parts.
    pub fn used_by(&self, place: usize) -> PartUse {
        let parts = self.parts.iter().filter(|part| part.role as usize == place);
        parts.fold(PartUse::default(), |sum, part| sum.plus(part.used))
    }

    /// Returns whether the role at a place reviews: it does not write, and a role before it does.
    pub fn reviews(&self, place: usize) -> bool {
        self.roles.get(place).is_some_and(|role| !role.writes) && self.writer_before(place).is_some()
    }

    /// Returns the place of the last role that writes, before a place.
    pub fn writer_before(&self, place: usize) -> Option<usize> {
        self.roles.iter().take(place).rposition(|role| role.writes)
    }

    /// Returns the role whose changes are no part of the work, and the commit that held the work when its part began: the one that works
    /// or worked last, if it does not write. `None` once a person resumed the agent after its end: what changed then is theirs.
    pub fn reader(&self) -> Option<(&str, CommitId)> {
        let part = self.last().filter(|_| !self.reopened)?;
        let role = self.roles.get(part.role as usize).filter(|role| !role.writes)?;
        Some((&role.name, part.from.as_ref()?.commit()?))
    }

    /// Decides what happens next.
    pub fn next(&self) -> Next {
        let Some(part) = self.last() else { return Next::Start(0) };
        let place = self.place();
        let Some(outcome) = part.outcome else { return Next::Start(place) };
        if self.reopened {
            return Next::Back(self.writer_before(self.roles.len()).unwrap_or(0));
        }
        let name = self.roles.get(place).map_or("", |role| role.name.as_str());
        match (outcome, self.writer_before(place)) {
            (Outcome::Done | Outcome::Approve, _) if place + 1 < self.roles.len() => Next::Start(place + 1),
            (Outcome::Done | Outcome::Approve, _) => Next::Done,
            (Outcome::Changes, Some(writer)) if self.sent_back < self.rounds => Next::Back(writer),
            (Outcome::Changes, _) => {
                let rounds = if self.rounds == 1 { "1 round" } else { &format!("{} rounds", self.rounds) };
                Next::Failed(format!("'{name}' still asks for changes after {rounds}"))
            }
            (Outcome::Reject, _) => Next::Failed(format!("'{name}' rejected the work")),
        }
    }

    /// Applies the begin or the end of a part.
    pub(super) fn apply(&mut self, attempt: u32, change: &PartChange) {
        if change.role as usize >= self.roles.len() {
            return;
        }
        if !change.begins() {
            if let Some(part) = self.parts.last_mut().filter(|part| part.role == change.role) {
                part.outcome = change.outcome;
            }
            return;
        }
        let is_sent_back = self.last().is_some_and(|part| part.outcome == Some(Outcome::Changes));
        // A part that is open begins again where a person left the work.
        if let Some(part) = self.parts.last_mut()
            && part.role == change.role
            && part.outcome.is_none()
        {
            part.from = IdOrText::short_or_none(change.from.as_ref());
            return;
        }
        self.sent_back = if self.reopened { 0 } else { self.sent_back + u32::from(is_sent_back) };
        self.reopened = false;
        if self.parts.len() == MAX_PARTS {
            self.parts.pop();
        }
        let from = IdOrText::short_or_none(change.from.as_ref());
        self.parts.push(Part { role: change.role, attempt, from, outcome: None, used: PartUse::default() });
    }

    /// Notes that the agent is resumed, after it had ended in this phase.
    pub(super) fn resumed_after(&mut self, phase: Phase) {
        let has_ended = matches!(phase, Phase::Done | Phase::Failed);
        if has_ended && matches!(self.next(), Next::Done | Next::Failed(_)) {
            self.reopened = true;
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// As one line of JSON: what is safe to show contains no line break.
impl Value for Team {
    fn write(&self, out: &mut String) {
        out.push_str(&serde_json::to_string(self).unwrap_or_default());
    }

    fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Next::{Back, Failed, Start},
        Outcome::*,
        *,
    };

    fn team(writes: &[bool], rounds: u32) -> Team {
        let roles = writes.iter().enumerate();
        let roles = roles.map(|(at, writes)| TeamRole { name: format!("r{at}"), writes: *writes }).collect();
        Team { name: "t".into(), roles, rounds, ..Team::default() }
    }

    fn begin(role: usize) -> PartChange {
        PartChange::begin(role, IdOrText::read(&"1".repeat(40)))
    }

    /// Lets the roles end with these outcomes, and returns what is decided at the end.
    fn decide(mut team: Team, outcomes: &[Outcome]) -> Next {
        for (attempt, outcome) in (1..).zip(outcomes) {
            let (Start(role) | Back(role)) = team.next() else { panic!("{outcome} after {:?}", team.next()) };
            team.apply(attempt, &begin(role));
            assert_eq!(team.next(), Start(role), "a part that did not end is continued");
            team.apply(attempt, &PartChange::end(role, *outcome, String::new()));
        }
        team.next()
    }

    #[test]
    fn the_next_role_follows_from_what_the_others_said() {
        let failed = |why: &str| Failed(why.to_owned());
        // An architect that plans, an implementer, a reviewer.
        let three = [false, true, false];
        let still = |rounds: &str| failed(&format!("'r2' still asks for changes after {rounds}"));
        let table: &[(&[bool], u32, &[Outcome], Next)] = &[
            (&three, 2, &[], Start(0)),
            (&three, 2, &[Done], Start(1)),
            (&three, 2, &[Done, Done], Start(2)),
            (&three, 2, &[Done, Done, Approve], Next::Done),
            (&three, 2, &[Done, Done, Changes], Back(1)),
            (&three, 2, &[Done, Done, Changes, Done], Start(2)),
            (&three, 2, &[Done, Done, Changes, Done, Approve], Next::Done),
            (&three, 2, &[Done, Done, Changes, Done, Changes], Back(1)),
            (&three, 2, &[Done, Done, Changes, Done, Changes, Done, Changes], still("2 rounds")),
            (&three, 1, &[Done, Done, Changes, Done, Changes], still("1 round")),
            (&three, 0, &[Done, Done, Changes], still("0 rounds")),
            (&three, 2, &[Done, Done, Reject], failed("'r2' rejected the work")),
            (&[true], 2, &[Done], Next::Done),
            (&[true, false, true, false], 2, &[Done, Changes], Back(0)),
            (&[true, false, true, false], 2, &[Done, Approve], Start(2)),
            (&[true, false, true, false], 2, &[Done, Approve, Done, Changes], Back(2)),
        ];
        for (writes, rounds, outcomes, expected) in table {
            assert_eq!(decide(team(writes, *rounds), outcomes), *expected, "{writes:?} {outcomes:?}");
        }
    }

    #[test]
    fn a_role_reviews_if_it_does_not_write_and_one_before_it_does() {
        let team = team(&[false, true, false], 2);
        let reviews: Vec<bool> = (0..3).map(|place| team.reviews(place)).collect();
        assert_eq!(reviews, [false, false, true]);
    }

    #[test]
    fn a_person_who_resumes_an_ended_team_begins_another_series() {
        let mut team = team(&[true, false], 1);
        let part = |team: &mut Team, role, outcome| {
            team.apply(1, &begin(role));
            team.apply(1, &PartChange::end(role, outcome, String::new()));
        };
        part(&mut team, 0, Done);
        team.apply(1, &PartChange::again(0));
        assert_eq!(team.next(), Start(0), "the role continues");
        team.apply(1, &PartChange::end(0, Done, String::new()));
        team.resumed_after(Phase::Failed);
        assert_eq!(team.next(), Start(1), "the team had not ended");
        part(&mut team, 1, Changes);
        part(&mut team, 0, Done);
        part(&mut team, 1, Changes);
        assert!(matches!(team.next(), Failed(_)));
        team.resumed_after(Phase::Stopped);
        assert!(matches!(team.next(), Failed(_)));
        team.resumed_after(Phase::Failed);
        assert_eq!(team.next(), Back(0));
        part(&mut team, 0, Done);
        part(&mut team, 1, Changes);
        assert_eq!(team.next(), Back(0), "there are as many rounds as before");
    }

    #[test]
    fn the_changes_of_a_role_that_does_not_write_are_told_from_those_of_a_person() {
        let mut team = team(&[true, false], 1);
        let from = |digit: &str| IdOrText::read(&digit.repeat(40));
        let reader = |team: &Team| team.reader().map(|(name, from)| (name.to_owned(), from.to_string()));
        let expected = |digit: &str| Some(("r1".to_owned(), digit.repeat(40)));
        team.apply(1, &PartChange::begin(0, from("1")));
        assert_eq!(reader(&team), None, "it writes");
        team.apply(1, &PartChange::end(0, Done, String::new()));
        team.apply(2, &PartChange::begin(1, from("2")));
        assert_eq!(reader(&team), expected("2"));
        team.apply(3, &PartChange::begin(1, from("3")));
        assert_eq!(
            (reader(&team), team.parts.len()),
            (expected("3"), 2),
            "a person changed files in between"
        );
        team.apply(3, &PartChange::end(1, Approve, String::new()));
        assert_eq!(reader(&team), expected("3"));
        team.resumed_after(Phase::Done);
        assert_eq!(reader(&team), None);
    }

    #[test]
    fn every_attempt_has_its_role_and_the_state_is_one_line() {
        let mut team = team(&[true, false], 2);
        team.apply(1, &begin(0));
        team.apply(3, &begin(1));
        team.apply(4, &begin(9));
        let roles: Vec<Option<&str>> = (0..5).map(|attempt| team.role_of_attempt(attempt)).collect();
        assert_eq!(roles, [None, Some("r0"), Some("r0"), Some("r1"), Some("r1")]);
        let mut line = String::new();
        team.write(&mut line);
        assert_eq!((Team::read(&line), line.lines().count()), (Some(team), 1));
    }
}
