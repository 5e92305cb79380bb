//! The caps of agents that have ended, on what the agents below them use. While an agent runs, its own supervisor adds up what those
//! below it use; after its end, their supervisors do.

use std::collections::HashSet;

use super::{
    spec::Spec,
    spending::{self, Rules},
};
use crate::{
    Result,
    git::Repo,
    model::{
        AgentId, Cost,
        cap::{Amounts, Scopes},
    },
    store::{Listing, layout::PrivateDir, lineage},
};

/// Returns what has to be added to what an agent with these rules used, so that it reaches its own cap when all agents below an agent
/// above it that has ended have used, together with that one, what a person gave it.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn used_above(repo: &Repo, id: &AgentId, rules: &Rules) -> Result<Amounts> {
    let mut most = Amounts::default();
    if rules.parent.is_none() {
        return Ok(most);
    }
    let private = PrivateDir::new(repo.private_dir()?);
    let listing = Listing::read(repo)?;
    let own = cap_of(rules);
    let mut known: HashSet<AgentId> = lineage::below(&listing, id);
    known.insert(id.clone());
    for above in lineage::ancestry(&listing, id).into_iter().filter(|above| above != id) {
        let Some(row) = listing.row(&above).filter(|row| row.entry.header.phase.is_terminal()) else {
            continue;
        };
        let Some(spec) = Spec::last(repo, &above, &private.agent(&above)) else { continue };
        let cap = cap_of(&spec.spending);
        if cap.is_empty() {
            continue;
        }
        let all = lineage::below(&listing, &above);
        let others = listing.rows.iter().filter(|row| all.contains(&row.id) && !known.contains(&row.id));
        let mut used = Amounts::default();
        for row in others.chain([row]) {
            let Ok(agent) = listing.agent(repo, row) else { continue };
            used = used.plus(spending::total(&private, &row.id, &agent));
        }
        most = most.max(beyond(used, cap, own));
    }
    Ok(most)
}

/// Returns the cap of an agent, as far as it was raised.
fn cap_of(rules: &Rules) -> Amounts {
    rules.caps.raised(&Scopes { agent: rules.raises, ..Scopes::default() }).agent
}

/// Returns how much of `used` does not fit into what the cap `above` is more than the cap `own`. What has no cap counts as nothing. Pure.
fn beyond(used: Amounts, above: Amounts, own: Amounts) -> Amounts {
    let of = |used: Option<u64>, above: Option<u64>, own: Option<u64>| {
        let room = above?.saturating_sub(own?);
        Some(used?.saturating_sub(room))
    };
    let micros = |cost: Option<Cost>| cost.map(Cost::micros);
    Amounts {
        cost: of(micros(used.cost), micros(above.cost), micros(own.cost)).map(Cost::from_micros),
        tokens: of(used.tokens, above.tokens, own.tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_reaches_its_cap_when_all_below_the_ended_parent_used_what_that_had() {
        let tokens = |tokens: u64| Amounts { tokens: Some(tokens), cost: None };
        for (others, above, own, added) in [
            // The parent had 1000 and used 200; its child was given 800.
            (200, 1000, 800, 0),
            // A second child used 500 of that as well.
            (700, 1000, 800, 500),
            (1000, 1000, 1000, 1000),
            // Its own cap is small enough that what others used does not matter yet.
            (700, 1000, 100, 0),
            (950, 1000, 100, 50),
            // A person raised its own cap beyond that of the parent.
            (700, 1000, 1600, 700),
        ] {
            let found = beyond(tokens(others), tokens(above), tokens(own));
            assert_eq!(found, tokens(added), "{others} {above} {own}");
        }
        let none = Amounts::default();
        assert_eq!(beyond(tokens(5), none, tokens(3)), none);
        assert_eq!(beyond(tokens(5), tokens(3), none), none);
        let cost = |micros: u64| Amounts { cost: Some(Cost::from_micros(micros)), tokens: None };
        assert_eq!(beyond(cost(5), cost(3), cost(2)), cost(4));
    }
}
