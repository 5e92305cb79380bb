//! The largest set of branches of which no two conflict: a maximum independent set of the conflict graph.
//!
//! Connected components are solved separately. A component of up to 64 vertices is solved exactly: every vertex with at most one
//! neighbour is taken, then the search branches on the vertex with the most neighbours, bounded by a cover of cliques. In a larger
//! component, or in one whose exact search takes more than [`MAX_STEPS`] steps, the vertex with the fewest remaining neighbours is
//! taken repeatedly. Of several sets of the same size, an exact search returns the one that the order of the vertices prefers: it
//! holds the first vertex if any of them does, then the second, and so on.

/// Maximum size of a component that is solved exactly.
const MAX_EXACT: usize = 64;
/// Maximum number of steps of the exact search in one component. They take at most a few seconds.
const MAX_STEPS: u64 = 4_000_000;

/// Returns the set in ascending order, and whether it is known to be the largest. `conflicts[v]` are the neighbours of vertex
/// `v`; lower vertices are preferred.
pub(super) fn maximum_independent_set(conflicts: &[Vec<usize>]) -> (Vec<usize>, bool) {
    let (mut set, mut exact) = (Vec::new(), true);
    for group in connected_components(conflicts) {
        let solved =
            if group.len() <= MAX_EXACT { ExactSearch::new(&group, conflicts).preferred() } else { None };
        exact &= solved.is_some();
        set.extend(solved.unwrap_or_else(|| fewest_neighbours_first(&group, conflicts)));
    }
    set.sort_unstable();
    (set, exact)
}

/// Returns the connected components, each in ascending order.
fn connected_components(conflicts: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut seen = vec![false; conflicts.len()];
    let mut all = Vec::new();
    for first in 0..conflicts.len() {
        if seen[first] {
            continue;
        }
        seen[first] = true;
        let (mut group, mut open) = (Vec::new(), vec![first]);
        while let Some(vertex) = open.pop() {
            group.push(vertex);
            for &next in &conflicts[vertex] {
                if !std::mem::replace(&mut seen[next], true) {
                    open.push(next);
                }
            }
        }
        group.sort_unstable();
        all.push(group);
    }
    all
}

fn fewest_neighbours_first(group: &[usize], conflicts: &[Vec<usize>]) -> Vec<usize> {
    let mut left: std::collections::BTreeSet<usize> = group.iter().copied().collect();
    let mut set = Vec::new();
    while !left.is_empty() {
        let neighbours =
            |vertex: usize| conflicts[vertex].iter().filter(|other| left.contains(other)).count();
        let Some(best) = left.iter().copied().min_by_key(|&vertex| (neighbours(vertex), vertex)) else {
            break;
        };
        set.push(best);
        left.remove(&best);
        for other in &conflicts[best] {
            left.remove(other);
        }
    }
    set
}

/// The exact search in one component, with its vertices as bits.
struct ExactSearch<'a> {
    vertices: &'a [usize],
    neighbours: Vec<u64>,
    steps: u64,
}

impl<'a> ExactSearch<'a> {
    fn new(group: &'a [usize], conflicts: &[Vec<usize>]) -> Self {
        let bit = |name: &usize| group.binary_search(name).ok().map_or(0, |at| 1u64 << at);
        let neighbours =
            group.iter().map(|&name| conflicts[name].iter().map(bit).fold(0, |a, b| a | b)).collect();
        Self { vertices: group, neighbours, steps: 0 }
    }

    /// Returns the preferred largest set: each vertex in turn is taken if a largest set holds it. Returns `None` if that takes too
    /// many steps.
    fn preferred(mut self) -> Option<Vec<usize>> {
        let mut left = if self.vertices.len() == 64 { u64::MAX } else { (1 << self.vertices.len()) - 1 };
        let mut wanted = self.max_size(left, 0)?;
        let mut set = Vec::new();
        for vertex in 0..self.vertices.len() {
            let bit = 1 << vertex;
            if left & bit == 0 {
                continue;
            }
            let without = left & !bit & !self.neighbours[vertex];
            if self.max_size(without, wanted.saturating_sub(2))? + 1 == wanted {
                set.push(self.vertices[vertex]);
                (left, wanted) = (without, wanted - 1);
            } else {
                left &= !bit;
            }
        }
        Some(set)
    }

    /// Returns the size of the largest set in `left`. If that is not more than `enough`, any number up to `enough` may be returned.
    fn max_size(&mut self, mut left: u64, enough: u32) -> Option<u32> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return None;
        }
        let mut taken = 0;
        let mut busiest = (0, 0);
        // A vertex with at most one neighbour is in some largest set.
        'again: loop {
            busiest = (0, busiest.1);
            let mut open = left;
            while open != 0 {
                let vertex = open.trailing_zeros() as usize;
                open &= open - 1;
                let degree = (self.neighbours[vertex] & left).count_ones();
                if degree <= 1 {
                    left &= !(self.neighbours[vertex] | 1 << vertex);
                    taken += 1;
                    continue 'again;
                }
                if degree > busiest.0 {
                    busiest = (degree, vertex);
                }
            }
            break;
        }
        if left == 0 {
            return Some(taken);
        }
        if taken + self.cliques(left) <= enough {
            return Some(enough.min(taken + self.cliques(left)));
        }
        let bit = 1 << busiest.1;
        let with =
            1 + self.max_size(left & !bit & !self.neighbours[busiest.1], enough.saturating_sub(taken + 1))?;
        let without = self.max_size(left & !bit, enough.saturating_sub(taken).max(with))?;
        Some(taken + with.max(without))
    }

    /// Returns the number of cliques in a cover of `left`, which bounds the size of a set: it holds at most one vertex of each.
    fn cliques(&self, mut left: u64) -> u32 {
        let mut count = 0;
        while left != 0 {
            let mut fits = left;
            while fits != 0 {
                let vertex = fits.trailing_zeros() as usize;
                left &= !(1 << vertex);
                fits &= self.neighbours[vertex];
            }
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute(conflicts: &[Vec<usize>]) -> Vec<usize> {
        let masks: Vec<u32> =
            conflicts.iter().map(|all| all.iter().fold(0, |mask, other| mask | 1 << other)).collect();
        let free = |set: u32| (0..masks.len()).all(|v| set & 1 << v == 0 || masks[v] & set == 0);
        let sets = (0..1u32 << masks.len()).filter(|set| free(*set));
        // The largest, and of those the one with the lowest vertices.
        let best = sets.max_by_key(|set| (set.count_ones(), set.reverse_bits())).unwrap_or(0);
        (0..masks.len()).filter(|v| best & 1 << v != 0).collect()
    }

    fn graphs(max_size: usize) -> impl Strategy<Value = Vec<Vec<usize>>> {
        (1..=max_size, 0.0..1.0f64).prop_flat_map(|(size, density)| {
            prop::collection::vec(prop::bool::weighted(density), size * (size - 1) / 2).prop_map(
                move |edges| {
                    let mut conflicts = vec![Vec::new(); size];
                    let pairs = (0..size).flat_map(|a| (0..a).map(move |b| (a, b)));
                    for ((a, b), edge) in pairs.zip(edges) {
                        if edge {
                            conflicts[a].push(b);
                            conflicts[b].push(a);
                        }
                    }
                    conflicts
                },
            )
        })
    }

    /// Tries every choice for every vertex without any bound: slow, but obviously correct.
    fn every_choice(masks: &[u32], left: u32) -> u32 {
        if left == 0 {
            return 0;
        }
        let vertex = left.trailing_zeros() as usize;
        let rest = left & !(1 << vertex);
        let with = 1 + every_choice(masks, rest & !masks[vertex]);
        if rest & masks[vertex] == 0 { with } else { with.max(every_choice(masks, rest)) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// The set is as large as the one that brute force finds.
        #[test]
        fn is_as_large_as_brute_force(conflicts in graphs(20)) {
            let masks: Vec<u32> =
                conflicts.iter().map(|all| all.iter().fold(0, |mask, other| mask | 1 << other)).collect();
            let (set, exact) = maximum_independent_set(&conflicts);
            prop_assert!(exact);
            prop_assert_eq!(u32::try_from(set.len()).unwrap(), every_choice(&masks, (1 << masks.len()) - 1));
        }

        /// Of all sets of that size it is the one that the order of the vertices prefers.
        #[test]
        fn is_the_preferred_set(conflicts in graphs(10)) {
            prop_assert_eq!(maximum_independent_set(&conflicts).0, brute(&conflicts));
        }

        #[test]
        fn a_set_is_free_of_conflicts_and_cannot_grow(conflicts in graphs(90)) {
            let (set, _) = maximum_independent_set(&conflicts);
            for (at, a) in set.iter().enumerate() {
                prop_assert!(set[at + 1..].iter().all(|b| !conflicts[*a].contains(b)));
            }
            for other in (0..conflicts.len()).filter(|other| !set.contains(other)) {
                prop_assert!(conflicts[other].iter().any(|neighbour| set.contains(neighbour)));
            }
        }
    }

    #[test]
    fn known_graphs() {
        let ring = |n: usize| (0..n).map(|v| vec![(v + 1) % n, (v + n - 1) % n]).collect::<Vec<_>>();
        let all =
            |n: usize| (0..n).map(|v| (0..n).filter(|other| *other != v).collect()).collect::<Vec<Vec<_>>>();
        assert_eq!(maximum_independent_set(&[]), (vec![], true));
        assert_eq!(maximum_independent_set(&vec![vec![]; 70]).0.len(), 70);
        assert_eq!(maximum_independent_set(&ring(64)).0.len(), 32);
        assert_eq!(maximum_independent_set(&all(64)), (vec![0], true));
        assert_eq!(
            maximum_independent_set(&ring(65)),
            (maximum_independent_set(&ring(65)).0, false),
            "too large for an exact search"
        );
    }
}
