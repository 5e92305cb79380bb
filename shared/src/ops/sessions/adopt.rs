//! `sessions adopt`: makes an agent from a session that git orchestra did not start. `git orchestra resume` then continues it under a
//! supervisor, in its own worktree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use crate::{
    Code, Error, Result,
    agents::{self, Options},
    config::{Config, keys::LABEL},
    context::Context,
    git::{Oid, Repo},
    model::{
        AgentId, Fact, Phase,
        event::{Created, Finished, PhaseChange},
        quote, secret,
    },
    ops::{named, spawn},
    store::{self, NewAgent, append, layout},
    supervise::conversations,
    trust::AcceptedRepo,
    world,
};

/// The session to make an agent from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The session, by id or unique prefix.
    pub session: String,
    /// The revision at which the agent's branch starts; by default the branch of the session, or `HEAD` if that no longer exists.
    #[serde(default)]
    pub base: Option<String>,
}

/// The agent that was made from a session.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The id of the agent.
    pub agent: String,
    /// The id of the session.
    pub session: String,
    /// The branch of the agent.
    pub branch: String,
    /// The commit at which the branch starts.
    pub base: String,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// Makes the agent, already stopped, and keeps a copy of the session.
///
/// # Errors
/// There is no such session, it is in use, or it belongs to an agent (3); its program cannot resume a session as an agent (3);
/// something cannot be written.
pub fn run(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    let mut catalogue = Catalogue::for_name(context, Some(repo), &request.session)?;
    let row = catalogue.conversation(&request.session)?;
    let session = catalogue.session(&row);
    catalogue.close();
    if let Some(agent) = &session.agent {
        return Err(Error::new(
            Code::SessionOfAgent,
            format!("session '{}' belongs to agent '{agent}'", session.id),
        )
        .hint_command(&[&"git", &"orchestra", &"resume", agent]));
    }
    if session.live {
        return Err(Error::new(Code::SessionInUse, format!("session '{}' is in use", session.id))
            .hint("exit the program that uses it first"));
    }
    if !agents::launch(&session.program, &Config::of(repo), &Options::default())?.has_sessions() {
        let name = &session.program;
        return Err(Error::new(
            Code::SessionUnsupported,
            format!("agents of '{name}' cannot resume sessions"),
        )
        .hint(format!("{} resumes it without an agent", resume_command(&session.id))));
    }
    if row.place.is_none() {
        return Err(Error::new(
            Code::TranscriptMissing,
            format!("the transcript of '{}' is not where its program looks for it", session.id),
        )
        .hint(format!("{} restores it", resume_command(&session.id))));
    }
    let base = base_commit(repo, request, session.branch.as_deref())?;
    let mut warnings = Vec::new();
    let prefix = spawn::branch_prefix(repo, &Config::of(repo), &mut warnings)?;
    let title = session.title.as_deref().unwrap_or(&session.id);
    let title = secret::title(title, &world::SecretVariables::of(repo.environment()).values());
    let id = AgentId::new(&title, world::random()?);
    let branch = format!("{prefix}{id}");
    let created = Created {
        title,
        profile: session.program,
        role: None,
        model: None,
        permission: None,
        run: spawn::run_id(repo)?,
        place: 0,
        parent: None,
        reviews: None,
        designer: false,
        base: base.into(),
        after: Vec::new(),
        on_failed: None,
        branch: branch.as_str().into(),
        label: Config::of(repo).get_or_default(&LABEL),
        snapshot: None,
        snapshot_files: 0,
        tags: Vec::new(),
        team: None,
        prompt: None,
    };
    let prompt = session.first_prompt.unwrap_or_default();
    context.check()?;
    store::create(repo, &[NewAgent { id: id.clone(), created, prompt, base }])?;
    let launch =
        PhaseChange { session: Some(session.id.as_str().into()), ..PhaseChange::new(1, Phase::Starting) };
    let ended = Finished {
        reason: Some("adopted".to_owned()),
        head: Some(base.into()),
        ..Finished::empty(1, Phase::Stopped)
    };
    append(repo, &id, &[Fact::Phase(launch), Fact::Finished(ended)])?;
    conversations::store_of_agent(repo, &id)?;
    Ok(Report { agent: id.to_string(), session: session.id, branch, base: base.to_string(), warnings })
}

fn resume_command(session: &str) -> String {
    quote::command(&[&"git", &"orchestra", &"sessions", &"resume", &session])
}

fn base_commit(repo: &Repo, request: &Request, branch: Option<&str>) -> Result<Oid> {
    if let Some(revision) = &request.base {
        return named::resolve_commit(repo, revision);
    }
    let known = branch.map(|branch| repo.find_ref(&layout::branch_ref(branch))).transpose()?.flatten();
    known.map_or_else(|| repo.head(), Ok)
}
