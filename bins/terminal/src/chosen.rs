//! The agent that a command is about: the one that was named, or on a terminal the one that the user picks.

use orchestra::{
    Code, Error, Result,
    git::Repo,
    model::Liveness,
    ops::{agent_object::AgentObject, status},
};

use crate::{context, names, output::Terminal, prompt};

/// The agents from which the user picks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Choice {
    /// All that `status` shows.
    All,
    /// Those that a message can reach.
    Running,
    /// Those that wait for an answer.
    Waiting,
}

impl Choice {
    fn has(self, agent: &AgentObject) -> bool {
        let is_running = matches!(agent.liveness, Liveness::Live | Liveness::Remote);
        match self {
            Self::All => true,
            Self::Running => is_running,
            Self::Waiting => is_running && agent.waiting.is_some(),
        }
    }

    const fn none(self) -> &'static str {
        match self {
            Self::All => "no agent to choose from",
            Self::Running => "no agent is running",
            Self::Waiting => "no agent waits for an answer",
        }
    }
}

/// Returns the id of the agent that was named. If none was, the user picks one on a terminal; the only one needs no question.
/// `alternative` is the command to type where the user cannot be asked.
///
/// # Errors
/// The agents cannot be read, there is none, or there is no terminal to ask on (2).
pub fn agent(terminal: &Terminal, repo: &Repo, typed: Option<&String>, alternative: &str) -> Result<String> {
    let Some(typed) = typed else { return picked(terminal, repo, Choice::All, alternative) };
    let mut agent = typed.clone();
    names::meant_one(terminal, repo, &mut agent)?;
    Ok(agent)
}

/// Lets the user pick an agent; as [`agent`], if none was named.
///
/// # Errors
/// As there.
pub fn picked(terminal: &Terminal, repo: &Repo, choice: Choice, alternative: &str) -> Result<String> {
    let mut agents = status::run(&context::uninterrupted(), repo, &status::Request::default())?.agents;
    agents.retain(|agent| choice.has(agent));
    match agents.as_slice() {
        [] if terminal.can_ask() => {
            Err(Error::new(Code::AgentUnknown, choice.none()).hint("git orchestra status --all"))
        }
        // Nothing could be typed in its place.
        [] if matches!(choice, Choice::All) => {
            Err(Error::new(Code::ArgumentMissing, format!("which agent? {}", choice.none()))
                .hint("git orchestra status --all"))
        }
        [only] if terminal.can_ask() => Ok(only.id.to_string()),
        _ => prompt::pick_agent(terminal, "which agent?", &agents, &[alternative]),
    }
}
