//! Prints the report of `pr`.

use orchestra::{
    Result,
    model::text::{self, safe},
    ops::pr::{
        self, ForgeChecks, ForgeReviews, News, PullRequestNews, PullRequestRow, PullRequestState,
        PullRequestStep, Report,
    },
    trust::AcceptedRepo,
    wire,
    world::Timestamp,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, context, here, json, names, pull_requests,
    table::{self, Column, TableCell},
};

use super::cli::{Cli, Verb};

/// The longest beginning of a comment, in columns.
const MAX_SAID: usize = 300;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = accepted::repository(terminal)?;
    if let Some(verb) = &cli.verb {
        return watch(verb, terminal, &repo);
    }
    let mut request = cli.request();
    names::meant(terminal, &repo, &mut request.agents)?;
    let report = pr::run(&context::interruptible(terminal)?, &repo, &request)?;
    if cli.json {
        json::print_answer(terminal, wire::PR, &report)?;
    } else if request.agents.is_empty() {
        print_list(terminal, &report);
    } else {
        report
            .pull_requests
            .iter()
            .for_each(|row| terminal.print(&format!("{}\n", line(row, report.dry_run))));
        report.without_token.iter().for_each(|what| terminal.eprintln(&safe(what)));
    }
    Ok(Exit::Done)
}

fn watch(verb: &Verb, terminal: &Terminal, repo: &AcceptedRepo) -> Result<Exit> {
    let mut request = verb.request();
    names::meant(terminal, repo, &mut request.agents)?;
    let Verb::Watch { json: is_json, .. } = verb;
    let context = context::interruptible(terminal)?;
    terminal.begin_stream();
    let cancel = context.cancel.clone();
    terminal.on_closed(move || cancel.cancel());
    let mut tell = |news: &PullRequestNews| {
        if *is_json {
            return json::print_answer(terminal, wire::PR_NEWS, news);
        }
        terminal.print(&format!("{}\n", news_line(news)));
        Ok(())
    };
    match pr::watch(&context, repo, &request, &mut tell) {
        Err(_) if terminal.is_closed() => Ok(Exit::Done),
        watched => watched.map(|()| Exit::Done),
    }
}

/// Formats a change, such as `add-tests-k3m9q: 12 check 'test' fails: https://ci.example.com/7`.
fn news_line(news: &PullRequestNews) -> String {
    let text = news.text.as_deref().map(|text| text::one_line(text, MAX_SAID)).unwrap_or_default();
    let url = safe(&news.url);
    let standing = pull_requests::standing(news.checks, news.review);
    let what = match news.news {
        News::Watched => format!("is open{standing}: {url}"),
        News::CheckFailed => {
            format!("check '{}' fails: {url}", safe(news.check.as_deref().unwrap_or_default()))
        }
        News::ChecksPassed => "all checks passed".to_owned(),
        News::Reviewed => format!("is{}", standing.trim_start_matches(',')),
        News::Said => said_line(news, &text),
        News::HeadMoved => "somebody else pushed to its branch".to_owned(),
        News::Merged => "was merged".to_owned(),
        News::Closed => "was closed".to_owned(),
        News::Reopened => "was opened again".to_owned(),
        News::Given => {
            let count = text::count(u64::try_from(news.given.unwrap_or(0)).unwrap_or(0), "point");
            format!("the agent was given {count} to work on")
        }
        News::Pushed => "the agent's result was pushed to it".to_owned(),
        News::HeldBack => format!("nothing is given or pushed: {text}"),
        News::Unreachable => format!("is looked at again later: {text}"),
    };
    format!("{}: {} {what}", news.agent, news.number)
}

fn said_line(news: &PullRequestNews, text: &str) -> String {
    let author = safe(news.author.as_deref().unwrap_or_default()).into_owned();
    let trust = if news.trusted == Some(true) { "" } else { " (not trusted)" };
    let did = match news.review {
        Some(ForgeReviews::Approved) => "approves it",
        Some(ForgeReviews::Changes) => "requests changes",
        _ => "says",
    };
    let place = news.file.as_ref().map(|file| format!(" on {}:{}", safe(file), news.line.unwrap_or(0)));
    let said = if text.is_empty() { String::new() } else { format!(": {text}") };
    format!("{author}{trust} {did}{}{said} ({})", place.unwrap_or_default(), safe(&news.url))
}

fn print_list(terminal: &Terminal, report: &Report) {
    if let Some(why) = &report.unreachable {
        terminal.eprintln(&format!("{}; this is what was recorded", safe(why)));
    }
    if report.pull_requests.is_empty() {
        terminal.eprintln(&format!(
            "{} on {} has no open pull request",
            safe(&report.repo),
            safe(&report.host)
        ));
        return;
    }
    let columns = [
        Column::new("NUMBER"),
        Column::new("AGENT").cut_in_middle().hidden_at(1),
        Column::new("STATE").cut_at_end(),
        Column::new("CHECKS").cut_at_end(),
        Column::new("REVIEW").cut_at_end(),
        Column::new("INTO").cut_at_end().hidden_at(3),
        Column::new("AUTHOR").cut_at_end().hidden_at(2),
        Column::new("TITLE").cut_at_end(),
    ];
    let now = here::environment().now();
    let rows: Vec<Vec<TableCell>> = report.pull_requests.iter().filter_map(|row| listed(row, now)).collect();
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
}

fn listed(row: &PullRequestRow, now: Timestamp) -> Option<Vec<TableCell>> {
    let one = row.pull_request.as_ref()?;
    let draft = if one.draft { "draft: " } else { "" };
    let agent = row.agent.as_ref().map(ToString::to_string);
    let state = if row.head_moved { "pushed to" } else { one.state.as_str() };
    let age = row.seen_at.map(|at| format!(", {}", pull_requests::as_of(at, now))).unwrap_or_default();
    Some(vec![
        TableCell::number(one.number.to_string()),
        TableCell::new(agent.unwrap_or_else(|| "-".to_owned())),
        TableCell::new(format!("{state}{age}")),
        TableCell::new(row.checks.map_or("-", pull_requests::checks_word)),
        TableCell::new(row.review.map_or("-", pull_requests::review_word)),
        TableCell::new(safe(&one.base)),
        TableCell::new(safe(&one.author)),
        TableCell::new(format!("{draft}{}", safe(&one.title))),
    ])
}

/// Formats what was done, such as `add-tests-k3m9q: opened 12 https://github.com/team/app/pull/12`.
fn line(row: &PullRequestRow, is_dry_run: bool) -> String {
    let agent = row.agent.as_ref().map(ToString::to_string).unwrap_or_default();
    let done = match (row.done, is_dry_run) {
        (PullRequestStep::Opened, false) => "opened",
        (PullRequestStep::Opened, true) => "would be opened",
        (PullRequestStep::Updated, false) => "pushed to",
        (PullRequestStep::Updated, true) => "would be pushed to",
        (PullRequestStep::Merged, false) => "merged",
        (PullRequestStep::Merged, true) => "would merge",
        (PullRequestStep::Closed, false) => "closed",
        (PullRequestStep::Closed, true) => "would close",
        (PullRequestStep::Unchanged, _) => match row.pull_request.as_ref().map(|one| one.state) {
            Some(PullRequestState::Merged) => "already merged",
            Some(PullRequestState::Closed) => "already closed",
            _ => "unchanged",
        },
        (PullRequestStep::Listed, _) => "open",
    };
    let which = row
        .pull_request
        .as_ref()
        .map(|one| format!(" {} {}", one.number, safe(&one.url)))
        .unwrap_or_default();
    let checks = match row.checks {
        Some(ForgeChecks::Failed) => " (checks failed)",
        Some(ForgeChecks::Running) => " (checks running)",
        Some(ForgeChecks::Passed) => " (checks passed)",
        Some(ForgeChecks::None | ForgeChecks::Other) | None => "",
    };
    format!("{agent}: {done}{which}{checks}{}", moved(row, is_dry_run))
}

/// Formats where the work is now, such as `; its work is now on top of main, its base is now main`.
fn moved(row: &PullRequestRow, is_dry_run: bool) -> String {
    let is = if is_dry_run { "would be" } else { "is now" };
    let onto = row.moved_onto.as_deref().map(|branch| format!("its work {is} on top of {}", safe(branch)));
    let into = row.retargeted.as_deref().map(|branch| format!("its base {is} {}", safe(branch)));
    let both: Vec<String> = onto.into_iter().chain(into).collect();
    if both.is_empty() { String::new() } else { format!("; {}", both.join(", ")) }
}
