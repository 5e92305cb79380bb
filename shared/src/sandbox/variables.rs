//! Environment variables that a sandbox removes: logins for other services and sockets of the session, which the home folder does not
//! show either.

use crate::{agents, model::forge_logins::FORGE_LOGINS, world::Environment};

/// Variables that name sockets of the user's session, through which programs of the machine would act for the agent.
const SESSION_SOCKETS: &[&str] = &[
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "DOCKER_HOST",
    "GPG_AGENT_INFO",
    "SSH_AUTH_SOCK",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
];
/// Variables that hold logins of services other than forges, or name files with them.
const LOGINS: &[&str] = &[
    "AZURE_CLIENT_SECRET",
    "CARGO_REGISTRY_TOKEN",
    "DIGITALOCEAN_ACCESS_TOKEN",
    "DOCKER_AUTH_CONFIG",
    "GIT_ASKPASS",
    "KUBECONFIG",
    "NODE_AUTH_TOKEN",
    "NPM_TOKEN",
    "PGPASSWORD",
    "SSH_ASKPASS",
    "TWINE_PASSWORD",
    "VAULT_TOKEN",
];
/// Logins of a cloud, which also sells models.
const OF_CLOUD: &[&str] = &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
/// The end of the names of variables by which programs are told to use the models of that cloud.
const USES_CLOUD: &str = "_USE_BEDROCK";

/// Returns the variables that a program does not get in a sandbox. Those by which it logs in to its own service stay.
pub(super) fn hidden(environment: &Environment, program: &str) -> Vec<&'static str> {
    let own = agents::program(program).map_or(&[][..], agents::AgentProgram::account_variables);
    let is_set = |(name, value): (&str, &str)| name.ends_with(USES_CLOUD) && !["", "0"].contains(&value);
    let uses_cloud = environment.text_variables().any(is_set);
    let of_cloud = if uses_cloud { &[][..] } else { OF_CLOUD };
    let logins = LOGINS.iter().chain(FORGE_LOGINS).chain(of_cloud).filter(|name| !own.contains(name));
    SESSION_SOCKETS.iter().chain(logins).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::AgentProgram;

    #[test]
    fn a_program_keeps_the_login_of_its_own_service() {
        let of = |variables: &[(&str, &str)], program: &str| {
            let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            hidden(&Environment::new(variables, std::path::Path::new("/")), program)
        };
        let plain = of(&[], "nosuch");
        assert!(
            ["GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"]
                .iter()
                .all(|name| plain.contains(name))
        );
        assert!(!plain.contains(&"ANTHROPIC_API_KEY"));
        assert!(!of(&[("ANY_USE_BEDROCK", "1")], "nosuch").contains(&"AWS_SECRET_ACCESS_KEY"));
        assert!(of(&[("ANY_USE_BEDROCK", "0")], "nosuch").contains(&"AWS_SECRET_ACCESS_KEY"));
        let keeps_token = |program: &&dyn AgentProgram| program.account_variables().contains(&"GITHUB_TOKEN");
        let program = agents::all().find(keeps_token).expect("one that logs in there");
        assert!(!of(&[], program.name()).contains(&"GITHUB_TOKEN"));
    }
}
