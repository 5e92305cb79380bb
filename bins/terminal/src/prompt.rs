//! Asks the user, on a terminal only and with "no" as the default; without a terminal, the error names the
//! option to pass. Input that was typed before a question appeared does not answer it, and is discarded.

use std::io::{BufRead, Read};

use orchestra::{Code, Error, Kind, Result, model::text, ops::agent_object::AgentObject};

use crate::{interrupt, output::Terminal, picker};

/// The longest answer that is read, in bytes: anything longer is not "yes".
const MAX_ANSWER: u64 = 4096;
/// The fewest rows on which a list to move in is shown: the question, one entry, and the cursor.
const MIN_ROWS: usize = 3;

/// Lets the user pick one of several agents. `alternatives` are the commands to type where the user cannot be
/// asked.
///
/// # Errors
/// No terminal to ask on (2), there is none, or the user picked none.
pub fn pick_agent(
    terminal: &Terminal,
    question: &str,
    agents: &[AgentObject],
    alternatives: &[&str],
) -> Result<String> {
    if !terminal.can_ask() {
        let missing = Error::new(Code::ArgumentMissing, "which agent?");
        return Err(alternatives.iter().fold(missing, |error, one| error.hint(*one)));
    }
    if agents.is_empty() {
        return Err(
            Error::new(Code::AgentUnknown, "no agent to choose from").hint("git orchestra status --all")
        );
    }
    let items: Vec<String> = agents
        .iter()
        .map(|agent| format!("{}  {}  {}", agent.id, agent.phase.as_str(), text::truncate(&agent.title, 60)))
        .collect();
    select(terminal, question, &items, items.len().saturating_sub(1))?
        .and_then(|at| agents.get(at))
        .map(|agent| agent.id.to_string())
        .ok_or_else(|| Error::new(Code::Declined, "no agent picked"))
}

/// Lets the user choose one of several options; the first is the default. `None`: they chose none.
///
/// # Errors
/// The user cannot be asked (2).
pub fn choose(terminal: &Terminal, question: &str, choices: &[&str]) -> Result<Option<usize>> {
    if !terminal.can_ask() {
        return Err(Error::new(
            Code::ArgumentMissing,
            "a choice is needed, but there is no terminal to ask on",
        ));
    }
    select(terminal, question, choices, 0)
}

/// Shows a list to move in; on a terminal that is too low for it, a numbered one. `None`: none was picked.
fn select<T: std::fmt::Display>(
    terminal: &Terminal,
    question: &str,
    items: &[T],
    default: usize,
) -> Result<Option<usize>> {
    discard_input();
    if usize::from(dialoguer::console::Term::stderr().size().0) < MIN_ROWS {
        for (number, item) in (1..).zip(items) {
            terminal.eprintln(&format!("{number}  {item}"));
        }
        terminal.question(&format!("{question} [1-{}] ", items.len()));
        let line = read_line(terminal)?;
        return Ok(number_on(&line, items.len()));
    }
    interrupt::while_asking(|| picker::pick(question, items, default))
        .map_err(|e| Error::new(Kind::External, "cannot read the answer").because(e.to_string()))
}

/// Returns the position in a list that the number on a line names.
fn number_on(line: &[u8], length: usize) -> Option<usize> {
    let number: usize = std::str::from_utf8(line).ok()?.trim().parse().ok()?;
    number.checked_sub(1).filter(|at| *at < length)
}

/// Reads the answer to a question that is shown.
fn read_line(terminal: &Terminal) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    let read =
        interrupt::while_asking(|| std::io::stdin().lock().take(MAX_ANSWER).read_until(b'\n', &mut line));
    read.map_err(|e| Error::new(Kind::External, "cannot read the answer").because(e))?;
    if !line.ends_with(b"\n") {
        terminal.eprintln("");
    }
    Ok(line)
}

/// What a line says to a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// `y` or `yes`.
    Yes,
    /// `n` or `no`.
    No,
    /// Anything else, and the end of the input: it agrees to nothing, and is no decision.
    Neither,
}

/// Asks a question, which `y` or `yes` on a line of its own answers with yes. Any other line, and the end
/// of the input, mean no. `alternative` is what to type where the user cannot be asked.
///
/// # Errors
/// The user cannot be asked (3).
pub fn confirm(terminal: &Terminal, question: &str, alternative: &str) -> Result<bool> {
    answer(terminal, question, alternative).map(|answer| answer == Answer::Yes)
}

/// Like [`confirm`], and distinguishes a `no` that was typed from no answer.
///
/// # Errors
/// As there.
pub fn answer(terminal: &Terminal, question: &str, alternative: &str) -> Result<Answer> {
    if !terminal.can_ask() {
        return Err(Error::new(
            Code::ConfirmationNeeded,
            format!("confirmation needed, but there is no terminal to ask on: {question}"),
        )
        .hint(alternative));
    }
    discard_input();
    terminal.question(&format!("{question} [y/N] "));
    Ok(Answer::of(&read_line(terminal)?))
}

impl Answer {
    /// Reads a line. One without a line break, at the end of the input, is no answer.
    fn of(line: &[u8]) -> Self {
        let answer = line.strip_suffix(b"\n").unwrap_or_default().trim_ascii();
        let is = |words: [&str; 2]| words.iter().any(|word| answer.eq_ignore_ascii_case(word.as_bytes()));
        match (is(["y", "yes"]), is(["n", "no"])) {
            (true, _) => Self::Yes,
            (_, true) => Self::No,
            (false, false) => Self::Neither,
        }
    }
}

/// Discards the input that was typed so far.
fn discard_input() {
    // It fails if stdin is not a terminal: nothing was typed there.
    let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
}

/// Lets the user type a line; `None` if it is empty.
///
/// # Errors
/// The terminal is gone.
pub fn line(question: &str) -> Result<Option<String>> {
    discard_input();
    let input = dialoguer::Input::new().with_prompt(question).allow_empty(true);
    let typed: String = interrupt::while_asking(|| input.interact_text())
        .map_err(|e| Error::new(Kind::External, "cannot read the answer").because(e.to_string()))?;
    Ok(Some(typed.trim().to_owned()).filter(|typed| !typed.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_on_a_line_picks_one_of_a_list() {
        for (line, picked) in [
            ("1\n", Some(0)),
            (" 3 \r\n", Some(2)),
            ("0\n", None),
            ("4\n", None),
            ("\n", None),
            ("", None),
            ("1 2\n", None),
            ("99999999999999999999999\n", None),
        ] {
            assert_eq!(number_on(line.as_bytes(), 3), picked, "{line:?}");
        }
    }

    #[test]
    fn only_a_whole_line_is_an_answer() {
        for line in ["y\n", "yes\n", "Y\n", "YES\r\n", " yes \n"] {
            assert_eq!(Answer::of(line.as_bytes()), Answer::Yes, "{line:?}");
        }
        for line in ["n\n", "NO\n", " no \r\n"] {
            assert_eq!(Answer::of(line.as_bytes()), Answer::No, "{line:?}");
        }
        for line in [
            "",
            "y",
            "yes",
            "\n",
            "n",
            "yy\n",
            "not\n",
            "git log; say hello\n",
            "y n\n",
            "\u{1b}y\n",
            "yes, but\n",
            "ja\n",
        ] {
            assert_eq!(Answer::of(line.as_bytes()), Answer::Neither, "{line:?}");
        }
    }
}
