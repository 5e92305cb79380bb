//! Prints the report of `collect`.

use orchestra::{
    Result,
    model::{Liveness, quote, text},
    ops::{
        agent_object::{AgentObject, surroundings},
        collect::{self, CollectOutcome, CollectedAgent, SHARED_REFS},
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, agents, context, here, humanize, json, landings, names, pull_requests,
};

use super::cli::Cli;

/// The number of left-out files that are listed; more are only counted.
const MAX_LEFT_OUT: usize = 5;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    let mut request = cli.request();
    names::meant(terminal, &repo, &mut request.agents)?;
    let report = collect::run(&context::interruptible(terminal)?, &repo, &request)?;
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    for summary in &report.agents {
        if let Some(why) = &summary.failure {
            terminal.warn(&format!("'{}' could not be saved: {why}", summary.agent.id));
        }
    }
    let exit = report.failed.map_or(Exit::Done, |code| Exit::Failed(code.kind()));
    if cli.json {
        json::print_answer(terminal, wire::COLLECT, &report)?;
        return Ok(exit);
    }
    agents::warn_unreadable(terminal, &report.unreadable);
    if report.agents.is_empty() && report.unreadable.is_empty() {
        terminal.eprintln("no agents");
    }
    for summary in &report.agents {
        terminal.print(&format!("{}\n", agents::line(&summary.agent, terminal.painter())));
        for (name, value) in facts(summary) {
            terminal.print(&format!("  {name:<9} {value}\n"));
        }
    }
    if let Some(file) = &report.bundle {
        terminal.eprintln(&format!("wrote '{}'", file.display()));
        let refspec = format!("{SHARED_REFS}*:{SHARED_REFS}*");
        terminal.hint_command(&[&"git", &"fetch", &"--", file, &refspec]);
    }
    Ok(exit)
}

/// Formats the number of attempts and how long they ran. When an attempt ended does not tell that: one that was paused ends again, long
/// after, when its agent is stopped.
fn attempts(agent: &AgentObject) -> String {
    if agent.ended_at.is_none() || agent.started_at.is_none() && agent.ran_seconds == 0 {
        return agent.attempt.to_string();
    }
    let ran = humanize::age(i64::try_from(agent.ran_seconds).unwrap_or(i64::MAX));
    format!("{}, {ran} at work", agent.attempt)
}

fn facts(summary: &CollectedAgent) -> Vec<(&'static str, String)> {
    let agent = &summary.agent;
    let mut facts = vec![("task", agent.title.clone()), ("saved", saved(summary))];
    facts.push(("attempts", attempts(agent)));
    if let Some(cost) = agent.cost_micros() {
        let tokens = agent.input_tokens.zip(agent.output_tokens);
        let tokens = tokens
            .map_or_else(String::new, |(read, written)| format!("; {read} tokens read, {written} written"));
        facts.push(("cost", format!("{}{tokens}", agents::dollars(cost))));
    }
    facts.extend(agent.unfinished.as_ref().map(|what| ("unfinished", what.clone())));
    facts.extend(agent.head.as_ref().map(|head| ("head", head.to_string())));
    facts.extend(landings::place(agent).map(|place| ("landed", place)));
    facts.extend(pull_requests::place(agent).map(|place| ("published", place)));
    let around = surroundings::warnings(&agent.surroundings);
    facts.extend((!around.is_empty()).then(|| ("warning", surroundings::summary(&around))));
    for left in summary.not_taken.iter().take(MAX_LEFT_OUT) {
        facts.push(("left out", format!("{} ({})", text::safe(&left.path), text::safe(&left.why))));
    }
    let more = agent.left_out.saturating_sub(summary.not_taken.len().min(MAX_LEFT_OUT) as u64);
    facts.extend((more > 0).then(|| ("left out", format!("{more} more"))));
    if let Some((first, others)) = summary.ignored.split_first() {
        let more = others.len() as u64 + summary.ignored_more;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        facts.push(("ignored", format!("{}{more} (only in its worktree)", text::one_line(first, 100))));
    }
    if agent.liveness == Liveness::Ended {
        let place = agent.worktree.as_ref().map(|path| format!("{} && ", quote::command(&[&"cd", path])));
        let by_hand =
            place.zip(summary.by_hand.as_ref()).map(|(cd, command)| format!(", or by hand: {cd}{command}"));
        facts.push(("resume", format!("git orchestra resume {}{}", agent.id, by_hand.unwrap_or_default())));
    }
    facts
}

fn saved(summary: &CollectedAgent) -> String {
    let id = &summary.agent.id;
    match summary.saved {
        CollectOutcome::Snapshot => {
            format!("a snapshot of its worktree: refs/orchestra-local/snapshots/{id}")
        }
        CollectOutcome::Taken => "changes made since it ended were added to its work".to_owned(),
        CollectOutcome::Nothing => "nothing to save; its work is complete".to_owned(),
        CollectOutcome::WorktreeGone => {
            "nothing; its worktree is gone, and its work is what was saved before".to_owned()
        }
        CollectOutcome::Failed => {
            format!("failed; its work stays in its worktree (git orchestra collect {id} tries again)")
        }
        CollectOutcome::NotOurs if summary.agent.liveness == Liveness::Remote => {
            "by its own clone".to_owned()
        }
        CollectOutcome::NotOurs => {
            format!("nothing; its supervisor died: git orchestra stop {id} saves its work")
        }
    }
}
