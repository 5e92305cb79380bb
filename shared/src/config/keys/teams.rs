//! The keys of teams: `orchestra.team.<name>.*`, and what their roles have besides the keys of profiles.

use crate::config::{
    key::{Key, Kind, NamedKey, NamedRepeatedKey, RepeatedKey},
    kind::BOOLEAN,
};

pub static TEAM_ROLE: NamedRepeatedKey = NamedRepeatedKey::new(
    RepeatedKey::new(
        "orchestra.team.<name>.role",
        "A role of the team <name>, which is the name of a profile; given several times, in the order in which the roles work \
         one after another on a task; at most 8",
    )
    .proposed_by_project(),
);

pub static TEAM_ROUNDS: NamedKey<u32> = NamedKey::new(
    Key::new(
        "orchestra.team.<name>.rounds",
        Kind {
            expected: "a number from 0 to 20",
            parse: |text| text.parse().ok().filter(|rounds| *rounds <= 20),
            text: u32::to_string,
        },
        || 2,
        "How often a reviewing role of the team <name> may send the work back to the last role that writes; after that, the agent \
         has failed",
    )
    .set_by_project(),
);

pub static AGENT_WRITES: NamedKey<bool> = NamedKey::new(
    Key::new(
        "orchestra.agent.<name>.writes",
        BOOLEAN,
        || true,
        "Whether the role <name> of a team may change files; one that may not is started as a reviewing agent is, and what it \
         changed nevertheless is never part of the work, but kept, however it ends; after a role that writes, it reviews, and its verdict decides",
    )
    .set_by_project(),
);
