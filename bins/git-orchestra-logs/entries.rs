//! Formats the entries of a log, so that the log reads like a conversation.

use orchestra::{
    model::{text, tool_use},
    ops::logs::log_reader::{LogEntry, LogEvent},
};
use orchestra_terminal::{
    agents, humanize,
    style::{Painter, Role},
};

/// The number of lines of the model's thinking that are shown.
const THINKING_LINES: usize = 4;
const COLUMNS: usize = 160;
/// The indentation of one level of subagents.
const INDENT: &str = "    ";

/// Formats an entry, or returns `None` if it has nothing to show.
pub(crate) fn draw(entry: &LogEntry, painter: &Painter) -> Option<String> {
    let text = event(&entry.event, painter)?;
    if entry.depth == 0 {
        return Some(text);
    }
    let indent = (0..entry.depth).map(|_| INDENT).collect::<String>();
    Some(text.lines().map(|line| format!("{indent}{line}")).collect::<Vec<_>>().join("\n"))
}

fn event(event: &LogEvent, painter: &Painter) -> Option<String> {
    let line = |mark: &str, role: Role, words: &str| {
        Some(format!("  {} {}", painter.as_role(role, mark), text::one_line(words, COLUMNS)))
    };
    match event {
        LogEvent::Message { text } => {
            Some(prefixed(text, |line| painter.as_role(Role::Head, &format!("> {line}"))))
        }
        LogEvent::Text { text } | LogEvent::Output { text } => Some(block(text)),
        LogEvent::Thinking { text } => thinking(text, painter),
        LogEvent::ToolUse { tool, about } => line("→", Role::Hint, &format!("{tool} {about}")),
        LogEvent::ToolResult { failed, text } => {
            let (mark, role) = if *failed { ("✗", Role::Bad) } else { ("←", Role::Faint) };
            line(mark, role, &tool_use::summary_line(text, COLUMNS))
        }
        LogEvent::Denied { tool, reason } => line("✗", Role::Bad, &format!("denied: {tool}: {reason}")),
        LogEvent::Question { text } => line("?", Role::Warn, &text::keep_ends(&text::safe(text), COLUMNS)),
        LogEvent::Retry { attempt, most, reason } => line(
            "…",
            Role::Warn,
            &format!("the model did not answer ({reason}): attempt {attempt} of {most}"),
        ),
        LogEvent::Error { text } => line("✗", Role::Bad, text),
        LogEvent::Limit { text, warning, until } => {
            let (mark, role) = if *warning { ("·", Role::Warn) } else { ("✗", Role::Bad) };
            let until = until.map(|until| format!(", until {}", humanize::clock_time(until)));
            line(mark, role, &format!("{text}{}", until.unwrap_or_default()))
        }
        LogEvent::TurnEnd { ok, how, turns, cost_micros, denied } => {
            let how = if *ok { "done".to_owned() } else { text::one_line(how, 60) };
            let summary = summary(&how, *turns, *cost_micros, *denied);
            Some(painter.as_role(Role::Faint, &format!("── {summary} ──")))
        }
        LogEvent::Note { text } => line("·", Role::Faint, text),
        LogEvent::LongLine { bytes } => Some(format!("  · a line of {bytes} bytes; --raw shows it")),
    }
}

fn thinking(words: &str, painter: &Painter) -> Option<String> {
    let first: Vec<&str> =
        words.lines().filter(|line| !line.trim().is_empty()).take(THINKING_LINES).collect();
    let faint = |line: &str| painter.as_role(Role::Faint, &format!("  ~ {line}"));
    (!first.is_empty()).then(|| prefixed(&first.join("\n"), faint))
}

/// Formats the end of a turn, such as `done: 3 turns, $0.05`.
fn summary(how: &str, turns: u64, cost_micros: Option<u64>, denied: u64) -> String {
    let mut parts = vec![text::count(turns, "turn")];
    parts.extend(cost_micros.map(agents::dollars));
    if denied > 0 {
        parts.push(format!("{denied} denied"));
    }
    format!("{how}: {}", parts.join(", "))
}

fn block(words: &str) -> String {
    String::from_utf8_lossy(&text::shown_output(words.trim_end().as_bytes())).into_owned()
}

fn prefixed(words: &str, prefix: impl Fn(&str) -> String) -> String {
    let lines: Vec<String> = block(words).lines().map(prefix).collect();
    lines.join("\n")
}
