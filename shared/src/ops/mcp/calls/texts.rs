//! Agents, their output and their messages, as text for a model.

use std::io::{self, Write};

use crate::{
    Result,
    git::Repo,
    model::{Liveness, text},
    ops::{
        agent_object::AgentObject,
        inbox::{InboxMessage, SentText},
        logs::{
            Position, Report,
            log_reader::{LogEvent, LogReader},
        },
        mcp::answer::{self, MAX_TEXT},
        spec::{SpecObject, SpecText},
    },
};

/// How much of the end of an output is read, in bytes.
const MAX_OUTPUT: usize = 256 * 1024;

/// Formats agents: a line of facts each, then what they wrote.
pub(super) fn agents(agents: &[AgentObject]) -> String {
    if agents.is_empty() {
        return "no agents".to_owned();
    }
    agents.iter().map(agent).collect()
}

fn agent(agent: &AgentObject) -> String {
    let liveness = match agent.liveness {
        Liveness::Lost => " (its supervisor died)",
        Liveness::Remote => " (in another clone)",
        Liveness::Live | Liveness::Ended => "",
    };
    let mut facts = format!("{}: {}{liveness}, {}", agent.id, agent.phase, agent.profile);
    if let Some(commits) = agent.commits {
        facts.push_str(&format!(", {}", text::count(commits, "commit")));
    }
    if let (Some(added), Some(removed)) = (agent.insertions, agent.deletions) {
        facts.push_str(&format!(", +{added} -{removed}"));
    }
    if agent.messages > 0 {
        facts.push_str(&format!(", wrote {}", text::count(agent.messages, "message")));
    }
    if let Some(parent) = &agent.parent {
        facts.push_str(&format!(", started by {}", text::safe(parent.as_str())));
    }
    if agent.merged == Some(true) {
        facts.push_str(", landed");
    }
    let request = agent.request.as_ref().map(|asked| asked.text.as_str());
    let mut written = format!("task: {}\n", agent.title);
    for (what, said) in [
        ("why", agent.reason.as_deref()),
        ("asks", request.or(agent.waiting.as_deref())),
        ("now", agent.activity.as_deref()),
        ("said", agent.last_words.as_deref()),
    ] {
        if let Some(said) = said {
            written.push_str(&format!("{what}: {}\n", text::one_line(said, 300)));
        }
    }
    format!("{facts}\n{}", answer::as_data(&written))
}

/// Formats messages of agents, and those to the caller; of very many, the newest.
pub(super) fn messages(messages: &[InboxMessage], received: &[SentText]) -> String {
    let of_agents = messages.iter().map(|one| {
        let unread = if one.unread { ", unread" } else { "" };
        let text = answer::as_data(&one.text);
        (one.at, format!("{} {} of {} to {}{unread}\n{text}", one.id, one.kind, one.agent, one.to))
    });
    let mut all: Vec<_> = of_agents.chain(received.iter().map(|one| (one.at, one.marked()))).collect();
    if all.is_empty() {
        return "no messages".to_owned();
    }
    // Those that came at the same time stay as they are.
    all.sort_by_key(|(at, _)| *at);
    newest(&all.into_iter().map(|(_, text)| text).collect::<String>())
}

/// Formats the names of specs.
pub(super) fn specs(specs: &[SpecObject]) -> String {
    if specs.is_empty() {
        return "there is no spec".to_owned();
    }
    let line =
        |one: &SpecObject| format!("{}, version {}\n{}", one.name, one.version, answer::as_data(&one.title));
    answer::page(&specs.iter().map(line).collect::<String>(), 0)
}

/// Formats a spec. Its text is that of people, and still data.
pub(super) fn spec(shown: &SpecText) -> String {
    let beside = match shown.spec.beside.len() {
        0 => String::new(),
        count => format!("; {} beside it, which a person has to merge", text::count(count as u64, "version")),
    };
    format!("{}: version {}{beside}\n{}", shown.spec.name, shown.number, answer::as_data(&shown.text))
}

/// Returns the end of a text that is short enough, from the beginning of a line on.
fn newest(whole: &str) -> String {
    if whole.len() <= MAX_TEXT {
        return whole.to_owned();
    }
    let from =
        (whole.len() - MAX_TEXT..whole.len()).find(|at| whole.is_char_boundary(*at)).unwrap_or(whole.len());
    let end = whole[from..].split_once('\n').map_or(&whole[from..], |(_, rest)| rest);
    format!("({} bytes before this are left out)\n{end}", whole.len() - end.len())
}

/// Reads a cursor of [`log`].
pub(super) fn position(cursor: &str) -> Option<Position> {
    let (attempt, bytes) = cursor.split_once(':')?;
    Some(Position { attempt: attempt.parse().ok()?, bytes: bytes.parse().ok()? })
}

/// Formats the output of an agent from a position on, with the cursor of its end.
pub(super) fn log(repo: &Repo, report: &Report, from: Position) -> Result<String> {
    let (mut written, mut end) = (String::new(), from);
    for attempt in report.attempts.iter().filter(|attempt| attempt.number >= from.attempt) {
        let start = if attempt.number == from.attempt { from.bytes } else { 0 };
        let mut tail = Tail::default();
        let bytes = attempt.copy(repo, start, &mut tail)?;
        end = Position { attempt: attempt.number, bytes };
        let mut reader = LogReader::new(attempt.protocol).in_folder(report.folder.as_deref());
        reader.begin_attempt();
        reader.read(tail.whole_lines(), |entry| written.extend(line(&entry.event)));
        reader.finish(|entry| written.extend(line(&entry.event)));
    }
    let facts = format!("{}: {}; cursor {}:{}", report.id, report.phase, end.attempt, end.bytes);
    Ok(match written.is_empty() {
        true => format!("{facts}\nit printed nothing"),
        false => format!("{facts}\n{}", newest(&answer::as_data(&written))),
    })
}

/// Formats what was said or done.
fn line(event: &LogEvent) -> Option<String> {
    let text = match event {
        LogEvent::Message { text } => format!("> {text}"),
        LogEvent::Text { text } | LogEvent::Note { text } | LogEvent::Output { text } => text.clone(),
        LogEvent::Thinking { .. } => return None,
        LogEvent::ToolUse { tool, about } => format!("uses {tool} {about}"),
        LogEvent::ToolResult { failed: true, text } => format!("failed: {text}"),
        LogEvent::ToolResult { failed: false, text } => format!("returned: {}", text::one_line(text, 200)),
        LogEvent::Denied { tool, reason } => format!("was denied {tool}: {reason}"),
        LogEvent::Question { text } => format!("asks: {text}"),
        LogEvent::Retry { reason, .. } => format!("repeats the request: {reason}"),
        LogEvent::Error { text } | LogEvent::Limit { text, .. } => format!("error: {text}"),
        LogEvent::TurnEnd { ok, how, .. } => {
            if *ok {
                "turn ended".to_owned()
            } else {
                format!("turn ended: {how}")
            }
        }
        LogEvent::LongLine { bytes } => format!("a line of {bytes} bytes"),
    };
    Some(format!("{text}\n"))
}

/// Keeps the end of what is written.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Tail {
    /// Returns what was kept, without the rest of a line that was cut.
    fn whole_lines(&self) -> &[u8] {
        match self.bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) if self.is_cut => &self.bytes[end + 1..],
            _ => &self.bytes,
        }
    }
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * MAX_OUTPUT {
            self.bytes.drain(..self.bytes.len() - MAX_OUTPUT);
            self.is_cut = true;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_output_the_end_is_kept() {
        let mut tail = Tail::default();
        for number in 0..200_000 {
            writeln!(tail, "line {number}").unwrap();
        }
        let text = String::from_utf8(tail.whole_lines().to_vec()).unwrap();
        assert!(text.len() <= 2 * MAX_OUTPUT && text.starts_with("line ") && text.ends_with("line 199999\n"));
        let shown = newest(&answer::as_data(&text));
        assert!(shown.len() < MAX_TEXT + 100 && shown.ends_with("| line 199999\n"));
        assert!(shown.lines().skip(1).all(|line| line.starts_with("| line ")));
    }

    #[test]
    fn a_cursor_is_read_or_refused() {
        assert_eq!(position("2:70"), Some(Position { attempt: 2, bytes: 70 }));
        for wrong in ["", "2", "2:", "a:1", "2:-1"] {
            assert_eq!(position(wrong), None, "{wrong}");
        }
    }
}
