//! Teams: what the roles of one need to be started, from git config, before anything is made.

use crate::{
    Code, Error, Result,
    agents::{self, Options},
    config::{
        Config,
        keys::{AGENT_FALLBACK, AGENT_WRITES, REVIEW_ALLOW, TEAM_ROLE, TEAM_ROUNDS},
    },
    model::{
        OnPrompt, Team, quote,
        team::{MAX_ROLES, TeamRole},
        text,
    },
    ops::settings::{self, Settings},
    supervise::spec::{Fallback, Limits, Stage, TeamSpec},
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

/// Returns what is needed to start each role of a team, with what was typed for every role, and warnings for the user. `before` are the
/// limits of an earlier attempt.
///
/// # Errors
/// A role cannot be started, does not support an option, or would run the words of another role as a script (3).
pub(super) fn stages(
    config: &Config<'_>,
    team: &Team,
    settings: &Settings,
    typed: &Options,
    before: Option<&TeamSpec>,
) -> Result<(TeamSpec, Vec<String>)> {
    let (mut stages, mut warnings) = (Vec::new(), Vec::new());
    for (place, TeamRole { name, .. }) in team.roles.iter().enumerate() {
        let limits = before.and_then(|before| before.stages.get(place)).map(|stage| &stage.limits);
        let make = |profile: &str, typed: &Options| {
            let in_team = |error: Error| match error.code {
                Code::ProfileUnknown => {
                    error.because(format!("it is a role of team '{}'", text::safe(&team.name)))
                }
                _ => error,
            };
            stage(config, team, place, profile, settings, typed, limits).map_err(in_team)
        };
        let (stage, warning) = with_fallback(config, name, typed, make)?;
        stages.push(stage);
        warnings.extend(warning);
    }
    Ok((TeamSpec { typed: typed.clone(), stages }, warnings))
}

/// Makes the stage of a role with its fallback. Where its program is missing, the fallback works in its place.
fn with_fallback(
    config: &Config<'_>,
    name: &str,
    typed: &Options,
    make: impl Fn(&str, &Options) -> Result<Stage>,
) -> Result<(Stage, Option<String>)> {
    let own = make(name, typed);
    let fallback = config.get(&AGENT_FALLBACK.of(name))?.filter(|fallback| fallback != name);
    let Some(fallback) = fallback else { return own.map(|stage| (stage, None)) };
    // A model that was typed is one of the first program.
    let other = make(&fallback, &Options { model: None, ..typed.clone() });
    let (shown, other_shown) = (text::safe(name), text::safe(&fallback));
    let is_missing = |error: &Error| matches!(error.code, Code::ProgramMissing | Code::CredentialMissing);
    match (own, other) {
        (Ok(own), Ok(Stage { profile, role, launch, limits, .. })) => {
            let own_launch = own.launch.beside(Some(&launch));
            let fallback = Some(Fallback { profile, role, launch, limits });
            Ok((Stage { launch: own_launch, fallback, ..own }, None))
        }
        (Ok(own), Err(error)) => {
            let warning = format!("'{other_shown}' cannot take over from '{shown}': {}", error.one_line());
            Ok((own, Some(warning)))
        }
        (Err(error), Ok(other)) if is_missing(&error) => {
            let warning = format!("'{other_shown}' works instead of '{shown}': {}", error.one_line());
            // The prompt of the role stays its own.
            Ok((Stage { prompt: agents::prompt_of(name, config)?.or(other.prompt), ..other }, Some(warning)))
        }
        (Err(error), _) => Err(error),
    }
}

/// Makes the stage of the role at a place, with the program of a profile: its own, or that of its fallback.
fn stage(
    config: &Config<'_>,
    team: &Team,
    place: usize,
    profile: &str,
    typed_settings: &Settings,
    typed: &Options,
    before: Option<&Limits>,
) -> Result<Stage> {
    let Some(TeamRole { name, writes }) = team.roles.get(place) else {
        return Err(Error::internal(format!("team '{}' has no role {place}", text::safe(&team.name))));
    };
    let (options, reads_history) =
        if *writes { (typed.clone(), true) } else { reading_options(config, profile, typed)? };
    let launch = agents::launch(profile, config, &options)?;
    agents::check_prose(profile, config, "what another role of its team said")?;
    let limits = typed_settings.limits(config, profile, &launch, before)?;
    let caps = settings::caps_of_profile(config, name)?;
    let program = agents::program_of(profile, config);
    let role = Some(profile.to_owned()).filter(|profile| *profile != program);
    let prompt = agents::prompt_of(profile, config)?;
    let shows_changes = !reads_history && team.reviews(place);
    let (writes, fallback) = (*writes, None);
    Ok(Stage {
        profile: program,
        role,
        launch,
        limits,
        caps,
        options,
        prompt,
        writes,
        shows_changes,
        fallback,
    })
}

/// Returns the options of a role that does not write, which are those of a reviewing agent, and whether it looks at the history by itself.
fn reading_options(config: &Config<'_>, name: &str, typed: &Options) -> Result<(Options, bool)> {
    let reviews = config.review_permission()?;
    let asked = Options {
        permission: Some(typed.at_most.filter(|most| reviews.exceeds(*most)).unwrap_or(reviews)),
        at_most: typed.at_most,
        on_prompt: Some(OnPrompt::Deny),
        allow: config.get(&REVIEW_ALLOW)?,
        deny: typed.deny.clone(),
        mcp: typed.mcp.clone(),
        restricted: true,
        ..Options::default()
    };
    let (options, reads_history) = agents::for_review(name, config, asked);
    // A program without permission modes has none of these options.
    let without = Options { at_most: typed.at_most, ..Options::default() };
    let options = if options.permission.is_some() { options } else { without };
    Ok((options, reads_history))
}
