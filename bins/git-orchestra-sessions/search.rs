//! Prints the matches of a search.

use orchestra::{
    Result,
    model::text,
    ops::sessions::{
        search::{self, Hit, Query, SearchSummary, SessionHits},
        search_report::{FoundSession, Report},
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, context, json,
    style::{Painter, Role},
};

use super::{
    cli::{Search, SessionFilter},
    formats, scope,
};

/// The width of a line with a match, in columns.
const COLUMNS: usize = 160;
/// How much of a line is shown before the match, in characters.
const CONTEXT_BEFORE: usize = 60;

pub(crate) fn run(terminal: &Terminal, search: &Search, which: &SessionFilter) -> Result<Exit> {
    let repo = scope::repository_for(which)?;
    let Search { words, regex, ignore_case, files: one_match, .. } = search.clone();
    let query = Query { words, regex, ignore_case, one_match };
    let mut found: Vec<FoundSession> = Vec::new();
    let mut any = false;
    let context = context::interruptible(terminal)?;
    let mut under_way = search::run(&context, repo.as_ref(), &which.request(search.limit)?, &query)?;
    for hits in &mut under_way {
        let hits = hits?;
        any = true;
        if search.json {
            found.push(FoundSession::from(hits));
            continue;
        }
        let shown = if search.files {
            format!("{}\n", hits.session.id)
        } else {
            show(&hits, search, terminal.painter())
        };
        terminal.print(&shown);
        if terminal.is_closed() {
            break;
        }
    }
    let outcome = under_way.finish();
    formats::print_read_failures(terminal, &outcome.troubles, which.verbose);
    if search.json {
        let SearchSummary { searched, troubles } = outcome;
        let report = Report { searched, sessions: found, unreadable: troubles };
        json::print_answer(terminal, wire::SEARCH, &report)?;
    } else if !any {
        terminal.eprintln(&format!("no match in {}", text::count(outcome.searched as u64, "session")));
    }
    Ok(if any { Exit::Done } else { Exit::No })
}

/// Formats a session's matches: who wrote each, when, and the lines around it.
fn show(hits: &SessionHits, search: &Search, painter: &Painter) -> String {
    let session = &hits.session;
    let line =
        |text: &Option<String>| text.as_deref().map_or_else(String::new, |text| text::one_line(text, 80));
    let (id, title, folder) =
        (painter.as_role(Role::Head, &session.id), line(&session.title), line(&session.cwd));
    let mut out = format!("{id}  {folder}  {title}\n");
    for hit in &hits.hits {
        let at = hit.at.as_deref().map_or_else(String::new, |at| text::one_line(at, 40));
        let mark = if hit.by_user { ">" } else { " " };
        let who = match &hit.subagent {
            Some(id) => format!("subagent {}", text::safe(id)),
            None => hit.author().as_str().to_owned(),
        };
        out.push_str(&format!("  {} {who}\n", painter.as_role(Role::Faint, &at)));
        let (at, lines) = hit.lines(search.context);
        for (number, line) in lines.iter().enumerate() {
            let shown =
                if number == at { highlight(hit, line, painter) } else { text::one_line(line, COLUMNS) };
            out.push_str(&format!("  {mark} {shown}\n"));
        }
    }
    if hits.more > 0 {
        out.push_str(&format!("    {} more\n", hits.more));
    }
    out.push('\n');
    out
}

/// Highlights the match in its line, and cuts a long line around it.
fn highlight(hit: &Hit, line: &str, painter: &Painter) -> String {
    let before = hit.text.get(..hit.place.start).unwrap_or_default();
    let column = before.rfind('\n').map_or(before.len(), |end| before.len() - end - 1);
    let end = (column + hit.place.len()).min(line.len());
    let (Some(before), Some(words), Some(after)) =
        (line.get(..column), line.get(column..end), line.get(end..))
    else {
        return text::one_line(line, COLUMNS);
    };
    let from = before.char_indices().rev().nth(CONTEXT_BEFORE).map_or(0, |(at, _)| at);
    let cut = if from > 0 { "…" } else { "" };
    let words = text::one_line(words, COLUMNS);
    let before = text::safe(before.get(from..).unwrap_or_default()).trim_start().to_owned();
    let after = text::truncate(
        &text::safe(&after.chars().take(COLUMNS).collect::<String>()),
        COLUMNS - CONTEXT_BEFORE,
    );
    format!("{cut}{before}{}{after}", painter.as_role(Role::Warn, &words))
}
