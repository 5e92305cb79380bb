//! Shows one session as a conversation.

use orchestra::{
    Result,
    model::text,
    ops::sessions::{ItemKind, Session, TranscriptItem, edit, read},
};
use orchestra_terminal::{
    Exit, Terminal, here, humanize, json,
    pager::Pager,
    style::{Painter, Role},
};

use super::{
    formats::{self, COLUMNS, tool_result, tool_subject},
    meant, scope,
};

/// The name under which a subagent speaks.
const SUBAGENT: &str = "subagent";
/// The number of changed lines of an edit that are shown without --full.
const MAX_CHANGES: usize = 12;

pub(crate) fn run(terminal: &Terminal, id: &str, full: bool, as_json: bool) -> Result<Exit> {
    let repo = scope::repository()?;
    let open = |id: &str| read::open(here::environment(), repo.as_ref(), id);
    let mut open = meant::with_session(terminal, repo.as_ref(), id, open)?;
    if as_json {
        formats::print_read_failures(terminal, &open.troubles, true);
        return json::print_session(terminal, &mut open).map(|()| Exit::Done);
    }
    let mut pager = Pager::start(terminal);
    pager.show(&header(&open.session, terminal.painter()));
    let mut formatter = SessionFormatter::new(*terminal.painter(), full, &open.session);
    let too_long = open.each_item(|item| match formatter.next(&item) {
        Some(shown) => pager.show(&format!("{shown}\n")),
        None => true,
    })?;
    drop(pager);
    formats::print_read_failures(terminal, &open.troubles, true);
    if too_long > 0 && open.troubles.is_empty() {
        terminal.warn(&format!("{} too long to read", text::count(too_long, "line")));
    }
    Ok(Exit::Done)
}

/// Formats the facts above the conversation.
fn header(session: &Session, painter: &Painter) -> String {
    let mut facts: Vec<(&str, String)> = vec![("session", session.id.clone())];
    let line = |text: &Option<String>| text.as_deref().map(|text| text::one_line(text, COLUMNS));
    facts.extend(line(&session.title).map(|title| ("title", title)));
    facts.extend(session.subagent_of.clone().map(|id| ("part of", text::safe(&id).into_owned())));
    for other in &session.other_files {
        facts.push(("also in", text::safe(&other.to_string_lossy()).into_owned()));
    }
    facts.extend(line(&session.cwd).map(|cwd| ("folder", cwd)));
    facts.extend(line(&session.branch).map(|branch| ("branch", branch)));
    facts.extend(line(&session.model).map(|model| ("model", model)));
    facts.extend(session.agent.clone().map(|agent| ("agent", agent)));
    let started = session.started_at.as_deref().map(|at| text::one_line(at, 40));
    facts.push((
        "active",
        format!("{}{}", started.map_or_else(String::new, |at| format!("{at} to ")), session.last_active_at),
    ));
    facts.extend(session.cost_usd.map(|cost| ("cost", formats::dollars(cost))));
    let tokens = session.input_tokens.zip(session.output_tokens);
    facts.extend(tokens.map(|(read, written)| ("tokens", format!("{read} read, {written} written"))));
    for inner in &session.subagents {
        let about = inner.description.as_deref().or(inner.kind.as_deref()).unwrap_or_default();
        let about = text::one_line(about, COLUMNS);
        let tokens = inner.input_tokens.zip(inner.output_tokens);
        let tokens =
            tokens.map_or_else(String::new, |(read, written)| format!(", {read} read, {written} written"));
        let size = humanize::size(inner.size);
        facts.push(("subagent", format!("{} {about} ({size}{tokens})", text::safe(&inner.id))));
    }
    facts
        .into_iter()
        .map(|(name, value)| format!("{} {value}\n", painter.as_role(Role::Faint, &format!("{name:<9}"))))
        .collect()
}

/// A session that is being printed: a heading is needed where the speaker changes.
struct SessionFormatter {
    painter: Painter,
    full: bool,
    /// Who prompts and who answers: in the transcript of a subagent, the agent prompts.
    prompter: String,
    answerer: String,
    last: Option<Speaker>,
}

/// The author of an item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Speaker {
    Person,
    Agent,
    Subagent,
}

impl SessionFormatter {
    fn new(painter: Painter, full: bool, session: &Session) -> Self {
        let program = text::safe(&session.program).into_owned();
        let (prompter, answerer) = match session.subagent_of {
            Some(_) => (program, SUBAGENT.to_owned()),
            None => ("you".to_owned(), program),
        };
        Self { painter, full, prompter, answerer, last: None }
    }

    /// Formats an item, below a heading if the speaker changes; `None` if the item is not shown.
    fn next(&mut self, item: &TranscriptItem) -> Option<String> {
        let speaker = match &item.what {
            _ if item.by_subagent => Speaker::Subagent,
            ItemKind::Prompt(_) => Speaker::Person,
            _ => Speaker::Agent,
        };
        let shown = match speaker {
            Speaker::Subagent if !self.full => return self.subagent_line(item),
            _ => format_item(item, self.full, &self.painter)?,
        };
        let is_new = self.last != Some(speaker) || speaker == Speaker::Person;
        // A note of the program itself has no speaker.
        if matches!(item.what, ItemKind::Remark(_)) && !item.by_subagent {
            return Some(shown);
        }
        self.last = Some(speaker);
        Some(if is_new { format!("\n{}\n{shown}", self.heading(speaker, item)) } else { shown })
    }

    /// Shows only the prompt of a subagent that is recorded in the same file.
    fn subagent_line(&mut self, item: &TranscriptItem) -> Option<String> {
        let ItemKind::Prompt(words) = &item.what else { return None };
        let asked = text::one_line(&one_paragraph(words), COLUMNS);
        Some(format!("  {} subagent: {asked}", self.painter.as_role(Role::Faint, "·")))
    }

    fn heading(&self, speaker: Speaker, item: &TranscriptItem) -> String {
        let who = match speaker {
            Speaker::Person => &self.prompter,
            Speaker::Agent => &self.answerer,
            Speaker::Subagent => SUBAGENT,
        };
        let at = item.at.as_deref().map_or_else(String::new, |at| text::one_line(at, 40));
        self.painter.as_role(Role::Faint, format!("── {who}  {at}").trim_end())
    }
}

fn format_item(item: &TranscriptItem, full: bool, painter: &Painter) -> Option<String> {
    let line = |mark: &str, role: Role, words: &str| {
        Some(format!("  {} {}", painter.as_role(role, mark), text::one_line(words, COLUMNS)))
    };
    match &item.what {
        ItemKind::Prompt(words) => {
            Some(lines(words, |line| painter.as_role(Role::Head, format!("> {line}").trim_end())))
        }
        ItemKind::Answer(words) => Some(block(words)),
        ItemKind::Thought(words) if full => {
            Some(lines(words, |line| painter.as_role(Role::Faint, &format!("  ~ {line}"))))
        }
        ItemKind::Thought(_) => None,
        ItemKind::Tool { name, input } => Some(tool(name, input, full, painter)),
        ItemKind::Result { error: false, text } if text.trim().is_empty() && !full => None,
        ItemKind::Result { error, text } => {
            let (mark, role) = if *error { ("✗", Role::Bad) } else { ("←", Role::Faint) };
            if full {
                return Some(format!(
                    "  {}\n{}",
                    painter.as_role(role, mark),
                    lines(text, |line| format!("    {line}"))
                ));
            }
            line(mark, role, &tool_result(text))
        }
        ItemKind::Remark(words) => line("·", Role::Faint, &one_paragraph(words)),
    }
}

/// Formats the use of a tool, with its subject; for an edit, with the changed lines.
fn tool(name: &str, input: &str, full: bool, painter: &Painter) -> String {
    let head = format!("  {} {}", painter.as_role(Role::Hint, "→"), text::safe(name));
    let changes = edit::changes(input);
    if changes.is_empty() {
        return if full {
            format!("{head}\n{}", lines(input, |line| format!("    {line}")))
        } else {
            format!("{head} {}", tool_subject(input))
        };
    }
    let most = if full { usize::MAX } else { MAX_CHANGES };
    let mut shown: Vec<String> = changes
        .iter()
        .take(most)
        .map(|change| {
            let (mark, words, role) = match change {
                edit::Change::Removed(words) => ("-", words, Role::Bad),
                edit::Change::Added(words) => ("+", words, Role::Good),
            };
            let words = text::one_line(&text::rendered_output(words).replace('\t', "    "), COLUMNS);
            painter.as_role(role, format!("    {mark} {words}").trim_end())
        })
        .collect();
    if changes.len() > most {
        shown.push(format!("    … {} more", text::count((changes.len() - most) as u64, "line")));
    }
    format!("{head} {}\n{}", tool_subject(input), shown.join("\n"))
}

/// Joins the text into one line.
fn one_paragraph(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn block(words: &str) -> String {
    text::safe_block(&text::rendered_output(words.trim_end().trim_start_matches(['\r', '\n'])))
}

fn lines(words: &str, each: impl Fn(&str) -> String) -> String {
    block(words).lines().map(each).collect::<Vec<_>>().join("\n")
}
