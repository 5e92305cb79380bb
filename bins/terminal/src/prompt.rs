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

/// Lets the user choose one of several; the first is the default. `None`: they chose none.
///
/// # Errors
/// Nobody can be asked (2).
pub fn choose(terminal: &Terminal, question: &str, choices: &[&str]) -> Result<Option<usize>> {
    if !terminal.can_ask() {
        return Err(Error::usage("nobody can be asked here"));
    }
    let select = dialoguer::Select::new().with_prompt(question).items(choices).default(0);
    select.interact_opt().map_err(|e| Error::new(Kind::External, "cannot ask").because(e.to_string()))
}

/// Asks a question that is answered by yes or no; no is the default. `instead` says what to type where nobody can be asked.
///
/// # Errors
/// Nobody can be asked (3).
pub fn confirm(terminal: &Terminal, question: &str, instead: &str) -> Result<bool> {
    if !terminal.can_ask() {
        return Err(Error::refused(format!("nobody can be asked here: {question}")).hint(instead));
    }
    dialoguer::Confirm::new()
        .with_prompt(question)
        .default(false)
        .interact()
        .map_err(|e| Error::new(Kind::External, "cannot ask").because(e.to_string()))
}

/// Lets the user type a line; `None` where it is empty.
///
/// # Errors
/// The terminal is gone.
pub fn line(question: &str) -> Result<Option<String>> {
    let typed: String = dialoguer::Input::new()
        .with_prompt(question)
        .allow_empty(true)
        .interact_text()
        .map_err(|e| Error::new(Kind::External, "cannot ask").because(e.to_string()))?;
    Ok(Some(typed.trim().to_owned()).filter(|typed| !typed.is_empty()))
}
