//! Asking, on a terminal only, with "no" as the default; elsewhere the flag to pass is named.

use orchestra::{Error, Kind, Result, model::text, ops::agent_object::AgentObject};

use crate::output::Terminal;

/// Lets the user pick one of several agents. `instead` says what to type where nobody can be asked.
///
/// # Errors
/// There is none, nobody can be asked (2), or the user picked none.
pub fn pick_agent(
    terminal: &Terminal,
    question: &str,
    agents: &[AgentObject],
    instead: &str,
) -> Result<String> {
    if !terminal.can_ask() {
        return Err(Error::usage("no agent named").hint(instead));
    }
    if agents.is_empty() {
        return Err(Error::refused("there is no such agent").hint("git orchestra status --all"));
    }
    let items: Vec<String> = agents
        .iter()
        .map(|agent| format!("{}  {}  {}", agent.id, agent.phase.as_str(), text::cut(&agent.title, 60)))
        .collect();
    let picked = dialoguer::Select::new()
        .with_prompt(question)
        .items(&items)
        .default(items.len() - 1)
        .interact_opt()
        .map_err(|e| Error::new(Kind::External, "cannot ask").because(e.to_string()))?;
    picked
        .and_then(|at| agents.get(at))
        .map(|agent| agent.id.clone())
        .ok_or_else(|| Error::refused("no agent picked"))
}
