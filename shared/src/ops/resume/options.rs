//! How a resumed agent is run.

use super::{Request, Words, hand_over::NewProfile};
use crate::{
    Result,
    agents::{self, Launch, Options},
    config::Config,
    model::{Agent, ChosenSandbox, secret},
    ops::{settings::CapsOf, teams},
    supervise::{
        preparation::Preparation,
        spec::{Limits, Spec, TeamSpec, Until},
        spending::Rules,
    },
};

/// How an agent is run: as in its last attempt, with the settings of the request. Another program gets only the latter.
pub(super) struct RunOptions {
    pub(super) options: Options,
    pub(super) launch: Launch,
    pub(super) limits: Limits,
    pub(super) jobs: u32,
    pub(super) until: Option<Until>,
    pub(super) preparation: Preparation,
    pub(super) spending: Rules,
    pub(super) sandbox: ChosenSandbox,
    /// What the roles of its team need.
    pub(super) team: Option<TeamSpec>,
}

pub(super) fn run_options(
    config: &Config<'_>,
    agent: &Agent,
    before: Option<&Spec>,
    request: &Request,
) -> Result<RunOptions> {
    let new_profile = NewProfile::of(request, config);
    let same = before.filter(|_| new_profile.is_none());
    let said = same.map(|spec| spec.options.clone()).unwrap_or_default();
    let team = team(config, agent, before, request)?;
    let stage =
        team.as_ref().zip(agent.team.as_ref()).and_then(|(team, known)| team.stages.get(known.place()));
    let options = match stage {
        Some(stage) => stage.options.clone(),
        None => {
            Options { restricted: agent.reviews.is_some(), ..said }.with(request.settings.options.clone())
        }
    };
    let profile = &match (&new_profile, stage) {
        (None, Some(stage)) => stage.name().to_owned(),
        (new, _) => profile_of(agent, before, new.as_ref()),
    };
    let launch = agents::launch(profile, config, &options)?;
    let limits = match stage {
        Some(stage) => stage.limits,
        None => request.settings.limits(config, profile, &launch, same.map(|spec| &spec.limits))?,
    };
    let jobs = request.settings.jobs(config, before.map(|spec| spec.jobs))?;
    let until = request.settings.until(config, before.and_then(|spec| spec.until.as_ref()))?;
    let preparation = request.settings.preparation(config, before.map(|spec| &spec.preparation))?;
    let rules = before.map(|spec| &spec.spending);
    let whose = stage.map_or(CapsOf::Profile(profile), |stage| CapsOf::Role(stage.caps));
    let spending = request.settings.spending(config, whose, agent.run.clone(), rules)?;
    let sandbox = request.settings.sandbox(config, before.map(|spec| spec.sandbox))?;
    Ok(RunOptions { options, launch, limits, jobs, until, preparation, spending, sandbox, team })
}

/// Returns what the roles of an agent's team need now: as they are configured, with what was typed for them.
fn team(
    config: &Config<'_>,
    agent: &Agent,
    before: Option<&Spec>,
    request: &Request,
) -> Result<Option<TeamSpec>> {
    let Some(team) = &agent.team else { return Ok(None) };
    let before = before.and_then(|spec| spec.team.as_ref());
    let typed = before.map(|team| team.typed.clone()).unwrap_or_default();
    let typed = typed.with(request.settings.options.clone());
    let (mut spec, _) = teams::stages(config, team, &request.settings, &typed, before)?;
    let is_open = team.last().is_some_and(|part| part.outcome.is_none());
    if let Some(stage) = spec.stages.get_mut(team.place()).filter(|_| is_open) {
        // The program that took over knows the conversation.
        *stage = stage.clone().run_by(&agent.profile);
    }
    Ok(Some(spec))
}

/// Returns the name under which the program that continues an agent is configured.
pub(super) fn profile_of(agent: &Agent, before: Option<&Spec>, new: Option<&NewProfile>) -> String {
    let role = before.filter(|spec| spec.is_about(&agent.profile)).and_then(|spec| spec.role.as_deref());
    new.map(|new| new.name.as_str()).or(role).unwrap_or(&agent.profile).to_owned()
}

/// Returns the title of the commit with uncommitted work: the last message, if the user typed it.
pub(super) fn title(
    agent: &Agent,
    before: Option<&Spec>,
    launch: &Launch,
    request: &Request,
    values: &[String],
) -> String {
    match (&request.message, before) {
        (Some(Words::Typed(said)), _) => secret::title(said, values),
        // A program without sessions does its first task again.
        (None, Some(before)) if launch.has_sessions() && !request.fresh => before.title.clone(),
        _ => agent.title.clone(),
    }
}
