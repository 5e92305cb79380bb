//! Formats agents as tables and lines, and prints warnings about them.

use orchestra::{
    model::{Liveness, Permission, Phase, lineage, setup, text},
    ops::{
        agent_object::{AgentObject, DidNotLand, RoleUse, TeamObject, WorktreeState, surroundings},
        status::{MAX_COUNT, Unreadable},
    },
};

pub use crate::caps::dollars;
use crate::{
    caps, here, humanize, landings, limits,
    output::Terminal,
    pull_requests, request_view,
    style::{Painter, Role, role_of},
    table::{self, Column, TableCell},
};

/// The age in seconds from which a count is shown with its age.
const FRESH: i64 = 5;
/// The number of agents that a warning names; more are only counted.
const MAX_NAMED: usize = 3;
/// The memory of an agent from which on the table shows it, in bytes.
const MUCH_MEMORY: u64 = 64 * 1024 * 1024;

/// How deep an agent is shown at most below those that started it.
const MAX_INDENT: usize = 6;

/// Draws a table of agents, each below the one that started it. The columns COST and DENIED are shown if any agent has a value for them, MEMORY if any uses much.
pub fn draw(agents: &[AgentObject], width: Option<usize>, painter: &Painter) -> String {
    draw_rows(agents, false, width, painter)
}

/// As [`draw`]; with `numbered`, the first column is the number of the row.
pub fn draw_rows(agents: &[AgentObject], numbered: bool, width: Option<usize>, painter: &Painter) -> String {
    let now = here::environment().now().as_second();
    let costs = agents.iter().any(|agent| agent.cost_usd.is_some());
    let denials = agents.iter().any(|agent| agent.denials.is_some_and(|denials| denials > 0));
    let memory = agents.iter().any(|agent| agent.memory_bytes.is_some_and(|bytes| bytes >= MUCH_MEMORY));
    let mut columns = vec![
        Column::new("AGENT").cut_in_middle(),
        Column::new("PHASE"),
        Column::new("TIME").hidden_at(5),
        Column::new("ENDED").hidden_at(6),
        Column::new("COMMITS").hidden_at(2),
        Column::new("CHANGES").hidden_at(3),
        Column::new("DIRTY").hidden_at(1),
    ];
    columns.extend(costs.then_some(Column::new("COST").hidden_at(7)));
    columns.extend(denials.then_some(Column::new("DENIED").hidden_at(4)));
    columns.extend(memory.then_some(Column::new("MEMORY").hidden_at(1)));
    columns.push(Column::new("NOW").cut_at_end());
    if numbered {
        columns.insert(0, Column::new("#"));
    }
    let born =
        |agent: &'_ AgentObject| (agent.id.to_string(), agent.parent.as_ref().map(ToString::to_string));
    let born: Vec<(String, Option<String>)> = agents.iter().map(born).collect();
    let born: Vec<_> = born.iter().map(|(id, parent)| (id.as_str(), parent.as_deref())).collect();
    let depths = lineage::depths(&born);
    let row = |(at, agent): (usize, &AgentObject)| {
        let mut row = row(agent, now);
        let depth = depths.get(at).copied().unwrap_or_default().min(MAX_INDENT);
        if depth > 0 {
            row[0] = TableCell::new(format!("{}{}", "  ".repeat(depth), agent.id));
        }
        if numbered {
            row.insert(0, table::row_number(at));
        }
        row.extend(costs.then(|| TableCell::number(cost(agent))));
        row.extend(denials.then(|| TableCell::number(or_dash(agent.denials))));
        let used = || agent.memory_bytes.map_or_else(|| "-".to_owned(), humanize::size);
        row.extend(memory.then(|| TableCell::number(used())));
        let role = if agent.liveness == Liveness::Ended { Role::Faint } else { Role::Plain };
        row.push(TableCell::role(activity(agent), role).with_ends(agent.waiting.is_some()));
        row
    };
    let rows: Vec<Vec<TableCell>> = agents.iter().enumerate().map(row).collect();
    table::draw(&columns, &rows, width, painter)
}

fn row(agent: &AgentObject, now: i64) -> Vec<TableCell> {
    vec![
        TableCell::new(&agent.id),
        TableCell::role(phase(agent), role_of(agent.phase, agent.liveness)),
        TableCell::number(time(agent, now)),
        TableCell::number(ended(agent, now)),
        TableCell::number(or_dash(agent.commits)),
        TableCell::number(changes(agent)),
        TableCell::number(dirty(agent, now)),
    ]
}

fn or_dash(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// Formats what the roles of a team used, such as `architect 900 tokens, $0.02; coder 12000 tokens, $0.31`.
pub fn used_by_roles(team: &TeamObject) -> String {
    let one = |used: &RoleUse| {
        let tokens =
            [used.input_tokens, used.output_tokens].into_iter().flatten().reduce(u64::saturating_add);
        let cost = used.cost_usd.map(|cost| caps::dollars(cost.micros()));
        let all: Vec<String> =
            tokens.map(|tokens| format!("{tokens} tokens")).into_iter().chain(cost).collect();
        text::safe(&format!("{} {}", used.role, all.join(", "))).into_owned()
    };
    team.known_use().map(one).collect::<Vec<_>>().join("; ")
}

/// Formats the cost of an agent in US dollars, or `-` if it is unknown.
pub fn cost(agent: &AgentObject) -> String {
    agent.cost_micros().map_or_else(|| "-".to_owned(), caps::dollars)
}

/// Formats the phase, with `lost`, `remote` or `bypass` where one of them applies.
pub fn phase(agent: &AgentObject) -> String {
    let word = match &agent.check {
        Some(check) if agent.phase == Phase::Done && check.holds() => "done (checked)",
        Some(check) if agent.phase == Phase::Done && check.outdated => "done (unchecked)",
        Some(check) if agent.phase == Phase::Failed && check.stuck => "failed (stuck)",
        _ if agent.phase == Phase::Failed && setup::is_failure(agent.reason.as_deref()) => "failed (setup)",
        Some(check) if agent.phase == Phase::Failed && check.failure.is_some() => "failed (check)",
        _ if agent.phase == Phase::Running && agent.stuck_turns.is_some() => "running (stuck)",
        _ => agent.phase.as_str(),
    };
    let working = agent.team.as_ref().and_then(|team| team.working(agent.phase));
    let word = working.map_or_else(|| word.to_owned(), |role| format!("{word} ({role})"));
    let bypasses = agent.permission_mode.as_deref() == Some(Permission::BypassPermissions.as_str());
    match agent.liveness {
        Liveness::Lost | Liveness::Remote => format!("{word}, {}", agent.liveness.as_str()),
        Liveness::Live | Liveness::Ended if bypasses => format!("{word}, bypass"),
        Liveness::Live | Liveness::Ended => word,
    }
}

/// Formats how long its attempts ran together, the one in progress included, or `-` before the first.
pub fn time(agent: &AgentObject, now: i64) -> String {
    let current = agent.started_at.filter(|_| agent.ended_at.is_none());
    if current.is_none() && agent.ran_seconds == 0 && agent.started_at.is_none() {
        return "-".to_owned();
    }
    let running = current.map_or(0, |since| (now - since.as_second()).max(0));
    humanize::age(running.saturating_add(i64::try_from(agent.ran_seconds).unwrap_or(i64::MAX)))
}

/// Formats how long ago its last attempt ended, or `-` unless it has.
fn ended(agent: &AgentObject, now: i64) -> String {
    let ended = agent.ended_at.filter(|_| agent.phase.is_at_rest());
    ended.map_or_else(|| "-".to_owned(), |at| format!("{} ago", humanize::age(now - at.as_second())))
}

fn changes(agent: &AgentObject) -> String {
    match (agent.files_changed, agent.insertions, agent.deletions) {
        (Some(0) | None, _, _) => "-".to_owned(),
        (Some(_), Some(plus), Some(minus)) => format!("+{plus} -{minus}"),
        (Some(files), _, _) => format!("{files} files"),
    }
}

/// Formats a number of agents, such as `1 agent` or `3 agents`.
pub fn count(agents: usize) -> String {
    text::count(agents as u64, "agent")
}

fn commits(count: u64) -> String {
    text::count(count, "commit")
}

/// Formats the number of uncommitted changes, with its age unless they were just counted; `?` if an agent that has not ended may
/// have some, but they were never counted.
pub fn dirty(agent: &AgentObject, now: i64) -> String {
    let is_open = matches!(agent.liveness, Liveness::Live | Liveness::Lost);
    let count = match agent.dirty {
        None if is_open && agent.worktree.is_some() => return "?".to_owned(),
        None => return "-".to_owned(),
        Some(count) if count >= MAX_COUNT => format!("{}+", MAX_COUNT - 1),
        Some(count) => count.to_string(),
    };
    let age = agent.dirty_at.map_or(0, |at| now - at.as_second());
    if age < FRESH { count } else { format!("{count} ({} ago)", humanize::age(age)) }
}

/// Formats what an agent does, what it waits for, or why it ended.
/// Says what an agent does or waits for; of one that has ended, how it ended.
pub fn activity(agent: &AgentObject) -> String {
    if let Some(held) = caps::held(agent) {
        return held;
    }
    if let Some(limited) = limits::limited(agent).filter(|_| agent.liveness != Liveness::Remote) {
        return limited;
    }
    if let Some(pid) = agent.attached_pid {
        return format!("attached by a person (pid {pid})");
    }
    if let Some(shortage) = &agent.shortage {
        return shortage.text.clone();
    }
    if let Some(waits) = agent.waits_for_others() {
        return waits;
    }
    if let Some(ahead) = agent.queue_position {
        return if ahead == 0 { "next".to_owned() } else { format!("{ahead} ahead") };
    }
    if agent.liveness == Liveness::Remote {
        return remote_state(agent);
    }
    let stale = agent.stale_base();
    let left = (agent.left_out > 0).then(|| format!("{} left out", agent.left_out));
    let main = match agent.liveness {
        _ if agent.waiting.is_some() => agent.waiting.clone(),
        Liveness::Ended => Some(end(agent)),
        _ => agent.activity.clone().or_else(|| agent.reason.clone()).or_else(|| Some(agent.title.clone())),
    };
    let landed = landings::landed(agent);
    let judged = agent.verdict.filter(|_| landed.is_none() && agent.verdict_current == Some(true));
    let judged = judged.map(|verdict| verdict.label().to_owned());
    let proposed = agent.proposed_verdict.as_ref().filter(|one| landed.is_none() && one.current);
    let proposed = proposed.map(|one| format!("{} {}", one.verdict.as_str(), proposed_by(&one.writer)));
    let not_landed = agent.did_not_land().map(did_not_land);
    let published = pull_requests::state(agent).filter(|_| landed.is_none());
    [not_landed, landed, published, judged, proposed, stale, main, left]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

/// Returns whether the reason of an end already says what the agent said last.
fn repeats(reason: &str, last_words: &str) -> bool {
    reason.contains(last_words.trim_end_matches('…'))
}

/// Formats why an agent is in its last phase and what it said last; without both, its task.
fn end(agent: &AgentObject) -> String {
    match (agent.reason.as_deref(), last_words(agent)) {
        (Some(reason), Some(words)) => format!("{reason}; {words}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => agent.title.clone(),
    }
}

/// Returns how to save the files of an agent that could not be saved; `None`: they were, or there is nothing to save.
pub fn how_to_save(agent: &AgentObject) -> Option<String> {
    let is_there = agent.worktree_state.is_some_and(|state| state != WorktreeState::Missing);
    let is_unsaved = agent.unsaved.is_some() && is_there;
    is_unsaved.then(|| format!("git orchestra collect {} tries again to save its work", agent.id))
}

/// Returns the word for a worktree that is not where it should be.
pub const fn worktree_state(state: WorktreeState) -> Option<&'static str> {
    match state {
        WorktreeState::Here => None,
        WorktreeState::Missing => Some("missing"),
        WorktreeState::Moved => Some("moved"),
        WorktreeState::AnotherRepository => Some("of another repository"),
    }
}

/// Formats why work did not land, such as `set aside: conflicts with b1 in lines.txt`.
pub fn did_not_land(one: &DidNotLand) -> String {
    let word = if one.check.is_some() { "did not land" } else { "set aside" };
    format!("{word}: {}", one.why)
}

/// Formats the origin of a verdict that does not count: the clone, since a name can be forged.
pub fn proposed_by(writer: &str) -> String {
    format!("proposed by clone {}, not trusted", text::one_line(writer, 40))
}

/// Formats in which clone an agent is, and how old that information is.
fn remote_state(agent: &AgentObject) -> String {
    let clone = agent.label.as_deref().unwrap_or(&agent.writer);
    let age = here::environment().now().as_second() - agent.told_at.as_second();
    let what = agent.waiting.as_ref().or(agent.reason.as_ref()).unwrap_or(&agent.title);
    format!("in clone {clone}, updated {} ago; {what}", humanize::age(age))
}

/// Warns about agents that need attention, with the command to type.
pub fn warn(terminal: &Terminal, agents: &[AgentObject]) {
    for agent in agents.iter().filter(|agent| agent.liveness == Liveness::Lost) {
        let id = &agent.id;
        let orphans: Vec<String> = agent.orphans.iter().map(ToString::to_string).collect();
        let running = match orphans.len() {
            0 => "none of its processes is running".to_owned(),
            1 => format!("1 of its processes is still running: {}", orphans[0]),
            many => format!("{many} of its processes are still running: {}", orphans.join(", ")),
        };
        terminal.warn(&format!("the supervisor of '{id}' died; {running}"));
        let resumes = match agent.designer {
            true => format!("'git orchestra designer --continue={id}' continues it"),
            false => format!("'git orchestra resume {id}' resumes it"),
        };
        terminal.hint(&format!("{resumes}, 'git orchestra stop {id}' saves its work and ends it"));
    }
    for agent in agents.iter().filter(|agent| agent.liveness == Liveness::Live) {
        if let Some(held) = caps::held(agent) {
            terminal.warn(&format!("'{}' {held}", agent.id));
            let answer =
                format!("git orchestra send {} --allow raises the cap, --deny ends the agent", agent.id);
            terminal.hint(&answer);
        }
        if agent.waiting.is_some() {
            terminal.warn(&format!("'{}' waits for an answer: {}", agent.id, request_view::listed(agent)));
            terminal.hint(&answer_command(agent));
            if !agent.choice {
                terminal.hint(&format!("git orchestra send {} --deny -m 'why'", agent.id));
            }
        }
    }
    let mut near: Vec<String> = agents.iter().filter_map(limits::near).collect();
    near.extend(agents.iter().filter_map(caps::near));
    near.sort_unstable();
    near.dedup();
    for warning in near {
        terminal.warn(&warning);
    }
    warn_of_surroundings(terminal, agents);
    for agent in agents {
        for (sentence, hint) in agent.other_work.iter().map(|other| other.sentence(&agent.id)) {
            terminal.warn(&sentence);
            hint.iter().for_each(|hint| terminal.hint(hint));
        }
    }
    for agent in agents.iter().filter(|agent| agent.conflicts > 0) {
        let contradict = if agent.conflicts == 1 { "event contradicts" } else { "events contradict" };
        terminal.warn(&format!("{} {contradict} others of '{}'", agent.conflicts, agent.id));
    }
}

/// Warns about agents that cannot be read, and hints at how to repair them.
pub fn warn_unreadable(terminal: &Terminal, unreadable: &[Unreadable]) {
    for one in unreadable {
        terminal.warn(&text::safe(&one.sentence()));
        if let Some(remedy) = &one.remedy {
            terminal.hint(&text::safe(remedy));
        }
    }
}

/// Warns once about all agents whose work has not landed and during whose run something unexplained changed
/// outside their worktrees.
fn warn_of_surroundings(terminal: &Terminal, agents: &[AgentObject]) {
    let (mut ids, mut what): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for agent in agents.iter().filter(|agent| agent.merged != Some(true)) {
        let warnings = surroundings::warnings(&agent.surroundings);
        if !warnings.is_empty() {
            ids.push(&agent.id);
        }
        for warning in warnings {
            if !what.contains(&warning) {
                what.push(warning);
            }
        }
    }
    let Some(first) = ids.first() else { return };
    terminal.warn(&format!("while {} ran: {}", list_of(&ids, "agent"), surroundings::summary(&what)));
    terminal.hint_command(&[&"git", &"orchestra", &"status", first]);
}

/// Formats a list of ids, such as `'a', 'b', 'c' and 3 more agents`.
pub fn list_of(ids: &[&str], what: &str) -> String {
    let quoted: Vec<String> = ids.iter().take(MAX_NAMED).map(|id| format!("'{id}'")).collect();
    match ids.len().saturating_sub(MAX_NAMED) {
        0 => quoted.join(", "),
        more => format!("{} and {}", quoted.join(", "), text::count(more as u64, &format!("more {what}"))),
    }
}

/// Returns the command that answers a waiting agent.
pub fn answer_command(agent: &AgentObject) -> String {
    let id = &agent.id;
    if agent.choice {
        format!("git orchestra send {id} 'your choice'")
    } else {
        format!("git orchestra send {id} --allow")
    }
}

/// Formats an agent as one line, for a change that a watcher sees: as [`result`], with its last words.
pub fn line(agent: &AgentObject, painter: &Painter) -> String {
    let words = last_words(agent).map_or_else(String::new, |words| format!("; {words}"));
    format!("{}{words}", result(agent, painter))
}

/// Returns what an agent that has ended said last, unless the reason of its end says the same.
pub fn last_words(agent: &AgentObject) -> Option<&str> {
    let is_said = |words: &str| agent.reason.as_ref().is_some_and(|reason| repeats(reason, words));
    agent.last_words.as_deref().filter(|words| agent.phase.is_at_rest() && !is_said(words))
}

/// Formats an agent as one line: its phase, with what it made if it has ended.
pub fn result(agent: &AgentObject, painter: &Painter) -> String {
    let phase = painter.as_role(role_of(agent.phase, agent.liveness), &phase(agent));
    let mut about: Vec<String> = Vec::new();
    if agent.phase.is_at_rest() {
        if agent.commits.unwrap_or(0) > 0 {
            about.push(format!("{}, {}", commits(agent.commits.unwrap_or(0)), changes(agent)));
        }
        about.extend(limits::limited(agent).or_else(|| agent.reason.clone()));
        about.extend(agent.waiting.as_ref().map(|_| answer_command(agent)));
        about.extend(agent.cost_usd.map(|_| cost(agent)));
        about.extend(agent.denials.filter(|denials| *denials > 0).map(|denials| format!("{denials} denied")));
    } else if agent.phase == Phase::Waiting {
        about.extend(agent.waiting.clone());
        about.push(answer_command(agent));
    } else if agent.phase == Phase::Starting {
        about.extend(agent.reason.clone());
    } else if agent.phase == Phase::Queued {
        about.push(
            caps::held(agent).or_else(|| limits::limited(agent)).unwrap_or_else(|| agent.title.clone()),
        );
    }
    let about = if about.is_empty() { String::new() } else { format!(": {}", about.join("; ")) };
    format!("{} {phase}{about}", agent.id)
}

/// Formats the number of agents in each phase, such as `3 done, 1 failed`.
pub fn summary(agents: &[AgentObject]) -> String {
    summary_of(&agents.iter().collect::<Vec<_>>())
}

/// As [`summary`], for some agents of a list.
pub fn summary_of(agents: &[&AgentObject]) -> String {
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
