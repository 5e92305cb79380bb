//! The teams that are configured, for a page that offers them.

use serde::Serialize;

use crate::{
    config::{Config, keys::TEAM_ROLE},
    git::Repo,
    model::team::TeamRole,
    ops::teams,
};

/// A team, or why it cannot be started.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ListedTeam {
    /// Its name.
    pub name: String,
    /// Its roles, in order.
    pub roles: Vec<TeamRole>,
    /// How often a reviewing role may send the work back.
    pub rounds: u32,
    /// What is wrong in its configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flaw: Option<String>,
}

/// Returns all teams that are configured, by name.
pub fn teams(repo: &Repo) -> Vec<ListedTeam> {
    let config = Config::of(repo);
    let listed = |name: String| match teams::configured(&config, &name) {
        Ok(team) => ListedTeam { name, roles: team.roles, rounds: team.rounds, flaw: None },
        Err(error) => ListedTeam { name, roles: Vec::new(), rounds: 0, flaw: Some(error.one_line()) },
    };
    config.repeated_names(&TEAM_ROLE).into_iter().map(listed).collect()
}
