//! Prints the list of sessions.

use std::collections::BTreeSet;

use orchestra::{
    Result,
    model::{quote, text},
    ops::sessions::{self, Session},
    wire, world,
};
use orchestra_terminal::{
    Exit, Terminal, humanize, json,
    style::Role,
    table::{self, Text},
};

use crate::{cli::Cli, scope, words};

/// The smallest number of characters of an id that are shown.
const SHORT: usize = 8;
/// The widths of a branch and of a directory, in columns, where there is room.
const BRANCH: usize = 28;
const FOLDER: usize = 60;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = scope::repository_for(&cli.which)?;
    let report = sessions::run(repo.as_ref(), &cli.which.request(cli.limit)?)?;
    words::troubles(terminal, &report.troubles, cli.which.verbose);
    if cli.json {
        json::answer(terminal, wire::SESSIONS, &report)?;
        return Ok(Exit::Done);
    }
    if cli.nul {
        report.sessions.iter().for_each(|session| terminal.answer(&format!("{}\0", session.id)));
        return Ok(Exit::Done);
    }
    if report.sessions.is_empty() {
        words::nothing(terminal, cli.which.all);
        return Ok(Exit::Done);
    }
    terminal.answer(&draw(&report.sessions, cli.which.all, terminal));
    name_copies(&report.sessions, terminal);
    if report.more > 0 {
        terminal.say(&format!("{} more; --limit 0 shows all", report.more));
    }
    Ok(Exit::Done)
}

/// Hints at ids that several files share: each file can be named by its path.
fn name_copies(sessions: &[Session], terminal: &Terminal) {
    let mut named = BTreeSet::new();
    for one in sessions.iter().filter(|one| !one.other_files.is_empty()) {
        if named.insert(&one.id) {
            let id = text::safe(&one.id);
            terminal.hint(&format!(
                "{} files have the id {id}; name one of them by its path:",
                one.other_files.len() + 1
            ));
            one.path.iter().chain(&one.other_files).for_each(|path| {
                terminal.hint(&quote::command(&[&"git", &"orchestra", &"sessions", &"show", path]));
            });
        }
    }
}

fn draw(sessions: &[Session], everywhere: bool, terminal: &Terminal) -> String {
    let now = world::now().as_second();
    let any = |has: fn(&Session) -> bool| sessions.iter().any(has);
    let (state, cost, agent) =
        (any(|one| one.live || one.kept), any(|one| one.cost_usd.is_some()), any(|one| one.agent.is_some()));
    let branch = any(|one| branch_of(one).is_some());
    // On a narrow terminal the title needs the room.
    let room =
        |part: usize, most: usize| terminal.width().map_or(most, |width| (width / part).clamp(12, most));
    let (folder_columns, branch_columns) = (room(5, FOLDER), room(7, BRANCH));
    let mut headings = vec!["SESSION", "PROGRAM", "ACTIVE", "MESSAGES"];
    headings.extend(state.then_some("STATE"));
    headings.extend(cost.then_some("COST"));
    headings.extend(everywhere.then_some("FOLDER"));
    headings.extend(branch.then_some("BRANCH"));
    headings.extend(agent.then_some("AGENT"));
    headings.push("TITLE");
    let rows = sessions.iter().map(|one| {
        let age = world::seconds(&one.last_active_at).map_or_else(String::new, |at| humanize::age(now - at));
        let mut row = vec![
            Text::new(short(one, sessions)),
            Text::new(one.program.clone()),
            Text::number(age),
            Text::number(one.messages.map_or_else(|| "?".to_owned(), |count| count.to_string())),
        ];
        row.extend(state.then(|| state_of(one)));
        row.extend(cost.then(|| Text::number(one.cost_usd.map_or_else(|| "-".to_owned(), words::dollars))));
        row.extend(everywhere.then(|| Text::new(end(&line(one.cwd.as_deref(), 4096), folder_columns))));
        row.extend(branch.then(|| Text::new(line(branch_of(one), branch_columns))));
        row.extend(agent.then(|| Text::new(one.agent.clone().unwrap_or_else(|| "-".to_owned()))));
        row.push(Text::new(line(one.title.as_deref(), text::TITLE)));
        row
    });
    table::draw(&headings, rows.collect(), terminal.width(), terminal.paint())
}

/// Returns the end of a text: it is the end that distinguishes directories.
fn end(text: &str, columns: usize) -> String {
    let length = text.chars().count();
    if length <= columns {
        return text.to_owned();
    }
    format!("…{}", text.chars().skip(length + 1 - columns).collect::<String>())
}

/// Returns the session's branch, unless it is the one of its agent, which is shown already.
fn branch_of(one: &Session) -> Option<&str> {
    let is_of_agent = |branch: &&str| one.agent.as_deref().is_some_and(|agent| branch.ends_with(agent));
    one.branch.as_deref().filter(|branch| !is_of_agent(branch))
}

fn state_of(one: &Session) -> Text {
    match (one.live, one.kept) {
        (true, _) => Text::role("live", Role::Active),
        (false, true) => Text::role("kept", Role::Good),
        (false, false) => Text::new("-"),
    }
}

fn line(text: Option<&str>, columns: usize) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text::one_line(text, columns))
}

/// Returns the prefix of an id that distinguishes it from the other ids of the list.
fn short(one: &Session, all: &[Session]) -> String {
    let shared = |other: &Session| one.id.bytes().zip(other.id.bytes()).take_while(|(a, b)| a == b).count();
    let longest = all.iter().filter(|other| other.id != one.id).map(shared).max().unwrap_or(0);
    one.id.chars().take(SHORT.max(longest + 1)).collect()
}
