//! The profiles that a spawn starts, each with its fallback.

use super::Request;
use crate::{
    Code, Error, Result,
    agents::{self, Launch, Options},
    config::{
        Config,
        keys::{AGENT, AGENT_FALLBACK, AGENT_MODEL, TEAM_ROLE},
    },
    model::{Team, text},
    ops::{settings::CapsOf, teams},
    supervise::{
        preparation::Preparation,
        spec::{Fallback, Limits, TeamSpec, Until},
    },
};

/// A kind of agent, with everything that is needed to start it.
#[derive(Clone, Debug)]
pub(super) struct ReadyProfile {
    /// The program, which has the name of the profile unless that is a role.
    pub(super) program: String,
    pub(super) role: Option<String>,
    /// What is put before each task.
    pub(super) prompt: Option<String>,
    pub(super) options: Options,
    pub(super) launch: Launch,
    pub(super) limits: Limits,
    /// Whether it reads its task as text, and does not run it as a script.
    pub(super) reads_prose: bool,
    /// The check that decides when it is done.
    pub(super) until: Option<Until>,
    /// What makes its worktree ready.
    pub(super) preparation: Preparation,
    /// The profile that takes over if this one is refused.
    pub(super) fallback: Option<Fallback>,
    /// The team whose first role this is, with what each of its roles needs.
    pub(super) team: Option<(Team, TeamSpec)>,
    /// What the user should know about it.
    pub(super) warning: Option<String>,
}

impl ReadyProfile {
    /// Returns whose caps its agents have.
    pub(super) fn caps_of(&self) -> CapsOf<'_> {
        match self.team.as_ref().and_then(|(_, team)| team.stages.first()) {
            Some(first) => CapsOf::Role(first.caps),
            None => CapsOf::Profile(self.role.as_ref().unwrap_or(&self.program)),
        }
    }

    /// Returns whether it is the first role of a team, and does not write.
    pub(super) fn is_reader(&self) -> bool {
        self.team.as_ref().and_then(|(_, team)| team.stages.first()).is_some_and(|first| !first.writes)
    }

    /// Returns what the programs leave in the worktree, as lines of git's exclude file.
    pub(super) fn leftovers(&self) -> Vec<String> {
        let roles = self.team.iter().flat_map(|(_, team)| &team.stages).map(|stage| &stage.launch);
        roles.chain([&self.launch]).flat_map(|launch| launch.leftovers.clone()).collect()
    }
}

/// Prepares the requested profiles.
///
/// # Errors
/// One of them cannot be started, or does not support an option.
pub(super) fn launches(config: &Config<'_>, request: &Request) -> Result<Vec<ReadyProfile>> {
    if let Some(team) = &request.team {
        return of_team(config, request, team).map(|ready| vec![ready]);
    }
    let names = if request.agents.is_empty() { vec![config.get(&AGENT)?] } else { request.agents.clone() };
    names.iter().map(|name| with_fallback(config, request, name)).collect()
}

/// Prepares the first role of a team, with what each of them needs.
///
/// # Errors
/// As of [`teams::configured`] and [`teams::stages`]; an option is about one program, and a team has several (2).
fn of_team(config: &Config<'_>, request: &Request, name: &str) -> Result<ReadyProfile> {
    if !request.agents.is_empty() {
        return Err(Error::usage("--team and --agent: the roles of a team are its agents")
            .hint(TEAM_ROLE.of(name).hint("ROLE")));
    }
    if request.settings.options.model.is_some() {
        return Err(Error::usage("--model and --team: each role of a team has a model of its own")
            .hint(AGENT_MODEL.of("ROLE").hint("MODEL")));
    }
    let team = teams::configured(config, name)?;
    let (stages, warnings) =
        teams::stages(config, &team, &request.settings, &request.settings.options, None)?;
    let first = stages.stages.first().cloned().ok_or_else(|| Error::internal("a team has no roles"))?;
    Ok(ReadyProfile {
        program: first.profile,
        role: first.role,
        // The supervisor tells each role its own prompt.
        prompt: None,
        options: first.options,
        launch: first.launch,
        limits: first.limits,
        reads_prose: true,
        until: request.settings.until_of_new(config, false)?,
        preparation: request.settings.preparation(config, None)?,
        fallback: first.fallback,
        team: Some((team, stages)),
        warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
    })
}

/// Prepares a profile with its fallback. Where its program is missing, the fallback runs instead.
fn with_fallback(config: &Config<'_>, request: &Request, name: &str) -> Result<ReadyProfile> {
    let own = ready_profile(config, request, name, &request.settings.options);
    let fallback = config.get(&AGENT_FALLBACK.of(name))?.filter(|fallback| fallback != name);
    let Some(fallback) = fallback else { return own };
    // A model that was typed is one of the first program.
    let options = Options { model: None, ..request.settings.options.clone() };
    let (shown, other_shown) = (text::safe(name), text::safe(&fallback));
    let other = agents::check_prose(&fallback, config, &format!("a task of agent '{shown}'"))
        .and_then(|()| ready_profile(config, request, &fallback, &options));
    let is_missing = |error: &Error| matches!(error.code, Code::ProgramMissing | Code::CredentialMissing);
    match (own, other) {
        (Ok(own), Ok(other)) => {
            let ReadyProfile { program: profile, role, launch, limits, .. } = other;
            let own_launch = own.launch.beside(Some(&launch));
            let fallback = Some(Fallback { profile, role, launch, limits });
            Ok(ReadyProfile { launch: own_launch, fallback, ..own })
        }
        (Ok(own), Err(error)) => {
            let warning = format!("'{other_shown}' cannot take over from '{shown}': {}", error.one_line());
            Ok(ReadyProfile { warning: Some(warning), ..own })
        }
        (Err(error), Ok(other)) if is_missing(&error) => {
            let warning = format!("'{other_shown}' runs instead of '{shown}': {}", error.one_line());
            Ok(ReadyProfile { warning: Some(warning), ..other })
        }
        (Err(error), _) => Err(error),
    }
}

fn ready_profile(
    config: &Config<'_>,
    request: &Request,
    name: &str,
    options: &Options,
) -> Result<ReadyProfile> {
    let launch = agents::launch(name, config, options)?;
    let what = if request.issue.is_some() { "an issue" } else { "a review" };
    let prose = agents::check_prose(name, config, what);
    let reads_prose = prose.is_ok();
    if request.reviews.is_some() || request.issue.is_some() {
        // The task of a reviewer contains text from the reviewed agent and from the test, and an issue is by anyone.
        prose?;
    }
    let limits = request.settings.limits(config, name, &launch, None)?;
    let (program, prompt) = (agents::program_of(name, config), agents::prompt_of(name, config)?);
    let role = Some(name.to_owned()).filter(|name| *name != program);
    let options = options.clone();
    let until = request.settings.until_of_new(config, request.is_for_review())?;
    let preparation = request.settings.preparation(config, None)?;
    let (fallback, warning) = (None, None);
    Ok(ReadyProfile {
        program,
        role,
        prompt,
        options,
        launch,
        limits,
        reads_prose,
        until,
        preparation,
        fallback,
        team: None,
        warning,
    })
}
