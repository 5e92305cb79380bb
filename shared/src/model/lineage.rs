//! The agents that agents started: a tree, as their first events tell it. Events of other clones may be wrong, and form a cycle.

use std::collections::{HashMap, HashSet};

/// An agent, and the one that started it.
pub type Born<'a> = (&'a str, Option<&'a str>);

/// Returns the agents that `ancestor` started, directly or indirectly.
pub fn descendants<'a>(all: &[Born<'a>], ancestor: &'a str) -> HashSet<&'a str> {
    let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
    for (id, parent) in all {
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(id);
        }
    }
    let (mut found, mut open) = (HashSet::new(), vec![ancestor]);
    while let Some(id) = open.pop() {
        open.extend(children.remove(id).unwrap_or_default().into_iter().filter(|child| found.insert(*child)));
    }
    found.remove(ancestor);
    found
}

/// Returns an agent with those above it, the topmost one last.
pub fn ancestry<'a>(all: &[Born<'a>], id: &'a str) -> Vec<&'a str> {
    let parents: HashMap<&str, &str> =
        all.iter().filter_map(|(id, parent)| parent.map(|parent| (*id, parent))).collect();
    let mut found = vec![id];
    let mut at = id;
    while let Some(above) = parents.get(at).copied().filter(|above| !found.contains(above)) {
        found.push(above);
        at = above;
    }
    found
}

/// Returns the places of agents in an order in which each is followed by those that it started; else the order stays.
pub fn tree_order(all: &[Born<'_>]) -> Vec<usize> {
    let known: HashSet<&str> = all.iter().map(|(id, _)| *id).collect();
    let mut children: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, (_, parent)) in all.iter().enumerate().rev() {
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(at);
        }
    }
    let is_root = |parent: &Option<&str>| parent.is_none_or(|parent| !known.contains(parent));
    let roots = (0..all.len()).filter(|at| is_root(&all[*at].1));
    let (mut order, mut seen) = (Vec::with_capacity(all.len()), HashSet::new());
    // Those of a cycle have no root, and come last.
    for begin in roots.chain(0..all.len()) {
        let mut open = vec![begin];
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                order.push(at);
                open.extend(children.get(all[at].0).into_iter().flatten());
            }
        }
    }
    order
}

/// Returns how deep each agent of a list is below the rows above it that lead to it.
pub fn depths(all: &[Born<'_>]) -> Vec<usize> {
    let mut above: Vec<&str> = Vec::new();
    let mut depths = Vec::with_capacity(all.len());
    for (id, parent) in all {
        let depth = parent.and_then(|parent| above.iter().position(|one| *one == parent));
        let depth = depth.map_or(0, |at| at + 1);
        above.truncate(depth);
        above.push(id);
        depths.push(depth);
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Born<'_>; 8] = [
        ("a", None),
        ("b", Some("a")),
        ("e", None),
        ("c", Some("b")),
        ("f", Some("gone")),
        ("d", Some("b")),
        ("x", Some("y")),
        ("y", Some("x")),
    ];

    #[test]
    fn descendants_are_started_directly_or_indirectly() {
        for (ancestor, expected) in [
            ("a", &["b", "c", "d"][..]),
            ("b", &["c", "d"]),
            ("c", &[]),
            ("gone", &["f"]),
            ("x", &["y"]),
            ("nobody", &[]),
        ] {
            let mut found: Vec<&str> = descendants(&ALL, ancestor).into_iter().collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{ancestor}");
        }
    }

    #[test]
    fn the_topmost_ancestor_is_the_last() {
        for (id, expected) in [
            ("a", &["a"][..]),
            ("d", &["d", "b", "a"]),
            ("f", &["f", "gone"]),
            ("x", &["x", "y"]),
            ("nobody", &["nobody"]),
        ] {
            assert_eq!(ancestry(&ALL, id), expected, "{id}");
        }
    }

    #[test]
    fn children_follow_their_parent_in_their_own_order() {
        let order: Vec<&str> = tree_order(&ALL).into_iter().map(|at| ALL[at].0).collect();
        assert_eq!(order, ["a", "b", "c", "d", "e", "f", "x", "y"]);
        let sorted: Vec<Born<'_>> = tree_order(&ALL).into_iter().map(|at| ALL[at]).collect();
        assert_eq!(depths(&sorted), [0, 1, 2, 2, 0, 0, 0, 1]);
        // A list that is not in this order shows only what its rows say.
        assert_eq!(depths(&ALL), [0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!((tree_order(&[]), depths(&[])), (vec![], vec![]));
    }
}
