//! Which profiles ran an agent before another one continued its work. Pure.

use serde::{Deserialize, Serialize};

use super::lines::JsonItem;

/// Maximum number of hand-overs that are kept of one agent; later ones are forgotten.
const MAX_HAND_OVERS: usize = 64;

/// One change of the profile that runs an agent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct HandOver {
    /// The first attempt of the new profile.
    pub attempt: u32,
    /// The profile before, safe to show.
    pub from: String,
}

impl HandOver {
    /// Adds a change to those of an agent, as long as they are not too many.
    pub(super) fn add(all: &mut Vec<Self>, attempt: u32, from: &str) {
        if all.len() < MAX_HAND_OVERS {
            all.push(Self { attempt, from: from.to_owned() });
        }
    }
}

/// Returns the profile that ran an attempt, of an agent that `now` runs.
pub fn profile_of_attempt<'a>(all: &'a [HandOver], now: &'a str, attempt: u32) -> &'a str {
    all.iter().find(|change| change.attempt > attempt).map_or(now, |change| &change.from)
}

impl JsonItem for HandOver {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lines::Value;

    #[test]
    fn every_attempt_has_the_profile_that_ran_it() {
        let mut all = Vec::new();
        HandOver::add(&mut all, 2, "a");
        HandOver::add(&mut all, 4, "b");
        let profiles: Vec<&str> = (1..=5).map(|attempt| profile_of_attempt(&all, "c", attempt)).collect();
        assert_eq!(profiles, ["a", "b", "b", "c", "c"]);
        let mut line = String::new();
        all.write(&mut line);
        assert_eq!(Vec::<HandOver>::read(&line), Some(all));
    }
}
