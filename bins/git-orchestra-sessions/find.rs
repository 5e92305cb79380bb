//! What a search found.

use orchestra::{
    Result,
    model::text,
    ops::sessions::search::{self, Hit, Hits, Query},
};
use orchestra_terminal::{
    Exit, Terminal, json,
    paint::{Paint, Role},
};
use serde::Serialize;

use crate::{
    cli::{Search, Which},
    list, view,
};

/// Columns of a line that holds what was searched for.
const COLUMNS: usize = 160;
/// What is shown before the words, in characters.
const BEFORE: usize = 60;

pub(crate) fn run(terminal: &Terminal, search: &Search, which: &Which) -> Result<Exit> {
    let repo = view::repo_for(which)?;
    let query = Query { words: search.words.clone(), regex: search.regex, ignore_case: search.ignore_case };
    let mut found: Vec<Found> = Vec::new();
    let mut any = false;
    let outcome = search::run(repo.as_ref(), &which.request(search.limit)?, &query, |hits| {
        any = true;
        if search.json {
            found.push(Found::from(hits));
            return true;
        }
        let shown = if search.files {
            format!("{}\n", hits.session.id)
        } else {
            show(&hits, search, terminal.paint())
        };
        terminal.answer(&shown);
        !terminal.is_closed()
    })?;
    list::troubles(terminal, &outcome.troubles, which.verbose);
    if search.json {
        json::answer(terminal, "search", &Answer { searched: outcome.searched, sessions: found })?;
    } else if !any {
        terminal.say(&format!("not in {}", text::count(outcome.searched as u64, "conversation")));
    }
    Ok(if any { Exit::Done } else { Exit::No })
}

#[derive(Serialize)]
struct Answer {
    searched: usize,
    sessions: Vec<Found>,
}

/// A conversation with its hits, for programs.
#[derive(Serialize)]
struct Found {
    id: String,
    program: String,
    title: Option<String>,
    cwd: Option<String>,
    hits: Vec<Place>,
    more: u64,
}

#[derive(Serialize)]
struct Place {
    at: Option<String>,
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subagent: Option<String>,
    line: String,
}

impl From<Hits> for Found {
    fn from(hits: Hits) -> Self {
        let place = |hit: Hit| Place {
            line: lines_around(&hit, 0).1.join("\n"),
            role: role(&hit),
            subagent: hit.subagent,
            at: hit.at,
        };
        let Hits { session, hits, more } = hits;
        let (id, program, title, cwd) = (session.id, session.program, session.title, session.cwd);
        Self { id, program, title, cwd, hits: hits.into_iter().map(place).collect(), more }
    }
}

const fn role(hit: &Hit) -> &'static str {
    if hit.by_user { "user" } else { "assistant" }
}

/// The conversation, then each hit: who, when, and the line with what stands around it.
fn show(hits: &Hits, search: &Search, paint: &Paint) -> String {
    let session = &hits.session;
    let line =
        |text: &Option<String>| text.as_deref().map_or_else(String::new, |text| text::one_line(text, 80));
    let (id, title, folder) =
        (paint.as_role(Role::Head, &session.id), line(&session.title), line(&session.cwd));
    let mut out = format!("{id}  {folder}  {title}\n");
    for hit in &hits.hits {
        let at = hit.at.as_deref().map_or_else(String::new, |at| text::one_line(at, 40));
        let mark = if hit.by_user { ">" } else { " " };
        let who = match &hit.subagent {
            Some(id) => format!("sub-agent {}", text::safe(id)),
            None => role(hit).to_owned(),
        };
        out.push_str(&format!("  {} {who}\n", paint.as_role(Role::Faint, &at)));
        let (at, lines) = lines_around(hit, search.context);
        for (number, line) in lines.iter().enumerate() {
            let shown = if number == at { marked(hit, line, paint) } else { text::one_line(line, COLUMNS) };
            out.push_str(&format!("  {mark} {shown}\n"));
        }
    }
    if hits.more > 0 {
        out.push_str(&format!("    {} more\n", hits.more));
    }
    out.push('\n');
    out
}

/// The line of a hit among `context` lines before and after it, and which it is.
fn lines_around(hit: &Hit, context: usize) -> (usize, Vec<&str>) {
    let before = hit.text.get(..hit.place.start).unwrap_or_default();
    let at = before.matches('\n').count();
    let from = at.saturating_sub(context);
    (at - from, hit.text.split('\n').skip(from).take(at - from + 1 + context).collect())
}

/// The line with the words made bold; of a long one, what stands around them.
fn marked(hit: &Hit, line: &str, paint: &Paint) -> String {
    let before = hit.text.get(..hit.place.start).unwrap_or_default();
    let column = before.rfind('\n').map_or(before.len(), |end| before.len() - end - 1);
    let end = (column + hit.place.len()).min(line.len());
    let (Some(before), Some(words), Some(after)) =
        (line.get(..column), line.get(column..end), line.get(end..))
    else {
        return text::one_line(line, COLUMNS);
    };
    let from = before.char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
    let cut = if from > 0 { "…" } else { "" };
    let words = text::one_line(words, COLUMNS);
    let before = text::safe(before.get(from..).unwrap_or_default()).trim_start().to_owned();
    let after = text::cut(&text::safe(&after.chars().take(COLUMNS).collect::<String>()), COLUMNS - BEFORE);
    format!("{cut}{before}{}{after}", paint.as_role(Role::Warn, &words))
}
