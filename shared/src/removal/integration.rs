//! How work is integrated into a branch, decided from what is known. Pure.

/// What is known about some work and one branch. Counts are of the work's own commits without merges.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct IntegrationFacts {
    /// The number of the work's commits.
    pub commits: usize,
    /// Whether its newest commit is in the branch's history.
    pub reachable: bool,
    /// Whether `merge-ranked` landed it, and the resulting commit is in the branch's history.
    pub landed: bool,
    /// Whether one commit of the branch makes the same change as all of the work.
    pub squashed: bool,
    /// The number of its commits for which a commit of the branch makes the same change.
    pub picked: usize,
    /// Whether merging it into the branch would change nothing.
    pub adds_nothing: bool,
    /// The number of files that it changes and that are in the branch as they were before.
    pub reverted_files: usize,
}

/// How work is integrated, or that it is not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Integration {
    /// There is no work.
    Nothing,
    /// As itself, in the branch's history.
    Merged,
    /// By `merge-ranked`, as other commits.
    Landed,
    /// As one commit.
    Squashed,
    /// Commit by commit: rebased or cherry-picked.
    Picked,
    /// The branch has the same content.
    SameContent,
    /// It was integrated, but this many of its files were reverted.
    Reverted(usize),
    /// Only some of its commits are integrated.
    Partly {
        /// The number of integrated commits.
        there: usize,
        /// The number of all its commits.
        of: usize,
    },
    /// It is not integrated.
    Missing,
}

impl Integration {
    /// Returns whether nothing is lost when the work is removed.
    pub const fn is_integrated(self) -> bool {
        !matches!(self, Self::Reverted(_) | Self::Partly { .. } | Self::Missing)
    }
}

/// Decides the integration from the facts.
pub const fn decide(facts: IntegrationFacts) -> Integration {
    let integration = if facts.commits == 0 {
        return Integration::Nothing;
    } else if facts.reachable {
        Integration::Merged
    } else if facts.landed {
        Integration::Landed
    } else if facts.squashed {
        Integration::Squashed
    } else if facts.picked >= facts.commits {
        Integration::Picked
    } else if facts.adds_nothing {
        Integration::SameContent
    } else if facts.picked > 0 {
        return Integration::Partly { there: facts.picked, of: facts.commits };
    } else {
        return Integration::Missing;
    };
    // Being in the history does not mean being in the files: a user who reverted the work may want it again.
    if facts.reverted_files > 0 { Integration::Reverted(facts.reverted_files) } else { integration }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integration_follows_from_the_facts() {
        let none = IntegrationFacts { commits: 2, ..IntegrationFacts::default() };
        for (facts, finding) in [
            (IntegrationFacts::default(), Integration::Nothing),
            (IntegrationFacts { reachable: true, ..none }, Integration::Merged),
            (IntegrationFacts { landed: true, ..none }, Integration::Landed),
            (IntegrationFacts { squashed: true, ..none }, Integration::Squashed),
            (IntegrationFacts { picked: 2, ..none }, Integration::Picked),
            (IntegrationFacts { adds_nothing: true, ..none }, Integration::SameContent),
            (IntegrationFacts { reachable: true, reverted_files: 1, ..none }, Integration::Reverted(1)),
            (IntegrationFacts { squashed: true, reverted_files: 3, ..none }, Integration::Reverted(3)),
            (IntegrationFacts { picked: 1, ..none }, Integration::Partly { there: 1, of: 2 }),
            (none, Integration::Missing),
        ] {
            assert_eq!(decide(facts), finding, "{facts:?}");
        }
    }
}
