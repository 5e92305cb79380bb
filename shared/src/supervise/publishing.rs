//! Publishing is the user's: what runs the work of agents gets no login of a forge, and git refuses to push for agents.
//!
//! Without a sandbox neither is a boundary. An agent of the same user can ask `gh` or git's credential helpers for a login, or leave out
//! our settings; this prevents accidents, and keeps logins out of what agents print.

use crate::{
    agents,
    config::{
        Config,
        keys::{KEEP_LOGIN, MAY_PUSH},
    },
    git::Repo,
    model::forge_logins::FORGE_LOGINS,
    world::Environment,
};

/// The transport to which the addresses of pushes are changed. There is none of this name; git's refusal repeats it.
const REFUSED: &str = "agents-do-not-push";
/// How the addresses of forges begin. Those of the repository's own remotes are refused whatever they are; a path that an agent's tests
/// push to is not.
const OF_FORGES: [&str; 3] = ["https://", "ssh://", "git@"];

/// Returns the logins of forges in an environment that a program does not get. Those of its own service stay, and those that the user
/// lets in by name.
pub fn withheld(environment: &Environment, config: &Config<'_>, program: &str) -> Vec<&'static str> {
    let own = agents::program(program).map_or(&[][..], agents::AgentProgram::account_variables);
    others(environment, own, &config.all(&KEEP_LOGIN))
}

/// Returns the logins of forges that are set, and are neither a program's own nor let in.
fn others(environment: &Environment, own: &[&str], kept: &[String]) -> Vec<&'static str> {
    let is_let_in = |name: &str| own.contains(&name) || kept.iter().any(|one| one == name);
    let set = FORGE_LOGINS.iter().filter(|name| environment.variable(name).is_some());
    set.filter(|name| !is_let_in(name)).copied().collect()
}

/// Returns the logins of forges, with their values, that the user lets in by name; a sandbox would remove them.
pub fn kept<'a>(
    environment: &'a Environment,
    config: &Config<'_>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let kept = config.all(&KEEP_LOGIN);
    environment
        .text_variables()
        .filter(move |(name, _)| FORGE_LOGINS.contains(name) && kept.iter().any(|one| one == name))
}

/// Returns an environment without the logins of forges, for a check of agents' work. `program` is the one whose work it is.
pub fn without_logins(environment: &Environment, repo: &Repo, program: &str) -> Environment {
    let withheld = withheld(environment, &Config::of(repo), program);
    withheld.into_iter().fold(environment.clone(), |all, name| all.without(name))
}

/// Returns the variables by which git refuses to push for an agent; none if the user lets agents push.
pub fn push_guard(repo: &Repo) -> Vec<(String, String)> {
    if Config::of(repo).get_or_default(&MAY_PUSH) {
        return Vec::new();
    }
    let (mut fetched, mut pushed) = (Vec::new(), Vec::new());
    for remote in repo.remotes() {
        let (urls, own) = repo.configured_urls(&remote);
        fetched.extend(urls);
        pushed.extend(own);
    }
    settings(&fetched, &pushed)
}

/// Returns settings of git as variables. `fetched` are the addresses of remotes, `pushed` those that are only for pushes.
fn settings(fetched: &[String], pushed: &[String]) -> Vec<(String, String)> {
    let refuse = |rule: &str, address: &str| (format!("url.{REFUSED}://.{rule}"), address.to_owned());
    let mut all = vec![(format!("protocol.{REFUSED}.allow"), "never".to_owned())];
    all.extend(OF_FORGES.iter().map(|begin| refuse("pushInsteadOf", begin)));
    all.extend(fetched.iter().map(|address| refuse("pushInsteadOf", address)));
    // Git applies no other rule to the address of a push that the user configured. What is fetched must stay as it is.
    let only_pushed = pushed.iter().filter(|one| !fetched.iter().any(|other| other.starts_with(*one)));
    all.extend(only_pushed.map(|address| refuse("insteadOf", address)));
    let mut variables = vec![("GIT_CONFIG_COUNT".to_owned(), all.len().to_string())];
    for (at, (key, value)) in all.into_iter().enumerate() {
        variables.push((format!("GIT_CONFIG_KEY_{at}"), key));
        variables.push((format!("GIT_CONFIG_VALUE_{at}"), value));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_the_login_of_its_own_service_and_what_the_user_lets_in() {
        let set = ["GH_TOKEN", "GITLAB_TOKEN", "GITEA_TOKEN", "ANTHROPIC_API_KEY"];
        let set = set.map(|name| (name.into(), "x".into()));
        let environment = Environment::new(set, std::path::Path::new("/"));
        let of = |own: &[&str], kept: &[&str]| {
            others(&environment, own, &kept.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[], &[]), ["GH_TOKEN", "GITEA_TOKEN", "GITLAB_TOKEN"]);
        assert_eq!(of(&[], &["GITLAB_TOKEN"]), ["GH_TOKEN", "GITEA_TOKEN"]);
        let logs_in_there =
            agents::all().find(|program| program.account_variables().contains(&"GH_TOKEN")).expect("one");
        assert_eq!(of(logs_in_there.account_variables(), &[]), ["GITEA_TOKEN", "GITLAB_TOKEN"]);
    }

    #[test]
    fn every_address_of_a_push_is_refused_and_what_is_fetched_stays() {
        let fetched = ["https://git.example.com/team/app".to_owned(), "/srv/app.git".to_owned()];
        let pushed = ["ssh://git.example.com/team/app".to_owned(), "/srv/app.git".to_owned()];
        let all = settings(&fetched, &pushed);
        let of = |begin: &str| -> Vec<&str> {
            all.iter().filter(|(name, _)| name.starts_with(begin)).map(|(_, value)| value.as_str()).collect()
        };
        assert_eq!(all[0], ("GIT_CONFIG_COUNT".to_owned(), of("GIT_CONFIG_KEY_").len().to_string()));
        assert_eq!(
            of("GIT_CONFIG_VALUE_"),
            [
                "never",
                "https://",
                "ssh://",
                "git@",
                "https://git.example.com/team/app",
                "/srv/app.git",
                "ssh://git.example.com/team/app",
            ]
        );
        let rules = |name: &str| of("GIT_CONFIG_KEY_").iter().filter(|key| key.ends_with(name)).count();
        assert_eq!((rules(".pushInsteadOf"), rules(".insteadOf")), (5, 1));
    }
}
