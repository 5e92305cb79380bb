//! Prints the report of `decide`: the open gates with their options, the agents that ask, and what became of an answer.

use orchestra::{
    Result,
    model::{
        quote,
        run::{GateKind, GateOption},
        text,
        via::Via,
    },
    ops::{
        decide::{self, Answered, Report, RunDriver, WaitingRun},
        gate_object::{AnswerStanding, OpenGate},
    },
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, context, humanize, json};

use super::cli::Cli;

/// The maximum width of a text from the run, in columns.
const MAX_TEXT: usize = 300;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    let report = decide::run(&context::interruptible(terminal)?, &repo, &cli.request()?)?;
    if cli.json {
        json::print_answer(terminal, wire::DECIDE, &report)?;
        return Ok(Exit::Done);
    }
    match &report.answered {
        Some(answered) => told(terminal, answered),
        None => show(terminal, &report),
    }
    Ok(Exit::Done)
}

fn show(terminal: &Terminal, report: &Report) {
    for run in &report.runs {
        let title = text::one_line(&run.title, MAX_TEXT);
        terminal.print(&format!("run {}: {title}{}\n", run.run, drives(run)));
        for gate in &run.gates {
            terminal.print(&lines(gate));
        }
    }
    for agent in &report.agents {
        let asks = agent.waiting.as_deref().or(agent.cap.as_ref().map(|cap| cap.sentence.as_str()));
        terminal.print(&format!(
            "agent {} asks: {}\n",
            agent.id,
            text::one_line(asks.unwrap_or("-"), MAX_TEXT)
        ));
    }
    let gates: usize = report.runs.iter().map(|run| run.gates.len()).sum();
    if gates == 0 && report.agents.is_empty() {
        terminal.eprintln("nothing waits for a person");
        return;
    }
    let unanswered = |run: &WaitingRun| run.gates.iter().position(|gate| !is_answered(gate));
    if let Some((run, at)) = report.runs.iter().find_map(|run| Some((run, unanswered(run)?))) {
        let gate = &run.gates[at];
        let run_word = if report.runs.len() == 1 { String::new() } else { format!("{} ", run.run) };
        let option = gate.options.first().map_or("OPTION", String::as_str);
        terminal.hint(&format!("git orchestra decide {run_word}{} {option}", gate.gate));
    }
    for run in report.runs.iter().filter(|run| unanswered(run).is_none()) {
        what_takes_it(terminal, &run.run, run.driver);
    }
    for agent in &report.agents {
        terminal.hint(&format!("git orchestra send {} --allow", agent.id));
        terminal.hint(&format!("git orchestra send {} --deny", agent.id));
    }
}

/// Returns whether the clone that drives the run has an answer to take; another one would be refused.
fn is_answered(gate: &OpenGate) -> bool {
    gate.answers.iter().any(|answer| answer.standing == AnswerStanding::Waits)
}

/// Hints at what makes the clone that drives a run take the answers.
fn what_takes_it(terminal: &Terminal, run: &str, driver: RunDriver) {
    match driver {
        RunDriver::Here => {}
        RunDriver::Nobody => terminal.hint_command(&[&"git", &"orchestra", &"run", &"--continue", &run]),
        RunDriver::Elsewhere => terminal.hint("git orchestra sync"),
    }
}

fn drives(run: &WaitingRun) -> String {
    match (run.driver, &run.label) {
        (RunDriver::Elsewhere, Some(label)) => format!(" (in clone {})", text::one_line(label, MAX_TEXT)),
        (RunDriver::Elsewhere, None) => " (in another clone)".to_owned(),
        _ => String::new(),
    }
}

/// Formats a gate with its options, one line each.
fn lines(gate: &OpenGate) -> String {
    let task = gate.task.as_ref().map_or_else(String::new, |task| format!(", task {}", text::safe(task)));
    let says = gate.says.as_deref().unwrap_or("-");
    // A reason that begins with the kind would say it twice.
    let says = says.strip_prefix(&format!("{}: ", gate.kind)).unwrap_or(says);
    let mut lines =
        format!("  gate {}, {}{task}: {}\n", gate.gate, gate.kind, text::one_line(says, MAX_TEXT));
    for option in &gate.options {
        let kind = GateKind::parse(&gate.kind);
        let meaning = GateOption::parse(option).and_then(|option| kind.meaning(option)).unwrap_or_default();
        lines.push_str(&format!("    {option:<8}{meaning}\n"));
    }
    if let Some(worktree) = &gate.worktree {
        lines.push_str(&format!("    worktree {}\n", quote::word(worktree.display().to_string())));
    }
    if let (Some(deadline), Some(default)) = (gate.deadline, &gate.default) {
        let (default, until) = (text::safe(default), humanize::clock_time(deadline));
        lines.push_str(&format!("    if nobody answers before {until}: {default}\n"));
    }
    for answer in &gate.answers {
        let standing = match answer.standing {
            AnswerStanding::NotTrusted => ", which is not trusted here",
            _ => "",
        };
        let (option, writer, via) = (&answer.option, &answer.writer, Via::after(answer.via));
        lines.push_str(&format!("    answered {option} by clone {writer}{via}{standing}\n"));
        if let Some(note) = &answer.note {
            lines.push_str(&format!("      {}\n", text::one_line(note, MAX_TEXT)));
        }
    }
    lines
}

fn told(terminal: &Terminal, answered: &Answered) {
    let Answered { run, gate, option, .. } = answered;
    let again = if answered.repeated { ", as before" } else { "" };
    if answered.standing == AnswerStanding::Heeded {
        terminal.eprintln(&format!("gate {gate} of run {run} is closed: '{option}' counted{again}"));
        return;
    }
    terminal.eprintln(&format!("answered '{option}' at gate {gate} of run {run}{again}"));
    what_takes_it(terminal, run, answered.driver);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_a_run_a_gate_and_an_option() {
        use clap::Parser as _;
        let read = |words: &[&str]| {
            let cli = Cli::try_parse_from(["decide"].iter().chain(words)).unwrap();
            let request = cli.request().map_err(|error| error.one_line())?;
            Ok::<_, String>((request.run, request.gate, request.option))
        };
        let text = |word: &str| Some(word.to_owned());
        assert_eq!(read(&[]), Ok((None, None, None)));
        assert_eq!(read(&["x7k"]), Ok((text("x7k"), None, None)));
        assert_eq!(read(&["x7k", "2"]), Ok((text("x7k"), Some(2), None)));
        assert_eq!(read(&["2", "skip"]), Ok((None, Some(2), text("skip"))));
        assert_eq!(read(&["x7k", "2", "skip"]), Ok((text("x7k"), Some(2), text("skip"))));
        assert!(read(&["x7k", "two", "skip"]).unwrap_err().contains("'two' is not the number of a gate"));
        assert!(read(&["x7k", "-m", "why"]).is_err() && read(&["x7k", "0"]).is_err());
    }
}
