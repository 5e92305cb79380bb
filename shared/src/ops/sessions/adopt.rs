//! `sessions adopt`: makes an agent of a conversation that git orchestra did not start. `git orchestra resume` then goes on with
//! it under a supervisor, in a worktree of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalogue::Catalogue;
use crate::{
    Code, Error, Result,
    agents::{self, Options},
    config::{Config, keys::LABEL},
    git::{Oid, Repo},
    model::{
        AgentId, Fact, Phase,
        event::{Created, Finished, PhaseChange},
        quote, text,
    },
    ops::{named, spawn},
    store::{self, NewAgent, append, layout},
    supervise::conversations,
    trust::AcceptedRepo,
    world,
};

/// Which conversation to make an agent of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The conversation.
    pub session: String,
    /// Where the agent's branch starts: the branch of the conversation if not given, and if that is gone the user's commit.
    #[serde(default)]
    pub base: Option<String>,
}

/// The agent that was made of a conversation.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The id of the agent.
    pub agent: String,
    /// The conversation.
    pub session: String,
    /// The branch of the agent.
    pub branch: String,
    /// The commit from which it starts.
    pub base: String,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Makes the agent, at rest, and keeps the conversation.
///
/// # Errors
/// The conversation is not there, goes on, or has an agent (3); agents of its program cannot go on with conversations (3);
/// nothing can be written.
pub fn run(repo: &AcceptedRepo, request: &Request) -> Result<Report> {
    let mut catalogue = Catalogue::of_typed(repo.environment(), Some(repo), &request.session)?;
    let row = catalogue.conversation(&request.session)?;
    let session = catalogue.session(&row);
    catalogue.close();
    if let Some(agent) = &session.agent {
        return Err(Error::new(
            Code::SessionOfAgent,
            format!("conversation '{}' is of agent '{agent}'", session.id),
        )
        .hint_command(&[&"git", &"orchestra", &"resume", agent]));
    }
    if session.live {
        return Err(Error::new(
            Code::SessionInUse,
            format!("conversation '{}' goes on elsewhere", session.id),
        )
        .hint("end it there first"));
    }
    if !agents::launch(&session.program, &Config::of(repo), &Options::default())?.has_sessions() {
        let name = &session.program;
        return Err(Error::new(
            Code::SessionUnsupported,
            format!("agents of '{name}' cannot go on with conversations"),
        )
        .hint(format!("{} resumes it without an agent", resume_command(&session.id))));
    }
    if row.place.is_none() {
        return Err(Error::new(
            Code::TranscriptMissing,
            format!("the transcript of '{}' is not where its program looks", session.id),
        )
        .hint(format!("{} puts it back", resume_command(&session.id))));
    }
    let base = base(repo, request, session.branch.as_deref())?;
    let mut warnings = Vec::new();
    let prefix = spawn::branch_prefix(repo, &Config::of(repo), &mut warnings)?;
    let title = text::title(session.title.as_deref().unwrap_or(&session.id));
    let id = AgentId::new(&title, world::random()?);
    let branch = format!("{prefix}{id}");
    let created = Created {
        title,
        profile: session.program,
        model: None,
        permission: None,
        run: spawn::run_id(repo)?,
        place: 0,
        parent: None,
        reviews: None,
        base: base.into(),
        branch: branch.as_str().into(),
        label: Config::of(repo).get_or_default(&LABEL),
        prompt: None,
    };
    let prompt = session.first_prompt.unwrap_or_default();
    store::create(repo, &[NewAgent { id: id.clone(), created, prompt, base }])?;
    let launch =
        PhaseChange { session: Some(session.id.as_str().into()), ..PhaseChange::to(1, Phase::Starting) };
    let ended = Finished {
        reason: Some("adopted".to_owned()),
        head: Some(base.into()),
        ..Finished::empty(1, Phase::Stopped)
    };
    append(repo, &id, &[Fact::Phase(launch), Fact::Finished(ended)])?;
    conversations::keep_of_agent(repo, &id)?;
    Ok(Report { agent: id.to_string(), session: session.id, branch, base: base.to_string(), warnings })
}

fn resume_command(session: &str) -> String {
    quote::command(&[&"git", &"orchestra", &"sessions", &"resume", &session])
}

fn base(repo: &Repo, request: &Request, branch: Option<&str>) -> Result<Oid> {
    if let Some(revision) = &request.base {
        return named::commit(repo, revision);
    }
    let known = branch.map(|branch| repo.find_ref(&layout::branch_ref(branch))).transpose()?.flatten();
    known.map_or_else(|| repo.head(), Ok)
}
