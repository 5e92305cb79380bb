//! Composes what a window shows of agents that are watched: the table, a summary, and the first question that waits for an answer. Pure.

use orchestra::{model::text, ops::agent_object::AgentObject};

use crate::{
    agents, request_view,
    style::{Painter, Role},
};

/// The lines that the table and the summary need at least, next to a question: headings, one agent, a count of the others.
const LEAST_TABLE: usize = 4;

/// Returns lines of at most `columns` columns, fewer than `rows`, so that the line of the cursor below them is in the window as well.
/// Agents that wait come first; if there is no room for all agents, those that run are shown rather than those that ended.
pub(super) fn compose(agents: &[AgentObject], rows: usize, columns: usize, painter: &Painter) -> Vec<String> {
    let room = rows.saturating_sub(1).max(1);
    let question = question(agents, room.saturating_sub(LEAST_TABLE), columns);
    let mut shown: Vec<AgentObject> = agents.to_vec();
    shown.sort_by_key(|agent| agent.waiting.is_none());
    let mut lines = table(&shown, columns, painter);
    // The summary is a line of its own.
    let room_for_table = room.saturating_sub(question.len() + 1);
    if lines.len() > room_for_table {
        // One more line counts the others, and another one may say that columns are hidden.
        let others = lines.len() - shown.len() + 1;
        let kept = room_for_table.saturating_sub(others).clamp(1, shown.len().max(1));
        shown.sort_by_key(|agent| (agent.waiting.is_none(), agent.phase.is_terminal()));
        let more = shown.len().saturating_sub(kept);
        shown.truncate(kept);
        lines = table(&shown, columns, painter);
        if more > 0 {
            lines.push(painter.as_role(Role::Faint, &text::truncate(&format!("+{more} more"), columns)));
        }
    }
    lines.push(text::truncate(&agents::summary(agents), columns));
    lines.extend(question);
    lines.truncate(room);
    lines
}

/// Returns the lines of the table and of the summary of all agents, however high they are.
pub(super) fn compose_whole(agents: &[AgentObject], columns: usize, painter: &Painter) -> Vec<String> {
    let mut lines = table(agents, columns, painter);
    lines.push(text::truncate(&agents::summary(agents), columns));
    lines
}

fn table(agents: &[AgentObject], columns: usize, painter: &Painter) -> Vec<String> {
    agents::draw(agents, Some(columns), painter).lines().map(str::to_owned).collect()
}

/// Returns what the first waiting agent asks, whole if it has room, the command that answers it, and how many more agents wait.
fn question(agents: &[AgentObject], room: usize, columns: usize) -> Vec<String> {
    let mut waiting = agents.iter().filter(|agent| agent.waiting.is_some());
    let Some(first) = waiting.next() else { return Vec::new() };
    let more = match waiting.count() {
        0 => None,
        1 => Some(text::truncate("+1 more waits", columns)),
        more => Some(text::truncate(&format!("+{more} more wait"), columns)),
    };
    let words = format!("{} waits for an answer: ", first.id);
    let mut lines = request_view::lines(&words, first, Some(columns));
    lines
        .extend(text::wrap(&format!("type in another terminal: {}", agents::answer_command(first)), columns));
    if lines.len() + usize::from(more.is_some()) > room {
        // Half a command must not look like a whole one, and is not to be answered.
        lines = text::wrap(&format!("'git orchestra status {}' shows what it asks", first.id), columns);
    }
    lines.extend(more);
    lines.truncate(room);
    lines
}

#[cfg(test)]
mod tests;
