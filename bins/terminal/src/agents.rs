//! Agents as a table, and what the user must know of them.

use orchestra::{
    model::{Liveness, Phase},
    ops::agent_object::AgentObject,
    worktree::dirt,
    world,
};

use crate::{
    output::Terminal,
    paint::{Paint, Role, role_of},
    table::{self, Text},
    when,
};

const HEADINGS: &[&str] = &["AGENT", "PHASE", "AGE", "COMMITS", "CHANGES", "DIRTY", "NOW"];

/// Draws the agents.
pub fn draw(agents: &[AgentObject], width: Option<usize>, paint: &Paint) -> String {
    let now = world::now().as_second();
    let rows = agents.iter().map(|agent| row(agent, now)).collect();
    table::draw(HEADINGS, rows, width, paint)
}

fn row(agent: &AgentObject, now: i64) -> Vec<Text> {
    vec![
        Text::new(&agent.id),
        Text::role(phase(agent), role_of(agent.phase, agent.liveness)),
        Text::number(when::age(age(agent, now))),
        Text::number(agent.commits.map_or_else(|| "-".to_owned(), |commits| commits.to_string())),
        Text::number(changes(agent)),
        Text::number(dirty(agent)),
        Text::role(doing(agent), if agent.liveness == Liveness::Ended { Role::Faint } else { Role::Plain }),
    ]
}

/// The phase, and what makes it less than it seems.
pub fn phase(agent: &AgentObject) -> String {
    let word = agent.phase.as_str();
    match agent.liveness {
        Liveness::Lost | Liveness::Remote => format!("{word}, {}", agent.liveness.as_str()),
        Liveness::Live | Liveness::Ended => word.to_owned(),
    }
}

/// Since when: the launch, else the spawn; up to now, or to the end.
fn age(agent: &AgentObject, now: i64) -> i64 {
    let seconds = |text: &Option<String>| text.as_ref().and_then(|at| world::seconds(at));
    let from = seconds(&agent.started_at).or_else(|| world::seconds(&agent.queued_at)).unwrap_or(now);
    let to = seconds(&agent.ended_at).unwrap_or(now);
    to - from
}

fn changes(agent: &AgentObject) -> String {
    match (agent.files_changed, agent.insertions, agent.deletions) {
        (Some(0) | None, _, _) => "-".to_owned(),
        (Some(_), Some(plus), Some(minus)) => format!("+{plus} -{minus}"),
        (Some(files), _, _) => format!("{files} files"),
    }
}

fn commits(count: u64) -> String {
    if count == 1 { "1 commit".to_owned() } else { format!("{count} commits") }
}

fn dirty(agent: &AgentObject) -> String {
    match agent.dirty {
        None => "-".to_owned(),
        Some(count) if count >= dirt::MOST => format!("{}+", dirt::MOST - 1),
        Some(count) => count.to_string(),
    }
}

/// What it does, or what became of it.
fn doing(agent: &AgentObject) -> String {
    if let Some(ahead) = agent.queue_position {
        return if ahead == 0 { "next".to_owned() } else { format!("{ahead} ahead") };
    }
    let left = (agent.left_out > 0).then(|| format!("{} left out", agent.left_out));
    let main = match agent.liveness {
        Liveness::Ended => agent.reason.clone().or_else(|| Some(agent.title.clone())),
        _ => agent.activity.clone().or_else(|| agent.reason.clone()).or_else(|| Some(agent.title.clone())),
    };
    [main, left].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Warns of agents that are not what they were meant to be, and says what to type.
pub fn warn(terminal: &Terminal, agents: &[AgentObject]) {
    for agent in agents.iter().filter(|agent| agent.liveness == Liveness::Lost) {
        let id = &agent.id;
        let orphans: Vec<String> = agent.orphans.iter().map(ToString::to_string).collect();
        let running = match orphans.len() {
            0 => "nothing of it runs any more".to_owned(),
            1 => format!("1 process of it still runs: {}", orphans[0]),
            many => format!("{many} processes of it still run: {}", orphans.join(", ")),
        };
        terminal.warn(&format!("the supervisor of '{id}' is gone; {running}"));
        terminal.hint(&format!("'git orchestra stop {id}' saves its work and ends it"));
    }
    for agent in agents.iter().filter(|agent| agent.conflicts > 0) {
        terminal.warn(&format!("{} facts about '{}' contradict each other", agent.conflicts, agent.id));
    }
}

/// One line for a change that a watcher sees.
pub fn line(agent: &AgentObject, paint: &Paint) -> String {
    let phase = paint.as_role(role_of(agent.phase, agent.liveness), &phase(agent));
    let mut about: Vec<String> = Vec::new();
    if agent.phase.is_terminal() {
        if agent.commits.unwrap_or(0) > 0 {
            about.push(format!("{}, {}", commits(agent.commits.unwrap_or(0)), changes(agent)));
        }
        about.extend(agent.reason.clone());
    } else if agent.phase == Phase::Queued {
        about.push(agent.title.clone());
    }
    let about = if about.is_empty() { String::new() } else { format!(": {}", about.join("; ")) };
    format!("{} {phase}{about}", agent.id)
}

/// `3 done, 1 failed`.
pub fn summary(agents: &[AgentObject]) -> String {
    let mut parts = Vec::new();
    for phase in Phase::ALL {
        let count =
            agents.iter().filter(|agent| agent.phase == phase && agent.liveness != Liveness::Lost).count();
        if count > 0 {
            parts.push(format!("{count} {}", phase.as_str()));
        }
    }
    let lost = agents.iter().filter(|agent| agent.liveness == Liveness::Lost).count();
    if lost > 0 {
        parts.push(format!("{lost} lost"));
    }
    parts.join(", ")
}
