//! The one place where anything is asked: on a terminal only, with "no" as the default; elsewhere the flag to pass is named.
//! What was typed before a question could be read is no answer to it, and is thrown away.

use std::io::{BufRead, Read};

use orchestra::{Code, Error, Kind, Result, model::text, ops::agent_object::AgentObject};

use crate::{interrupt, output::Terminal};

/// Longest answer that is read, in bytes: what is longer is no "yes".
const ANSWER: u64 = 4096;

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
        return Err(Error::new(Code::ArgumentMissing, "no agent named").hint(instead));
    }
    if agents.is_empty() {
        return Err(
            Error::new(Code::AgentUnknown, "there is no such agent").hint("git orchestra status --all")
        );
    }
    let items: Vec<String> = agents
        .iter()
        .map(|agent| format!("{}  {}  {}", agent.id, agent.phase.as_str(), text::cut(&agent.title, 60)))
        .collect();
    forget_typed();
    let select = dialoguer::Select::new().with_prompt(question).items(&items).default(items.len() - 1);
    let picked = interrupt::while_asking(|| select.interact_opt())
        .map_err(|e| Error::new(Kind::External, "cannot ask").because(e.to_string()))?;
    picked
        .and_then(|at| agents.get(at))
        .map(|agent| agent.id.to_string())
        .ok_or_else(|| Error::new(Code::Declined, "no agent picked"))
}

/// Lets the user choose one of several; the first is the default. `None`: they chose none.
///
/// # Errors
/// Nobody can be asked (2).
pub fn choose(terminal: &Terminal, question: &str, choices: &[&str]) -> Result<Option<usize>> {
    if !terminal.can_ask() {
        return Err(Error::new(Code::ArgumentMissing, "nobody can be asked here"));
    }
    forget_typed();
    let select = dialoguer::Select::new().with_prompt(question).items(choices).default(0);
    interrupt::while_asking(|| select.interact_opt())
        .map_err(|e| Error::new(Kind::External, "cannot ask").because(e.to_string()))
}

/// Asks a question that is answered by `y` or `yes` on a line of its own. Any other line, and the end of the input, are no.
/// `instead` says what to type where nobody can be asked.
///
/// # Errors
/// Nobody can be asked (3).
pub fn confirm(terminal: &Terminal, question: &str, instead: &str) -> Result<bool> {
    if !terminal.can_ask() {
        return Err(Error::new(Code::ConfirmationNeeded, format!("nobody can be asked here: {question}"))
            .hint(instead));
    }
    forget_typed();
    terminal.question(&format!("{question} [y/N] "));
    let mut line = Vec::new();
    let read = interrupt::while_asking(|| std::io::stdin().lock().take(ANSWER).read_until(b'\n', &mut line));
    read.map_err(|e| Error::new(Kind::External, "cannot ask").because(e))?;
    if !line.ends_with(b"\n") {
        terminal.say("");
    }
    Ok(agrees(&line))
}

/// Whether a line agrees. One that the end of the input cuts off does not.
fn agrees(line: &[u8]) -> bool {
    let Some(line) = line.strip_suffix(b"\n") else { return false };
    let answer = line.trim_ascii();
    answer.eq_ignore_ascii_case(b"y") || answer.eq_ignore_ascii_case(b"yes")
}

/// Throws away what was typed so far.
fn forget_typed() {
    // It fails where there is no terminal: nothing was typed there.
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
}

/// Lets the user type a line; `None` where it is empty.
///
/// # Errors
/// The terminal is gone.
pub fn line(question: &str) -> Result<Option<String>> {
    forget_typed();
    let input = dialoguer::Input::new().with_prompt(question).allow_empty(true);
    let typed: String = interrupt::while_asking(|| input.interact_text())
        .map_err(|e| Error::new(Kind::External, "cannot ask").because(e.to_string()))?;
    Ok(Some(typed.trim().to_owned()).filter(|typed| !typed.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_line_of_yes_agrees() {
        for line in ["y\n", "yes\n", "Y\n", "YES\r\n", " yes \n"] {
            assert!(agrees(line.as_bytes()), "{line:?}");
        }
        for line in [
            "",
            "y",
            "yes",
            "\n",
            "n\n",
            "no\n",
            "yy\n",
            "git log; say hello\n",
            "y n\n",
            "\u{1b}y\n",
            "yes, but\n",
            "ja\n",
        ] {
            assert!(!agrees(line.as_bytes()), "{line:?}");
        }
    }
}
