//! Composes what a window shows instead of the agents: a question to the user, or the keys. Pure.

use orchestra::{model::text, ops::agent_object::AgentObject};

use super::control::{Asked, Mode};
use crate::request_view;

/// The keys and what they do, the most important first.
const KEYS: [(&str, &str); 10] = [
    ("?", "help"),
    ("q", "quit"),
    ("a", "allow"),
    ("x", "deny"),
    ("l", "log"),
    ("d", "diff"),
    ("s", "stop"),
    ("p", "pause"),
    ("r", "review"),
    ("↑↓", "choose"),
];

const HELP: [&str; 9] = [
    "↑ ↓ or k j  choose an agent",
    "a  show all it asks for, then y allows it",
    "x  deny it, with a reason",
    "l  its log, in the pager",
    "d  its diff, in the pager",
    "r  review its work",
    "p  pause it; s  stop it, after y",
    "q  quit; the agents keep running",
    "any key returns",
];

/// The lines of a dialog.
pub(super) struct Dialog {
    pub(super) lines: Vec<String>,
    /// The question whose whole request is among the lines.
    pub(super) shown_whole: Option<Asked>,
}

/// Returns as many keys as fit into a line of `columns`, the most important ones.
pub(super) fn keys_line(columns: usize) -> String {
    let mut line = String::new();
    for (key, what) in KEYS {
        let gap = if line.is_empty() { "" } else { "  " };
        let longer = format!("{line}{gap}{key} {what}");
        if text::width(&longer) > columns {
            break;
        }
        line = longer;
    }
    line
}

/// Returns the dialog of a mode, at most `room` lines; `None` if the window shows the agents.
pub(super) fn compose(
    mode: &Mode,
    agents: &[AgentObject],
    message: Option<&str>,
    room: usize,
    columns: usize,
) -> Option<Dialog> {
    let agent = |asked: &Asked| agents.iter().find(|agent| agent.id == asked.agent);
    let note: Vec<String> = message.map(|text| text::wrap(text, columns)).unwrap_or_default();
    let mut shown_whole = None;
    let mut lines = match mode {
        Mode::Table => return None,
        Mode::Help => HELP.iter().map(|line| text::truncate(line, columns)).collect(),
        Mode::Allow(asked) => {
            let lines = [note, allow(agent(asked)?, columns)].concat();
            if lines.len() <= room {
                shown_whole = Some(asked.clone());
                lines
            } else {
                too_small(&asked.agent, columns)
            }
        }
        Mode::Deny(asked, reason) => deny(agent(asked)?, reason, room, columns),
        Mode::Stop(id) => {
            text::wrap(&format!("stop {id}? y saves its work and stops it, any other key does not"), columns)
        }
    };
    lines.truncate(room);
    Some(Dialog { lines, shown_whole })
}

fn allow(agent: &AgentObject, columns: usize) -> Vec<String> {
    let mut lines = text::wrap(&format!("{} asks for:", agent.id), columns);
    lines.extend(request_view::lines("", agent, Some(columns)));
    lines.extend(text::wrap("y allows it, any other key does not", columns));
    lines
}

fn too_small(id: &str, columns: usize) -> Vec<String> {
    let words = "this window is too small to show all that it asks for, so that it cannot be allowed here; make \
                 it larger, or type:";
    let mut lines = text::wrap(words, columns);
    lines.extend(text::wrap(&format!("git orchestra status {id}"), columns));
    lines.extend(text::wrap(&format!("git orchestra send {id} --allow"), columns));
    lines
}

fn deny(agent: &AgentObject, reason: &str, room: usize, columns: usize) -> Vec<String> {
    let words = text::wrap("the reason (Enter denies it, Escape does not):", columns);
    let typed = text::keep_end(&format!("> {}", text::safe(reason)), columns.saturating_sub(1));
    let mut lines = text::wrap(&format!("{} asks for:", agent.id), columns);
    let left = room.saturating_sub(lines.len() + words.len() + 1);
    let asked = request_view::lines("", agent, Some(columns));
    if asked.len() <= left {
        lines.extend(asked);
    } else {
        lines.push(text::keep_ends(request_view::whole(agent), columns));
    }
    lines.extend(words);
    lines.push(format!("{typed}_"));
    let over = lines.len().saturating_sub(room);
    lines.drain(..over);
    lines
}
