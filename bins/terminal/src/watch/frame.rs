//! Composes what a window shows of agents that are watched: the table, a summary, the first question that waits for an answer, and the
//! keys. Pure.

use orchestra::{model::text, ops::agent_object::AgentObject};

use super::{
    control::{self, Control},
    dialog,
    reading::Reading,
};
use crate::{
    agents, request_view,
    style::{Painter, Role},
};

/// The lines that the table and the summary need at least, next to a question: headings, one agent, a count of the others.
const LEAST_TABLE: usize = 4;
/// What stands before the row of the chosen agent, and before the other rows.
const MARKS: (&str, &str) = ("> ", "  ");

/// What a window shows.
pub(super) struct Frame {
    pub(super) lines: Vec<String>,
    /// How far the text of the question that it asks was read.
    pub(super) reading: Option<Reading>,
}

/// Returns lines of at most `columns` columns, fewer than `rows`, so that the line of the cursor below them is in the window as well.
/// Agents that wait come first; if there is no room for all agents, those that run are shown rather than those that ended. With
/// `control`, the window takes keys: one agent is chosen, and a dialog may be shown instead.
pub(super) fn compose(
    agents: &[AgentObject],
    rows: usize,
    columns: usize,
    painter: &Painter,
    control: Option<&Control>,
) -> Frame {
    let room = rows.saturating_sub(1).max(1);
    let dialog = control.and_then(|control| dialog::compose(control, agents, room, columns));
    if let Some(dialog) = dialog {
        return Frame { lines: dialog.lines, reading: dialog.reading };
    }
    // In the lowest windows, the agents are more useful than the keys.
    let foot = control.filter(|_| room >= LEAST_TABLE);
    let foot = foot.map(|control| foot_of(control, columns, painter)).unwrap_or_default();
    let above = room.saturating_sub(foot.len());
    let question = question(agents, control, above.saturating_sub(LEAST_TABLE), columns);
    let room_for_table = above.saturating_sub(question.len() + 1);
    let (mut lines, more) = table(agents, room_for_table, columns, painter, control);
    let mut summary = agents::summary(agents);
    if more > 0 && lines.len() < room_for_table {
        lines.push(painter.as_role(Role::Faint, &text::truncate(&format!("+{more} more"), columns)));
    } else if more > 0 {
        summary = format!("+{more} more; {summary}");
    }
    lines.truncate(room_for_table);
    lines.push(text::truncate(&summary, columns));
    lines.extend(question);
    lines.truncate(above);
    lines.extend(foot);
    lines.truncate(room);
    Frame { lines, reading: None }
}

/// Returns the lines of the table and of the summary of all agents, however high they are.
pub(super) fn compose_whole(agents: &[AgentObject], columns: usize, painter: &Painter) -> Vec<String> {
    let mut lines = draw(agents, columns, painter);
    lines.push(text::truncate(&agents::summary(agents), columns));
    lines
}

fn draw(agents: &[AgentObject], columns: usize, painter: &Painter) -> Vec<String> {
    agents::draw(agents, Some(columns), painter).lines().map(str::to_owned).collect()
}

/// Returns the lines below everything else: what happened last, and the keys.
fn foot_of(control: &Control, columns: usize, painter: &Painter) -> Vec<String> {
    let message = control.message.iter().flat_map(|text| text::wrap(text, columns));
    let keys = painter.as_role(Role::Faint, &dialog::keys_line(columns));
    message.chain([keys]).collect()
}

/// Returns the table of as many agents as there is room for, next to a line that counts the others, and their number.
fn table(
    agents: &[AgentObject],
    room: usize,
    columns: usize,
    painter: &Painter,
    control: Option<&Control>,
) -> (Vec<String>, usize) {
    let chosen = control.and_then(|control| control.chosen(agents)).map(|agent| &agent.id);
    let columns = if control.is_some() { columns.saturating_sub(MARKS.0.len()) } else { columns };
    let mut shown: Vec<AgentObject> = control::in_order(agents).into_iter().cloned().collect();
    let mut lines = draw(&shown, columns, painter);
    let mut more = 0;
    if lines.len() > room {
        // One more line counts the others, and another one may say that columns are hidden.
        let others = lines.len() - shown.len() + 1;
        let kept = room.saturating_sub(others).clamp(1, shown.len().max(1));
        more = shown.len().saturating_sub(kept);
        let mut ranked: Vec<&AgentObject> = shown.iter().collect();
        ranked.sort_by_key(|agent| {
            (Some(&agent.id) != chosen, agent.waiting.is_none(), agent.phase.is_terminal())
        });
        let left: Vec<_> = ranked.into_iter().skip(kept).map(|agent| agent.id.clone()).collect();
        shown.retain(|agent| !left.contains(&agent.id));
        lines = draw(&shown, columns, painter);
    }
    if control.is_some() {
        for (at, line) in lines.iter_mut().enumerate() {
            let row = at.checked_sub(1).and_then(|row| shown.get(row));
            let mark = if row.is_some_and(|agent| Some(&agent.id) == chosen) { MARKS.0 } else { MARKS.1 };
            line.insert_str(0, mark);
        }
    }
    (lines, more)
}

/// Returns what the chosen agent or the first waiting one asks, whole if it has room, how to answer it, and how many more agents wait.
fn question(agents: &[AgentObject], control: Option<&Control>, room: usize, columns: usize) -> Vec<String> {
    let waits = |agent: &&AgentObject| agent.waiting.is_some();
    let chosen = control.and_then(|control| control.chosen(agents)).filter(waits);
    let Some(first) = chosen.or_else(|| agents.iter().find(waits)) else { return Vec::new() };
    let more = match agents.iter().filter(waits).count() - 1 {
        0 => None,
        1 => Some(text::truncate("+1 more waits", columns)),
        more => Some(text::truncate(&format!("+{more} more wait"), columns)),
    };
    let words = format!("{} waits for an answer: ", first.id);
    let mut lines = request_view::lines(&words, first, Some(columns));
    if control.is_none() {
        let command = format!("type in another terminal: {}", agents::answer_command(first));
        lines.extend(text::wrap(&command, columns));
    }
    if lines.len() + usize::from(more.is_some()) > room {
        // Half a command must not look like a whole one, and is not to be answered.
        let how = match control {
            Some(_) => format!("{} waits for an answer: choose it, and press a", first.id),
            None => format!("'git orchestra status {}' shows what it asks", first.id),
        };
        lines = text::wrap(&how, columns);
        // One line is left of two: that several wait is said before who does.
        if more.is_some() && lines.len() + 1 > room {
            lines.truncate(room.saturating_sub(1));
        }
    }
    lines.extend(more);
    lines.truncate(room);
    lines
}

#[cfg(test)]
mod tests;
