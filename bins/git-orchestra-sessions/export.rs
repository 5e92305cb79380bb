//! Prints a session as Markdown, or byte for byte.

use orchestra::{
    Result,
    model::text,
    ops::sessions::{ItemKind, Session, TranscriptItem, edit, read},
};
use orchestra_terminal::{Exit, Terminal, here, markdown};

use super::{formats, meant, scope};

/// The number of heading levels above the headings of a message: the title of the session, and the speaker.
const HEADING_LEVEL: usize = 2;

pub(crate) fn run(terminal: &Terminal, id: &str, raw: bool, full: bool) -> Result<Exit> {
    let repo = scope::repository()?;
    let open = |id: &str| read::open(here::environment(), repo.as_ref(), id);
    let mut open = meant::with_session(terminal, repo.as_ref(), id, open)?;
    if raw {
        return match open.copy(&mut terminal.writer()) {
            Err(_) if terminal.is_closed() => Ok(Exit::Done),
            other => other.map(|()| Exit::Done),
        };
    }
    terminal.print(&head(&open.session));
    let mut last = ExportState::new(&open.session);
    let too_long = open.each_item(|item| {
        if let Some(shown) = markdown(&item, full, &mut last) {
            terminal.print(&shown);
        }
        !terminal.is_closed()
    })?;
    formats::print_read_failures(terminal, &open.troubles, true);
    if too_long > 0 {
        terminal.warn(&format!(
            "{} too long to export; --jsonl prints every byte",
            text::count(too_long, "line")
        ));
    }
    Ok(Exit::Done)
}

fn head(session: &Session) -> String {
    let title = session
        .title
        .as_deref()
        .map_or_else(|| session.id.clone(), |title| text::one_line(title, text::MAX_TITLE_WIDTH));
    let mut out = format!("# {title}\n\n");
    let facts = [
        ("Session", Some(format!("`{}` ({})", session.id, session.program))),
        ("Subagent of", session.subagent_of.as_deref().map(|id| format!("`{}`", text::safe(id)))),
        ("Folder", session.cwd.as_deref().map(|cwd| format!("`{}`", text::one_line(cwd, 400)))),
        ("Branch", session.branch.as_deref().map(|branch| format!("`{}`", text::one_line(branch, 400)))),
        ("Model", session.model.as_deref().map(|model| text::one_line(model, 100))),
        ("Started", session.started_at.as_deref().map(|at| text::one_line(at, 40))),
    ];
    for (name, value) in facts {
        out.extend(value.map(|value| format!("- {name}: {value}\n")));
    }
    out
}

/// The state of the export: who prompts and who answers, who spoke last, and whether that message ended in
/// a list.
struct ExportState {
    prompter: &'static str,
    answerer: &'static str,
    who: &'static str,
    list: bool,
}

impl ExportState {
    /// In the transcript of a subagent, the agent is the one who prompts.
    const fn new(session: &Session) -> Self {
        let (prompter, answerer) =
            if session.subagent_of.is_some() { ("Agent", "Subagent") } else { ("User", "Agent") };
        Self { prompter, answerer, who: "", list: false }
    }
}

/// Formats an item, below a heading if the speaker changes. Returns `None` for items that are not exported.
fn markdown(item: &TranscriptItem, full: bool, last: &mut ExportState) -> Option<String> {
    let agent = if item.by_subagent { "Subagent" } else { last.answerer };
    let (who, content) = match &item.what {
        _ if item.by_subagent && !full => return None,
        ItemKind::Prompt(words) if item.by_subagent => ("Subagent", quoted(words)),
        ItemKind::Prompt(words) => {
            (last.prompter, format!("{}\n", markdown::lower_headings(&body(words), HEADING_LEVEL)))
        }
        ItemKind::Answer(words) => {
            (agent, format!("{}\n", markdown::lower_headings(&body(words), HEADING_LEVEL)))
        }
        ItemKind::Thought(words) if full => (agent, quoted(words)),
        ItemKind::Tool { name, input } if full => (
            agent,
            format!(
                "**{}**\n\n{}",
                text::safe(name),
                changed(input).unwrap_or_else(|| markdown::fenced("", &body(input)))
            ),
        ),
        ItemKind::Tool { name, input } => {
            let changes = changed(input).map(|changes| markdown::indented(&changes)).unwrap_or_default();
            (agent, format!("- **{}** {}\n{changes}", text::safe(name), code(&formats::tool_subject(input))))
        }
        ItemKind::Result { error, text } if full => (
            agent,
            format!("{}\n\n{}", if *error { "Failed:" } else { "Gave:" }, markdown::fenced("", &body(text))),
        ),
        ItemKind::Result { error: true, text } => {
            (agent, format!("  - failed: {}\n", code(&formats::tool_result(text))))
        }
        ItemKind::Thought(_) | ItemKind::Result { .. } | ItemKind::Remark(_) => return None,
    };
    let needs_heading = last.who != who || who == last.prompter;
    let at = item.at.as_deref().map_or_else(String::new, |at| format!(" ({})", text::one_line(at, 40)));
    let list = content.starts_with("- ") || content.starts_with("  - ");
    let before = match (needs_heading, last.list && !list) {
        (true, _) => format!("\n## {who}{at}\n\n"),
        // Without a blank line the text would become part of the list.
        (false, true) => "\n".to_owned(),
        (false, false) => String::new(),
    };
    (last.who, last.list) = (who, list);
    Some(format!("{before}{content}{}", if list { "" } else { "\n" }))
}

/// Formats the lines that an edit changes as a diff, or returns `None` if the tool was no edit.
fn changed(input: &str) -> Option<String> {
    let changes = edit::changes(input);
    let line = |change: &edit::Change| match change {
        edit::Change::Removed(words) => format!("-{words}"),
        edit::Change::Added(words) => format!("+{words}"),
    };
    let lines: Vec<String> = changes.iter().map(line).collect();
    (!lines.is_empty()).then(|| markdown::fenced("diff", &body(&lines.join("\n"))))
}

/// Returns the text with control sequences made visible.
fn body(words: &str) -> String {
    text::safe_block(words.trim_end().trim_start_matches(['\r', '\n']))
}

fn quoted(words: &str) -> String {
    body(words).lines().map(|line| format!("> {line}\n")).collect()
}

fn code(words: &str) -> String {
    let words = text::one_line(words, 160);
    if words.is_empty() {
        words
    } else if words.contains('`') {
        format!("`` {words} ``")
    } else {
        format!("`{words}`")
    }
}
