//! How one thing said is shown: the log reads like a conversation.

use orchestra::{
    model::text,
    profile::{Said, Turn, within},
};
use orchestra_terminal::{
    agents,
    paint::{Paint, Role},
    when,
};

/// Lines shown of thoughts, and columns of what a tool was used on and gave.
const THOUGHTS: usize = 4;
const COLUMNS: usize = 160;

/// A conversation as it is shown, line by line.
#[derive(Default)]
pub(crate) struct Conversation {
    /// Where the agent works.
    folder: String,
    /// Why it was denied something: its program says so twice.
    denied: String,
}

impl Conversation {
    /// Lines for people, or nothing.
    pub(crate) fn show(&mut self, said: &Said, paint: &Paint) -> Option<String> {
        let line = |mark: &str, role: Role, words: &str| {
            Some(format!("  {} {}", paint.as_role(role, mark), text::one_line(words, COLUMNS)))
        };
        match said {
            Said::Begun { folder, .. } => {
                self.folder.clone_from(folder);
                None
            }
            Said::Withdrawn(_) => None,
            Said::Heard(words) => {
                Some(prefixed(words, |line| paint.as_role(Role::Head, &format!("> {line}"))))
            }
            Said::Text(words) | Said::Plain(words) => Some(block(words)),
            Said::Thinking(words) => thoughts(words, paint),
            Said::Tool { name, about, .. } => {
                line("→", Role::Hint, &format!("{name} {}", within(&self.folder, about)))
            }
            Said::Result { text, .. } if *text == self.denied => None,
            Said::Result { error, text } => {
                let (mark, role) = if *error { ("✗", Role::Bad) } else { ("←", Role::Faint) };
                line(mark, role, &gist(text))
            }
            Said::Denied { tool, why, .. } => {
                self.denied.clone_from(why);
                line("✗", Role::Bad, &format!("denied: {tool}: {why}"))
            }
            Said::Asks(question) => line("?", Role::Warn, &question.text),
            Said::Retry { attempt, most, why } => {
                line("…", Role::Warn, &format!("the model does not answer ({why}): try {attempt} of {most}"))
            }
            Said::Trouble(_, words) => line("✗", Role::Bad, words),
            Said::Limit(limit) => {
                let (mark, role) = if limit.warning { ("·", Role::Warn) } else { ("✗", Role::Bad) };
                let until = limit.noted().until.map(|until| format!(", until {}", when::clock_time(until)));
                line(mark, role, &format!("{}{}", limit.sentence(), until.unwrap_or_default()))
            }
            Said::Turn(turn) => Some(paint.as_role(Role::Faint, &format!("── {} ──", summary(turn)))),
            Said::Note(words) => line("·", Role::Faint, words),
            Said::Inner(said) => {
                let text = self.show(said, paint)?;
                Some(text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"))
            }
        }
    }
}

fn thoughts(words: &str, paint: &Paint) -> Option<String> {
    let first: Vec<&str> = words.lines().filter(|line| !line.trim().is_empty()).take(THOUGHTS).collect();
    let faint = |line: &str| paint.as_role(Role::Faint, &format!("  ~ {line}"));
    (!first.is_empty()).then(|| prefixed(&first.join("\n"), faint))
}

/// The first line, and how many more there are.
fn gist(text: &str) -> String {
    let more = text.trim_end().lines().count().saturating_sub(1);
    let first = text::cut(text.lines().next().unwrap_or_default(), COLUMNS - 20);
    if more > 0 { format!("{first} (+{more} lines)") } else { first }
}

/// `done: 3 turns, $0.05`.
fn summary(turn: &Turn) -> String {
    let mut parts = vec![text::count(turn.turns, "turn")];
    parts.extend(turn.cost_micros.map(agents::dollars));
    if !turn.denied.is_empty() {
        parts.push(format!("{} denied", turn.denied.len()));
    }
    let how = if turn.ok { "done".to_owned() } else { text::one_line(&turn.how, 60) };
    format!("{how}: {}", parts.join(", "))
}

fn block(words: &str) -> String {
    text::safe_block(&text::plain(words.trim_end()))
}

fn prefixed(words: &str, prefix: impl Fn(&str) -> String) -> String {
    let lines: Vec<String> = block(words).lines().map(prefix).collect();
    lines.join("\n")
}
