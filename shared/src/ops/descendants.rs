//! Finds the agents that an agent started, directly or indirectly.

use std::collections::{HashMap, HashSet};

use crate::{
    model::{AgentId, IdOrText},
    ops::agent_object::AgentObject,
};

/// Keeps only the agents that `ancestor` started, directly or indirectly.
pub(super) fn keep_descendants(agents: &mut Vec<AgentObject>, ancestor: &AgentId) {
    let parents: Vec<(&str, Option<&str>)> =
        agents.iter().map(|agent| (agent.id.as_str(), agent.parent.as_ref().map(IdOrText::as_str))).collect();
    let kept: HashSet<String> =
        descendants(&parents, ancestor.as_str()).iter().map(ToString::to_string).collect();
    agents.retain(|agent| kept.contains(agent.id.as_str()));
}

fn descendants<'a>(parents: &[(&'a str, Option<&'a str>)], ancestor: &'a str) -> HashSet<&'a str> {
    let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
    for (id, parent) in parents {
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(id);
        }
    }
    let (mut found, mut open) = (HashSet::new(), vec![ancestor]);
    while let Some(id) = open.pop() {
        // Parents in events from other clones may be wrong and form a cycle.
        open.extend(children.remove(id).unwrap_or_default().into_iter().filter(|child| found.insert(*child)));
    }
    found.remove(ancestor);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_started_directly_or_indirectly() {
        let parents = [
            ("a", None),
            ("b", Some("a")),
            ("c", Some("b")),
            ("d", Some("b")),
            ("e", None),
            ("f", Some("gone")),
            ("x", Some("y")),
            ("y", Some("x")),
        ];
        for (ancestor, expected) in [
            ("a", &["b", "c", "d"][..]),
            ("b", &["c", "d"]),
            ("c", &[]),
            ("gone", &["f"]),
            ("x", &["y"]),
            ("nobody", &[]),
        ] {
            let mut found: Vec<&str> = descendants(&parents, ancestor).into_iter().collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{ancestor}");
        }
    }
}
