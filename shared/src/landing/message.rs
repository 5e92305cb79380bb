//! What the commit says that lands a branch. Pure.

use super::{branches::Branch, options::Strategy};
use crate::model::{Cost, text};

/// The message of the commit: who and what, then trailers for whoever searches the history.
pub(super) fn message(branch: &Branch, strategy: Strategy, settled: &[String]) -> String {
    let name = text::one_line(&branch.name, 200);
    let mut out = match (&branch.agent, strategy) {
        (Some((_, agent)), Strategy::Squash) => format!("{}\n", agent.title),
        (Some((id, agent)), _) => format!("Merge agent {id}: {}\n", agent.title),
        (None, Strategy::Squash) => format!("Squash branch '{name}'\n"),
        (None, _) => format!("Merge branch '{name}'\n"),
    };
    if !settled.is_empty() {
        out.push('\n');
    }
    for note in settled {
        out.push_str(&format!("{note}.\n"));
    }
    let trailers = trailers(branch);
    if !trailers.is_empty() {
        out.push('\n');
    }
    for (key, value) in trailers {
        out.push_str(&format!("Orchestra-{key}: {value}\n"));
    }
    out
}

fn trailers(branch: &Branch) -> Vec<(&'static str, String)> {
    let Some((id, agent)) = &branch.agent else { return Vec::new() };
    let mut all = vec![("Agent", id.to_string()), ("Task", agent.title.clone())];
    all.extend(
        agent
            .cost
            .map(Cost::micros)
            .map(|micros| ("Cost", format!("{}.{:06} USD", micros / 1_000_000, micros % 1_000_000))),
    );
    all.extend(agent.session.clone().map(|session| ("Session", session.into())));
    all.retain(|(_, value)| !value.trim().is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        git::Oid,
        model::{Agent, AgentId, Cost},
    };

    #[test]
    fn says_who_and_what() {
        let plain = Branch {
            name: "fix\u{1b}".into(),
            tip: Oid::EMPTY_TREE,
            agent: None,
            problem: None,
            failed: None,
        };
        assert_eq!(message(&plain, Strategy::Merge, &[]), "Merge branch 'fix\\e'\n");
        assert_eq!(message(&plain, Strategy::Squash, &[]), "Squash branch 'fix\\e'\n");
        let agent = Agent {
            title: "Add auth".into(),
            cost: Some(Cost::from_micros(1_057_664)),
            session: Some("s-1".into()),
            ..Agent::default()
        };
        let id = AgentId::parse("add-auth-k3m9q").unwrap();
        let branch = Branch { agent: Some((id, agent)), ..plain };
        assert_eq!(
            message(&branch, Strategy::Merge, &["Cargo.lock was made anew by cargo".into()]),
            "Merge agent add-auth-k3m9q: Add auth\n\nCargo.lock was made anew by cargo.\n\n\
             Orchestra-Agent: add-auth-k3m9q\nOrchestra-Task: Add auth\nOrchestra-Cost: 1.057664 USD\n\
             Orchestra-Session: s-1\n"
        );
        assert!(message(&branch, Strategy::Squash, &[]).starts_with("Add auth\n\nOrchestra-Agent: "));
    }
}
