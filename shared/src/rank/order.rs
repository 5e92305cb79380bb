//! The order in which branches land, with the reason for each position.
//!
//! The largest set of branches that land together without conflict comes first; in it, branches with a priority precede approved
//! ones, then smaller and older ones. The other branches follow, those with smaller conflicts first. Branches that conflict with
//! the target come later: they land only if somebody resolves the conflict. Branches that may not land, such as rejected ones, come
//! last.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Matrix, PairConflict, independent};
use crate::model::text::count;

/// The review state of a branch.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// It was approved.
    Approved,
    /// There is no verdict, or it is on an earlier state of the branch.
    #[default]
    Open,
    /// It was not approved, and only approved branches land.
    Unapproved,
    /// An earlier state of it was approved, and only approved branches land.
    Stale,
    /// Changes were requested.
    Changes,
    /// It was rejected.
    Rejected,
}

impl ReviewState {
    /// Returns whether the review state lets the branch land.
    pub const fn may_land(self) -> bool {
        matches!(self, Self::Approved | Self::Open)
    }
}

/// A branch to be ranked.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// Its name for people, which decides between branches that are equal otherwise.
    pub name: String,
    /// Its position among the branches that the user wants first; 0 is the first.
    pub priority: Option<usize>,
    /// Its review state.
    pub review_state: ReviewState,
    /// Lines that it changes.
    pub lines: u64,
    /// Files that it changes.
    pub files: u64,
    /// The time of its newest commit, in seconds since 1970.
    pub committed_at: i64,
    /// Why it lands only if it is named, whatever its review state: a check failed with it last time.
    pub kept_back: Option<String>,
    /// The candidates that land before it, because it contains their work.
    pub after: Vec<usize>,
}

impl Candidate {
    /// Returns whether the landing tries it.
    pub const fn may_land(&self) -> bool {
        self.review_state.may_land() && self.kept_back.is_none()
    }
}

/// One branch of a [`LandingOrder`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RankedBranch {
    /// The index of the candidate.
    pub branch: usize,
    /// The reason for its position, for people, without a full stop.
    pub reason: String,
    /// Its conflicts with earlier branches, each with the index of the other candidate.
    pub conflicts: Vec<(usize, PairConflict)>,
    /// Whether it belongs to the set that lands without conflict.
    pub together: bool,
}

/// The order in which branches land.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LandingOrder {
    /// The branches, in the order in which they land.
    pub places: Vec<RankedBranch>,
    /// Whether the set that lands without conflict is known to be the largest.
    pub exact: bool,
}

/// Ranks branches. The result does not depend on the order of the input.
///
/// ```
/// use orchestra::rank::{Candidate, Matrix, PairConflict, order};
///
/// let candidate = |name: &str, lines: u64| Candidate { name: name.into(), lines, ..Candidate::default() };
/// let branches = [candidate("large", 300), candidate("small", 3), candidate("apart", 20)];
/// // The first two conflict: the smaller one of them lands, together with the third.
/// let mut conflicts = Matrix::new(branches.len());
/// conflicts.set(0, 1, Some(PairConflict { files: 1, hunks: 2, ..PairConflict::default() }));
/// let order = order(&branches, &conflicts);
/// let landing: Vec<&str> =
///     order.places.iter().filter(|place| place.together).map(|place| branches[place.branch].name.as_str()).collect();
/// assert_eq!(landing, ["small", "apart"]);
/// assert!(order.exact);
/// ```
pub fn order(candidates: &[Candidate], matrix: &Matrix) -> LandingOrder {
    order_after(candidates, matrix, &[], &[])
}

/// Ranks the remaining branches, as [`order`] does, after some have landed and others were set aside or failed.
pub fn order_after(
    candidates: &[Candidate],
    matrix: &Matrix,
    landed: &[usize],
    out: &[usize],
) -> LandingOrder {
    let mut preferred: Vec<usize> =
        (0..candidates.len()).filter(|branch| !landed.contains(branch) && !out.contains(branch)).collect();
    preferred.sort_by(|a, b| preference(&candidates[*a]).cmp(&preference(&candidates[*b])));
    let may_land = |branch: usize| {
        candidates[branch].may_land()
            && !candidates[branch].after.iter().any(|before| out.contains(before))
            && matrix.with_target(branch).is_none()
            && landed.iter().all(|&first| matrix.get(first, branch).is_none())
    };
    let asked: Vec<usize> = without_conflicts_by_priority(&preferred, candidates, matrix, &may_land);
    let free: Vec<usize> = preferred
        .iter()
        .copied()
        .filter(|&branch| may_land(branch) && asked.iter().all(|&first| matrix.get(first, branch).is_none()))
        .filter(|branch| !asked.contains(branch))
        .collect();
    let (chosen, exact) = independent::maximum_independent_set(&conflict_graph(&free, matrix));
    let together: Vec<usize> = asked.into_iter().chain(chosen.into_iter().map(|at| free[at])).collect();
    let mut others: Vec<usize> = preferred.into_iter().filter(|branch| !together.contains(branch)).collect();
    others.sort_by_key(|&branch| {
        let sort_key = (!candidates[branch].may_land(), matrix.with_target(branch).is_some());
        let before_it: Vec<usize> = landed.iter().chain(&together).copied().collect();
        (sort_key, total_conflict(&earlier_conflicts(branch, &before_it, matrix)))
    });
    let mut landed: Vec<usize> = landed.to_vec();
    let mut places = Vec::with_capacity(candidates.len());
    let in_order = together.iter().map(|b| (*b, true)).chain(others.iter().map(|b| (*b, false))).collect();
    for (branch, is_together) in after_their_dependencies(in_order, candidates) {
        let conflicts = earlier_conflicts(branch, &landed, matrix);
        let reason = if is_together {
            let later = matrix.conflicts_with(branch).filter(|(other, _)| !out.contains(other));
            let (incomparable, later): (Vec<usize>, Vec<usize>) = later
                .map(|(other, _)| other)
                .partition(|&other| matrix.incomparable_reason(branch, other).is_some());
            let reason =
                together_reason(&candidates[branch], later.len(), incomparable.len(), together.len());
            with_dependencies(reason, &candidates[branch], candidates)
        } else {
            other_reason(branch, &conflicts, candidates, matrix)
        };
        places.push(RankedBranch { branch, reason, conflicts, together: is_together });
        landed.push(branch);
    }
    LandingOrder { places, exact }
}

/// Moves branches behind those whose work they contain; the order stays the same otherwise.
fn after_their_dependencies(mut left: Vec<(usize, bool)>, candidates: &[Candidate]) -> Vec<(usize, bool)> {
    let mut places = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |&(branch, _): &(usize, bool)| {
            left.iter().any(|(other, _)| *other != branch && candidates[branch].after.contains(other))
        };
        // Agents only start after older ones; a circle that a stranger wrote is cut at its first branch.
        let at = left.iter().position(|place| !waits(place)).unwrap_or(0);
        places.push(left.remove(at));
    }
    places
}

type Preference<'a> = (usize, ReviewState, u64, i64, &'a str);

fn preference(candidate: &Candidate) -> Preference<'_> {
    let priority = candidate.priority.unwrap_or(usize::MAX);
    (priority, candidate.review_state, candidate.lines, candidate.committed_at, &candidate.name)
}

/// Returns the branches with a priority that do not conflict with one of higher priority.
fn without_conflicts_by_priority(
    preferred: &[usize],
    candidates: &[Candidate],
    matrix: &Matrix,
    may_land: &impl Fn(usize) -> bool,
) -> Vec<usize> {
    let mut asked: Vec<usize> = Vec::new();
    for &branch in preferred.iter().filter(|&&branch| candidates[branch].priority.is_some()) {
        if may_land(branch) && asked.iter().all(|&first| matrix.get(first, branch).is_none()) {
            asked.push(branch);
        }
    }
    asked
}

/// Builds the conflict graph of some branches; its vertices are their positions in `branches`.
fn conflict_graph(branches: &[usize], matrix: &Matrix) -> Vec<Vec<usize>> {
    let conflicts = |&a: &usize| {
        let others = branches.iter().enumerate();
        others.filter(|&(_, &b)| matrix.get(a, b).is_some()).map(|(at, _)| at).collect()
    };
    branches.iter().map(conflicts).collect()
}

fn earlier_conflicts(branch: usize, landed: &[usize], matrix: &Matrix) -> Vec<(usize, PairConflict)> {
    landed.iter().filter_map(|&other| matrix.get(branch, other).map(|conflict| (other, conflict))).collect()
}

fn total_conflict(conflicts: &[(usize, PairConflict)]) -> PairConflict {
    conflicts.iter().fold(PairConflict::default(), |all, (_, one)| all.combine(*one))
}

fn together_reason(candidate: &Candidate, against: usize, incomparable: usize, together: usize) -> String {
    let size = format!("{}, {}", count(candidate.files, "file"), count(candidate.lines, "line"));
    let why = match (candidate.priority, candidate.review_state) {
        (Some(_), _) => "asked for first; ".to_owned(),
        (None, ReviewState::Approved) => "approved; ".to_owned(),
        (None, _) => String::new(),
    };
    let set = match (against, together) {
        (0, _) if incomparable > 0 => {
            format!(
                "cannot be compared with {}, conflicts with no other",
                count(incomparable as u64, "later one")
            )
        }
        (0, _) => "no conflicts".to_owned(),
        (_, 1) => "preferred to the branches that conflict with it".to_owned(),
        (against, many) => {
            format!("of the {many} that land together; conflicts with {}", count(against as u64, "later one"))
        }
    };
    format!("{why}{set}; {size}")
}

/// Adds to a reason after which branches this one lands.
fn with_dependencies(reason: String, candidate: &Candidate, candidates: &[Candidate]) -> String {
    let names: Vec<&str> = candidate.after.iter().map(|other| candidates[*other].name.as_str()).collect();
    if names.is_empty() { reason } else { format!("after {}; {reason}", names.join(", ")) }
}

fn other_reason(
    branch: usize,
    conflicts: &[(usize, PairConflict)],
    candidates: &[Candidate],
    matrix: &Matrix,
) -> String {
    match candidates[branch].review_state {
        ReviewState::Rejected => return "rejected in review".to_owned(),
        ReviewState::Changes => return "changes requested in review".to_owned(),
        ReviewState::Unapproved => return "not approved in review".to_owned(),
        ReviewState::Stale => return "its approval is stale: the branch changed since".to_owned(),
        ReviewState::Approved | ReviewState::Open => {}
    }
    if let Some(why) = &candidates[branch].kept_back {
        return why.clone();
    }
    if let Some(why) = matrix.incomparable_reason(branch, matrix.size()) {
        return format!("cannot be compared with the target: {why}");
    }
    if let Some(conflict) = matrix.with_target(branch) {
        return format!("conflicts with the target{}", conflict_size(conflict));
    }
    let incomparable =
        conflicts.iter().find_map(|(other, _)| Some((other, matrix.incomparable_reason(branch, *other)?)));
    let judged: Vec<(usize, PairConflict)> = conflicts
        .iter()
        .copied()
        .filter(|(other, _)| matrix.incomparable_reason(branch, *other).is_none())
        .collect();
    match (judged.as_slice(), incomparable) {
        ([], Some((other, why))) => format!("cannot be compared with {}: {why}", candidates[*other].name),
        ([], None) => "conflicts with a branch that lands earlier".to_owned(),
        ([(other, conflict)], _) => {
            format!("conflicts with {}{}", candidates[*other].name, conflict_size(*conflict))
        }
        (many, _) => {
            let all = total_conflict(many);
            let comma = if all.files > 0 { "," } else { "" };
            format!("conflicts with {} branches that land earlier{comma}{}", many.len(), conflict_size(all))
        }
    }
}

/// Describes the size of a conflict: ` in 1 file, 2 places (rename)`. In some conflicts git names no file.
fn conflict_size(conflict: PairConflict) -> String {
    let mut text = match conflict.files {
        0 => String::new(),
        files => format!(" in {}", count(u64::from(files), "file")),
    };
    if conflict.hunks > conflict.files {
        text.push_str(&format!(", {}", count(u64::from(conflict.hunks), "place")));
    }
    if !conflict.kinds.is_content() {
        text.push_str(&format!(" ({})", conflict.kinds.names().join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::conflict::ConflictKinds;

    fn candidate(name: &str, lines: u64) -> Candidate {
        Candidate { name: name.into(), lines, files: 1, ..Candidate::default() }
    }

    fn names(candidates: &[Candidate], order: &LandingOrder) -> Vec<String> {
        order.places.iter().map(|place| candidates[place.branch].name.clone()).collect()
    }

    const ONE: Option<PairConflict> =
        Some(PairConflict { files: 1, hunks: 1, kinds: ConflictKinds::CONTENT });
    const TWO: Option<PairConflict> =
        Some(PairConflict { files: 1, hunks: 2, kinds: ConflictKinds::CONTENT });

    #[test]
    fn most_branches_land_and_small_ones_come_first() {
        // big conflicts with both a and b: without it, more branches land.
        let candidates = [candidate("big", 1), candidate("a", 50), candidate("b", 40), candidate("free", 90)];
        let mut matrix = Matrix::new(4);
        matrix.set(0, 1, ONE);
        matrix.set(0, 2, TWO);
        let order = order(&candidates, &matrix);
        assert_eq!(names(&candidates, &order), ["b", "a", "free", "big"]);
        let reasons: Vec<&str> = order.places.iter().map(|place| place.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "of the 3 that land together; conflicts with 1 later one; 1 file, 40 lines",
                "of the 3 that land together; conflicts with 1 later one; 1 file, 50 lines",
                "no conflicts; 1 file, 90 lines",
                "conflicts with 2 branches that land earlier, in 2 files, 3 places",
            ]
        );
    }

    #[test]
    fn priorities_come_first_and_rejected_branches_last() {
        let mut candidates =
            [candidate("a", 1), candidate("b", 2), candidate("c", 3), candidate("d", 4), candidate("e", 5)];
        candidates[3].review_state = ReviewState::Approved;
        candidates[0].review_state = ReviewState::Rejected;
        candidates[4].priority = Some(0);
        let mut matrix = Matrix::new(5);
        matrix.set(4, 1, ONE);
        matrix.set_target(2, TWO);
        let order = order(&candidates, &matrix);
        assert_eq!(names(&candidates, &order), ["e", "d", "b", "c", "a"]);
        let reasons: Vec<&str> = order.places[2..].iter().map(|place| place.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "conflicts with e in 1 file",
                "conflicts with the target in 1 file, 2 places",
                "rejected in review"
            ]
        );
    }

    #[test]
    fn incomparable_pairs_are_tried_one_after_the_other() {
        let candidates = [candidate("a", 1), candidate("b", 2), candidate("c", 3), candidate("d", 4)];
        let mut matrix = Matrix::new(4);
        matrix.mark_incomparable(0, 1, "they have no common ancestor");
        matrix.mark_incomparable(4, 2, "git takes longer than 60 s");
        matrix.set(0, 3, Some(PairConflict { files: 0, hunks: 0, kinds: ConflictKinds::RENAME }));
        matrix.set(1, 3, ONE);
        let order = order(&candidates, &matrix);
        assert_eq!(names(&candidates, &order), ["a", "b", "d", "c"]);
        let reasons: Vec<&str> = order.places.iter().map(|place| place.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "preferred to the branches that conflict with it; 1 file, 1 line",
                "cannot be compared with a: they have no common ancestor",
                "conflicts with 2 branches that land earlier, in 1 file (content, rename)",
                "cannot be compared with the target: git takes longer than 60 s",
            ]
        );
    }

    #[test]
    fn branches_with_failed_checks_come_last() {
        let mut candidates = [candidate("a", 1), candidate("b", 2), candidate("c", 3)];
        candidates[0].kept_back = Some("failed its test last time (make: exit code 2)".into());
        candidates[1].kept_back = Some("failed its build last time (make: exit code 2)".into());
        candidates[1].review_state = ReviewState::Rejected;
        let order = order(&candidates, &Matrix::new(3));
        assert_eq!(names(&candidates, &order), ["c", "a", "b"]);
        assert_eq!(order.places[1].reason, "failed its test last time (make: exit code 2)");
        assert_eq!(order.places[2].reason, "rejected in review");
        assert!(order.places[0].together && !order.places[1].together);
    }

    #[test]
    fn branches_move_up_when_a_conflicting_one_fails() {
        let candidates = [candidate("a", 1), candidate("b", 2), candidate("c", 3), candidate("d", 4)];
        let mut matrix = Matrix::new(4);
        matrix.set(0, 1, ONE);
        matrix.set(2, 3, TWO);
        assert_eq!(names(&candidates, &order(&candidates, &matrix)), ["a", "c", "b", "d"]);
        // a failed; c landed
        let order = order_after(&candidates, &matrix, &[2], &[0]);
        assert_eq!(names(&candidates, &order), ["b", "d"]);
        let reasons: Vec<&str> = order.places.iter().map(|place| place.reason.as_str()).collect();
        assert_eq!(reasons, ["no conflicts; 1 file, 2 lines", "conflicts with c in 1 file, 2 places"]);
    }

    proptest! {
        /// The order does not depend on the positions of the branches in the input, and names each branch once.
        #[test]
        fn does_not_depend_on_the_order_of_the_input(
            size in 1usize..9,
            bits: u64,
            lines in prop::collection::vec(0u64..3, 9),
            turn in 0usize..9,
        ) {
            let candidates: Vec<Candidate> =
                (0..size).map(|n| candidate(&format!("b{n}"), lines[n])).collect();
            let mut matrix = Matrix::new(size);
            let mut turned = Matrix::new(size);
            let at = |n: usize| (n + turn) % size;
            for a in 0..size {
                for b in 0..a {
                    let conflict = if bits >> (a * 8 + b) & 1 == 1 { ONE } else { None };
                    matrix.set(a, b, conflict);
                    turned.set(at(a), at(b), conflict);
                }
            }
            let mut others = candidates.clone();
            for n in 0..size {
                others[at(n)] = candidates[n].clone();
            }
            let (one, two) = (order(&candidates, &matrix), order(&others, &turned));
            let places_and_reasons = |candidates: &[Candidate], order: &LandingOrder| -> Vec<(String, String)> {
                order.places.iter().map(|p| (candidates[p.branch].name.clone(), p.reason.clone())).collect()
            };
            prop_assert_eq!(places_and_reasons(&candidates, &one), places_and_reasons(&others, &two));
            let mut all: Vec<usize> = one.places.iter().map(|place| place.branch).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..size).collect::<Vec<_>>());
        }
    }
}
