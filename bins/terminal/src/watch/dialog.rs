//! Composes what a window shows instead of the agents: a question to the user, or the keys. Pure.

use orchestra::{model::text, ops::agent_object::AgentObject};

use super::{
    control::Control,
    mode::{Asked, Mode},
    reading::{Part, Reading},
};
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
    "a  show all it asks for; then y allows it, A for good",
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
    /// How far the text of the question was read.
    pub(super) reading: Option<Reading>,
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

/// Returns the dialog of the mode, at most `room` lines; `None` if the window shows the agents.
pub(super) fn compose(
    control: &Control,
    agents: &[AgentObject],
    room: usize,
    columns: usize,
) -> Option<Dialog> {
    let agent = |asked: &Asked| agents.iter().find(|agent| agent.id == asked.agent);
    let mut lines = match &control.mode {
        Mode::Table => return None,
        Mode::Help => HELP.iter().map(|line| text::truncate(line, columns)).collect(),
        Mode::Allow(asked) => return Some(allow(agent(asked)?, control, room, columns)),
        Mode::Always(asked, pattern) => return Some(always(&asked.agent, pattern, control, room, columns)),
        Mode::Deny(asked, reason) => deny(agent(asked)?, reason, room, columns),
        Mode::Stop(id) => {
            text::wrap(&format!("stop {id}? y saves its work and stops it, any other key does not"), columns)
        }
    };
    lines.truncate(room);
    Some(Dialog { lines, reading: None })
}

fn allow(agent: &AgentObject, control: &Control, room: usize, columns: usize) -> Dialog {
    let has_pattern = agent.request.as_ref().is_some_and(|asked| asked.pattern.is_some());
    let answers = match has_pattern {
        true => "y allows it, A for good, any other key does not",
        false => "y allows it, any other key does not",
    };
    let head = format!("{} asks for:", agent.id);
    let asked = request_view::lines("", agent, Some(columns));
    pages(&head, &asked, answers, control, room, columns)
        .unwrap_or_else(|| too_small(&agent.id, room, columns))
}

fn always(id: &str, pattern: &str, control: &Control, room: usize, columns: usize) -> Dialog {
    let head = format!("allow {id} this now, and whenever it asks again:");
    let answers = "y allows it for good, any other key does not";
    let pattern = text::wrap(&text::safe(pattern), columns);
    pages(&head, &pattern, answers, control, room, columns).unwrap_or_else(|| too_small(id, room, columns))
}

/// Returns a question about a text, of which the window shows as much as it has room for. It names the answers once all of the text was
/// shown. Returns `None` if there is no room for a line of the text.
fn pages(
    head: &str,
    body: &[String],
    answers: &str,
    control: &Control,
    room: usize,
    columns: usize,
) -> Option<Dialog> {
    let message = control.message.iter().flat_map(|text| text::wrap(text, columns));
    let mut lines: Vec<String> = message.chain(text::wrap(head, columns)).collect();
    let read = |room: usize| Reading::go_on(control.reading.as_ref(), &control.mode, body, room);
    let foot = text::wrap(answers, columns);
    let mut reading = read(room.saturating_sub(lines.len() + foot.len()));
    let mut foot = foot;
    if reading.shown().len() < body.len() {
        // The longest foot decides, so that the parts do not change in height while the text is read.
        let longest = [paging(Part { top: body.len(), end: body.len(), of: body.len() }), answers.to_owned()];
        let height = longest.iter().map(|words| text::wrap(words, columns).len()).max().unwrap_or(0);
        reading = read(room.checked_sub(lines.len() + height).filter(|room| *room > 0)?);
        if !reading.is_whole(&control.mode) {
            foot = text::wrap(&paging(reading.part()), columns);
        }
    }
    lines.extend(reading.shown().iter().cloned());
    lines.extend(foot);
    lines.truncate(room);
    Some(Dialog { lines, reading: Some(reading) })
}

/// Says which lines are shown, and how to see the others.
fn paging(part: Part) -> String {
    format!("lines {} to {} of {}; space shows more, Escape returns", part.top + 1, part.end, part.of)
}

fn too_small(id: &str, room: usize, columns: usize) -> Dialog {
    let words = "this window is too small to show what it asks for, so that it cannot be allowed here; make \
                 it larger, or type:";
    let mut lines = text::wrap(words, columns);
    lines.extend(text::wrap(&format!("git orchestra status {id}"), columns));
    lines.extend(text::wrap(&format!("git orchestra send {id} --allow"), columns));
    lines.truncate(room);
    Dialog { lines, reading: None }
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
