//! Shows one session as a conversation.

use orchestra::{
    Result,
    model::text,
    ops::sessions::{ItemKind, Session, TranscriptItem, edit, read},
    world,
};
use orchestra_terminal::{
    Exit, Terminal, humanize, json,
    pager::Pager,
    style::{Painter, Role},
};

use crate::{
    scope,
    words::{self, COLUMNS, about, gist},
};

/// The name under which a subagent speaks.
const SUBAGENT: &str = "subagent";
/// The number of changed lines of an edit that are shown without --full.
const CHANGES: usize = 12;

pub(crate) fn run(terminal: &Terminal, id: &str, full: bool, as_json: bool) -> Result<Exit> {
    let repo = scope::repository()?;
    let mut open = read::open(repo.as_ref(), id)?;
    if as_json {
        words::troubles(terminal, &open.troubles, true);
        return json::answer_session(terminal, &mut open).map(|()| Exit::Done);
    }
    let mut pager = Pager::start(terminal, &world::directory());
    pager.show(&head(&open.session, terminal.paint()));
    let mut talk = Talk::new(*terminal.paint(), full, &open.session);
    let too_long = open.pieces(|piece| match talk.next(&piece) {
        Some(shown) => pager.show(&format!("{shown}\n")),
        None => true,
    })?;
    drop(pager);
    words::troubles(terminal, &open.troubles, true);
    if too_long > 0 && open.troubles.is_empty() {
        terminal.warn(&format!("{} too long to read", text::count(too_long, "line")));
    }
    Ok(Exit::Done)
}

/// Formats the facts above the conversation.
fn head(session: &Session, paint: &Painter) -> String {
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
    facts.extend(session.cost_usd.map(|cost| ("cost", words::dollars(cost))));
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
        .map(|(name, value)| format!("{} {value}\n", paint.as_role(Role::Faint, &format!("{name:<9}"))))
        .collect()
}

/// A session that is being printed: a heading is needed where the speaker changes.
struct Talk {
    paint: Painter,
    full: bool,
    /// Who prompts and who answers: in the transcript of a subagent, the agent prompts.
    asks: String,
    answers: String,
    last: Option<Speaker>,
}

/// The author of an item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Speaker {
    Person,
    Agent,
    Subagent,
}

impl Talk {
    fn new(paint: Painter, full: bool, session: &Session) -> Self {
        let program = text::safe(&session.program).into_owned();
        let (asks, answers) = match session.subagent_of {
            Some(_) => (program, SUBAGENT.to_owned()),
            None => ("you".to_owned(), program),
        };
        Self { paint, full, asks, answers, last: None }
    }

    /// Formats an item, below a heading if the speaker changes; `None` if the item is not shown.
    fn next(&mut self, piece: &TranscriptItem) -> Option<String> {
        let speaker = match &piece.what {
            _ if piece.by_subagent => Speaker::Subagent,
            ItemKind::Prompt(_) => Speaker::Person,
            _ => Speaker::Agent,
        };
        let shown = match speaker {
            Speaker::Subagent if !self.full => return self.folded(piece),
            _ => piece_of(piece, self.full, &self.paint)?,
        };
        let is_new = self.last != Some(speaker) || speaker == Speaker::Person;
        // A note of the program itself has no speaker.
        if matches!(piece.what, ItemKind::Note(_)) && !piece.by_subagent {
            return Some(shown);
        }
        self.last = Some(speaker);
        Some(if is_new { format!("\n{}\n{shown}", self.heading(speaker, piece)) } else { shown })
    }

    /// Shows only the prompt of a subagent that is recorded in the same file.
    fn folded(&mut self, piece: &TranscriptItem) -> Option<String> {
        let ItemKind::Prompt(words) = &piece.what else { return None };
        let asked = text::one_line(&one_paragraph(words), COLUMNS);
        Some(format!("  {} subagent: {asked}", self.paint.as_role(Role::Faint, "·")))
    }

    fn heading(&self, speaker: Speaker, piece: &TranscriptItem) -> String {
        let who = match speaker {
            Speaker::Person => &self.asks,
            Speaker::Agent => &self.answers,
            Speaker::Subagent => SUBAGENT,
        };
        let at = piece.at.as_deref().map_or_else(String::new, |at| text::one_line(at, 40));
        self.paint.as_role(Role::Faint, format!("── {who}  {at}").trim_end())
    }
}

fn piece_of(piece: &TranscriptItem, full: bool, paint: &Painter) -> Option<String> {
    let line = |mark: &str, role: Role, words: &str| {
        Some(format!("  {} {}", paint.as_role(role, mark), text::one_line(words, COLUMNS)))
    };
    match &piece.what {
        ItemKind::Prompt(words) => {
            Some(lines(words, |line| paint.as_role(Role::Head, format!("> {line}").trim_end())))
        }
        ItemKind::Answer(words) => Some(block(words)),
        ItemKind::Thought(words) if full => {
            Some(lines(words, |line| paint.as_role(Role::Faint, &format!("  ~ {line}"))))
        }
        ItemKind::Thought(_) => None,
        ItemKind::Tool { name, input } => Some(tool(name, input, full, paint)),
        ItemKind::Result { error: false, text } if text.trim().is_empty() && !full => None,
        ItemKind::Result { error, text } => {
            let (mark, role) = if *error { ("✗", Role::Bad) } else { ("←", Role::Faint) };
            if full {
                return Some(format!(
                    "  {}\n{}",
                    paint.as_role(role, mark),
                    lines(text, |line| format!("    {line}"))
                ));
            }
            line(mark, role, &gist(text))
        }
        ItemKind::Note(words) => line("·", Role::Faint, &one_paragraph(words)),
    }
}

/// Formats the use of a tool, with its subject; for an edit, with the changed lines.
fn tool(name: &str, input: &str, full: bool, paint: &Painter) -> String {
    let head = format!("  {} {}", paint.as_role(Role::Hint, "→"), text::safe(name));
    let changes = edit::changes(input);
    if changes.is_empty() {
        return if full {
            format!("{head}\n{}", lines(input, |line| format!("    {line}")))
        } else {
            format!("{head} {}", about(input))
        };
    }
    let most = if full { usize::MAX } else { CHANGES };
    let mut shown: Vec<String> = changes
        .iter()
        .take(most)
        .map(|change| {
            let (mark, words, role) = match change {
                edit::Change::Removed(words) => ("-", words, Role::Bad),
                edit::Change::Added(words) => ("+", words, Role::Good),
            };
            let words = text::one_line(&text::plain(words).replace('\t', "    "), COLUMNS);
            paint.as_role(role, format!("    {mark} {words}").trim_end())
        })
        .collect();
    if changes.len() > most {
        shown.push(format!("    … {} more", text::count((changes.len() - most) as u64, "line")));
    }
    format!("{head} {}\n{}", about(input), shown.join("\n"))
}

/// Joins the text into one line.
fn one_paragraph(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn block(words: &str) -> String {
    text::safe_block(&text::plain(words.trim_end().trim_start_matches(['\r', '\n'])))
}

fn lines(words: &str, each: impl Fn(&str) -> String) -> String {
    block(words).lines().map(each).collect::<Vec<_>>().join("\n")
}
