//! Teams: what the roles of one need to be started, from git config, before anything is made.

use crate::{
    Code, Error, Result,
    agents::{self, Options},
    config::{
        Config,
        keys::{AGENT_WRITES, REVIEW_ALLOW, TEAM_ROLE, TEAM_ROUNDS},
    },
    model::{
        OnPrompt, Team, quote,
        team::{MAX_ROLES, TeamRole},
        text,
    },
    ops::settings::Settings,
    supervise::spec::{Limits, Stage, TeamSpec},
};

/// Returns a team as it is configured.
///
/// # Errors
/// There is no such team, it has too many roles, or none of its roles writes (3).
pub(super) fn configured(config: &Config<'_>, name: &str) -> Result<Team> {
    let key = TEAM_ROLE.of(name);
    let names = config.valid(&key)?;
    let shown = text::safe(name);
    if names.is_empty() {
        let add = |role: &str| quote::command(&[&"git", &"config", &"--add", &key.name(), &role]);
        let known = config.repeated_names(&TEAM_ROLE);
        let known = (!known.is_empty()).then(|| format!("teams: {}", known.join(", ")));
        let error = Error::new(Code::ProfileUnknown, format!("no team '{shown}'"));
        return Err(known.into_iter().fold(error, Error::hint).hint(add("ROLE")));
    }
    if names.len() > MAX_ROLES {
        let count = names.len();
        return Err(Error::refused(format!("team '{shown}' has {count} roles; the limit is {MAX_ROLES}"))
            .hint(format!("git config --get-all {}", key.name())));
    }
    let roles = names.into_iter().map(|name| {
        let writes = config.get(&AGENT_WRITES.of(&name))?;
        Ok(TeamRole { name, writes })
    });
    let roles = roles.collect::<Result<Vec<TeamRole>>>()?;
    if let Some(first) = roles.first().filter(|_| !roles.iter().any(|role| role.writes)) {
        return Err(Error::refused(format!("none of the roles of team '{shown}' writes"))
            .hint(AGENT_WRITES.of(&first.name).hint("true")));
    }
    Ok(Team { name: name.to_owned(), roles, rounds: config.get(&TEAM_ROUNDS.of(name))?, ..Team::default() })
}

/// Returns what is needed to start each role of a team, with what was typed for every role. `before` are the limits of an earlier
/// attempt.
///
/// # Errors
/// A role cannot be started, does not support an option, or would run the words of another role as a script (3).
pub(super) fn stages(
    config: &Config<'_>,
    team: &Team,
    settings: &Settings,
    typed: &Options,
    before: Option<&TeamSpec>,
) -> Result<TeamSpec> {
    let stages = (0..team.roles.len()).map(|place| {
        let limits = before.and_then(|before| before.stages.get(place)).map(|stage| &stage.limits);
        stage(config, team, place, settings, typed, limits)
    });
    Ok(TeamSpec { typed: typed.clone(), stages: stages.collect::<Result<Vec<Stage>>>()? })
}

fn stage(
    config: &Config<'_>,
    team: &Team,
    place: usize,
    settings: &Settings,
    typed: &Options,
    before: Option<&Limits>,
) -> Result<Stage> {
    let Some(TeamRole { name, writes }) = team.roles.get(place) else {
        return Err(Error::internal(format!("team '{}' has no role {place}", text::safe(&team.name))));
    };
    let in_team = |error: Error| match error.code {
        Code::ProfileUnknown => error.because(format!("it is a role of team '{}'", text::safe(&team.name))),
        _ => error,
    };
    let (options, reads_history) =
        if *writes { (typed.clone(), true) } else { reading_options(config, name, typed)? };
    let launch = agents::launch(name, config, &options).map_err(in_team)?;
    agents::check_prose(name, config, "what another role of its team said")?;
    let limits = settings.limits(config, name, &launch, before)?;
    let profile = agents::program_of(name, config);
    let role = Some(name.clone()).filter(|name| *name != profile);
    let prompt = agents::prompt_of(name, config)?;
    let shows_changes = !reads_history && team.reviews(place);
    Ok(Stage { profile, role, launch, limits, options, prompt, writes: *writes, shows_changes })
}

/// Returns the options of a role that does not write, which are those of a reviewing agent, and whether it looks at the history by itself.
fn reading_options(config: &Config<'_>, name: &str, typed: &Options) -> Result<(Options, bool)> {
    let asked = Options {
        permission: Some(config.review_permission()?),
        on_prompt: Some(OnPrompt::Deny),
        allow: config.get(&REVIEW_ALLOW)?,
        deny: typed.deny.clone(),
        restricted: true,
        ..Options::default()
    };
    let (options, reads_history) = agents::for_review(name, config, asked);
    // A program without permission modes has none of these options.
    let options = if options.permission.is_some() { options } else { Options::default() };
    Ok((options, reads_history))
}
