//! Prints the list of sessions.

use std::collections::{BTreeMap, BTreeSet};

use orchestra::{
    Result,
    model::{lineage, quote, text},
    ops::sessions::{self, Session},
    wire, world,
};
use orchestra_terminal::{
    Exit, Terminal, context, here, humanize, json, names,
    style::Role,
    table::{self, Column, TableCell},
};

use super::{cli::Cli, formats, scope};

/// The smallest number of characters of an id that are shown.
const MIN_ID: usize = 8;
/// How deep sessions are indented at most below those that started them.
const MAX_INDENT: usize = 4;
/// The most that is shown of a branch, in columns.
const MAX_BRANCH_WIDTH: usize = 250;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = scope::repository_for(&cli.which)?;
    let request = cli.which.request(cli.limit)?;
    let report = sessions::run(&context::reading(terminal), repo.as_ref(), &request)?;
    formats::print_read_failures(terminal, &report.troubles, cli.which.verbose);
    if cli.json {
        json::print_answer(terminal, wire::SESSIONS, &report)?;
        return Ok(Exit::Done);
    }
    if cli.nul {
        report.sessions.iter().for_each(|session| terminal.print(&format!("{}\0", session.id)));
        return Ok(Exit::Done);
    }
    if report.sessions.is_empty() {
        formats::print_none(terminal, cli.which.all);
        return Ok(Exit::Done);
    }
    let shown = as_tree(&report.sessions);
    let numbered = repo.as_ref().is_some_and(|repo| {
        names::number_sessions(terminal, repo, shown.iter().map(|(_, one)| one.id.as_str()))
    });
    terminal.print(&draw(&report.sessions, &shown, cli.which.all, numbered, terminal));
    name_copies(&report.sessions, terminal);
    if report.more > 0 {
        terminal.eprintln(&format!("{} more; --limit 0 shows all", report.more));
    }
    Ok(Exit::Done)
}

/// Hints at ids that several files share: each file can be named by its path.
fn name_copies(sessions: &[Session], terminal: &Terminal) {
    let mut named = BTreeSet::new();
    for session in sessions.iter().filter(|session| !session.other_files.is_empty()) {
        if named.insert(&session.id) {
            let id = text::safe(&session.id);
            terminal.hint(&format!(
                "{} files have the id {id}; name one of them by its path:",
                session.other_files.len() + 1
            ));
            session.path.iter().chain(&session.other_files).for_each(|path| {
                terminal.hint(&quote::command(&[&"git", &"orchestra", &"sessions", &"show", path]));
            });
        }
    }
}

fn draw(
    sessions: &[Session],
    shown: &[(usize, &Session)],
    everywhere: bool,
    numbered: bool,
    terminal: &Terminal,
) -> String {
    let now = here::environment().now().as_second();
    let any = |has: fn(&Session) -> bool| sessions.iter().any(has);
    let (state, cost, agent) = (
        any(|session| session.live || session.kept),
        any(|session| session.cost_usd.is_some()),
        any(|session| session.agent.is_some()),
    );
    let branch = any(|session| branch_of(session).is_some());
    let mut columns = vec![
        Column::new("SESSION"),
        Column::new("PROGRAM").hidden_at(2),
        Column::new("ACTIVE").hidden_at(7),
        Column::new("MESSAGES").hidden_at(1),
    ];
    columns.extend(state.then_some(Column::new("STATE").hidden_at(4)));
    columns.extend(cost.then_some(Column::new("COST").hidden_at(3)));
    columns.extend(everywhere.then_some(Column::new("FOLDER").cut_at_start().hidden_at(8)));
    columns.extend(branch.then_some(Column::new("BRANCH").cut_in_middle().hidden_at(5)));
    columns.extend(agent.then_some(Column::new("AGENT").cut_in_middle().hidden_at(6)));
    columns.push(Column::new("TITLE").cut_at_end());
    let ids = short_ids(sessions);
    let rows = shown.iter().map(|(depth, session)| {
        let age = world::parse_unix_seconds(&session.last_active_at)
            .map_or_else(String::new, |at| humanize::age(now - at));
        let mut row = vec![
            TableCell::new("  ".repeat(*depth) + &short_id(session, &ids)),
            TableCell::new(session.program.clone()),
            TableCell::number(age),
            TableCell::number(session.messages.map_or_else(|| "?".to_owned(), |count| count.to_string())),
        ];
        row.extend(state.then(|| state_of(session)));
        row.extend(
            cost.then(|| {
                TableCell::number(session.cost_usd.map_or_else(|| "-".to_owned(), formats::dollars))
            }),
        );
        row.extend(everywhere.then(|| TableCell::new(line(session.cwd.as_deref(), 4096))));
        row.extend(branch.then(|| TableCell::new(line(branch_of(session), MAX_BRANCH_WIDTH))));
        row.extend(agent.then(|| TableCell::new(session.agent.clone().unwrap_or_else(|| "-".to_owned()))));
        row.push(TableCell::new(line(session.title.as_deref(), text::MAX_TITLE_WIDTH)));
        row
    });
    let mut rows: Vec<Vec<TableCell>> = rows.collect();
    if numbered {
        names::add_numbers(&mut columns, &mut rows);
    }
    table::draw(&columns, &rows, terminal.width(), terminal.painter())
}

/// Returns the sessions with their depth in the tree: each is followed by those of the agents that its agent started.
fn as_tree(sessions: &[Session]) -> Vec<(usize, &Session)> {
    let born: Vec<_> = sessions.iter().map(|one| (one.id.as_str(), one.parent.as_deref())).collect();
    let order = lineage::tree_order(&born);
    let ordered: Vec<_> = order.iter().filter_map(|at| born.get(*at).copied()).collect();
    let depths = lineage::depths(&ordered).into_iter().map(|depth| depth.min(MAX_INDENT));
    depths.zip(order.iter().filter_map(|at| sessions.get(*at))).collect()
}

/// Returns the beginning of a session's id that distinguishes it.
fn short_id(session: &Session, lengths: &BTreeMap<&str, usize>) -> String {
    session.id.chars().take(lengths.get(session.id.as_str()).copied().unwrap_or(MIN_ID)).collect()
}

/// Returns the session's branch, unless it is the one of its agent, which is shown already.
fn branch_of(session: &Session) -> Option<&str> {
    let is_of_agent = |branch: &&str| session.agent.as_deref().is_some_and(|agent| branch.ends_with(agent));
    session.branch.as_deref().filter(|branch| !is_of_agent(branch))
}

fn state_of(session: &Session) -> TableCell {
    match (session.live, session.kept) {
        (true, _) => TableCell::role("live", Role::Active),
        (false, true) => TableCell::role("kept", Role::Good),
        (false, false) => TableCell::new("-"),
    }
}

fn line(text: Option<&str>, columns: usize) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text::one_line(text, columns))
}

/// Returns for each id the length of the prefix that distinguishes it from the other ids of the list.
fn short_ids(sessions: &[Session]) -> BTreeMap<&str, usize> {
    let ids: BTreeSet<&str> = sessions.iter().map(|session| session.id.as_str()).collect();
    let mut lengths: BTreeMap<&str, usize> = ids.iter().map(|id| (*id, MIN_ID)).collect();
    // An id has the longest prefix in common with one of its neighbours.
    for (one, other) in ids.iter().zip(ids.iter().skip(1)) {
        let shared = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        for id in [one, other] {
            lengths.entry(id).and_modify(|length| *length = (shared + 1).max(*length));
        }
    }
    lengths
}
