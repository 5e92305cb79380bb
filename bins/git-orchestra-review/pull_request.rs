//! Reviews of pull requests: what `review --pr` says, asks and prints.

use orchestra::{
    Code, Error, Result,
    model::{
        text::{self, safe},
        verdict::Verdict,
    },
    ops::{
        configuration::AcceptedRepo,
        pr::PullRequest,
        pr_review::{PullRequestVerdict, PullRequestWork, PullRequests, Report, Request},
        review::{GivenVerdict, VerdictMatch, by_agent::ByAgentRequest},
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, accepted, context, json, prompt,
    style::Role,
    table::{self, Column, TableCell},
};

use super::cli::Cli;

/// How many files are shown; more are only counted.
const MAX_FILES: usize = 20;

/// How many pull requests an error names.
const MAX_NAMED: usize = 10;

pub(crate) fn run(cli: &Cli, terminal: &Terminal, give: Option<GivenVerdict>) -> Result<Exit> {
    let typed = typed_number(cli)?;
    let repo = repository(cli, terminal)?;
    let context = context::interruptible(terminal)?;
    let all = PullRequests::of_remote(&context, &repo, cli.remote.as_deref())?;
    let number = match typed {
        Some(number) => number,
        None => match pick(cli, terminal, &all, give.is_some())? {
            Some(number) => number,
            None => return Ok(Exit::Done),
        },
    };
    let request = request(cli, number, give);
    let report = review(cli, terminal, &all, &request, number)?;
    if cli.json {
        json::print_answer(terminal, wire::PR_REVIEW, &report)?;
    }
    Ok(if is_no(&report) { Exit::No } else { Exit::Done })
}

/// Returns the number that was typed behind `--pr`.
fn typed_number(cli: &Cli) -> Result<Option<u64>> {
    let Some(typed) = cli.pr.as_ref().and_then(Option::as_ref) else { return Ok(None) };
    typed.parse().map(Some).map_err(|_| {
        Error::usage(format!("not a pull request number: '{}'", safe(typed)))
            .hint("git orchestra pr lists them")
    })
}

/// Opens the repository; what the project proposes counts where its checks run.
pub(crate) fn repository(cli: &Cli, terminal: &Terminal) -> Result<AcceptedRepo> {
    let uses_checks = cli.by.is_some() || cli.automerge || cli.fix;
    if uses_checks { accepted::with_project_settings(terminal) } else { accepted::repository(terminal) }
}

pub(crate) fn request(cli: &Cli, number: u64, give: Option<GivenVerdict>) -> Request {
    let by = cli.by.as_ref().map(|profile| ByAgentRequest {
        profile: profile.clone(),
        test: cli.test.clone(),
        fix: false,
        recheck: cli.recheck,
    });
    Request {
        pull_request: Some(number),
        remote: cli.remote.clone(),
        by,
        test: cli.test.clone(),
        give,
        trust: cli.trust,
        post: cli.post,
        automerge: cli.automerge,
        method: cli.method(),
        fix: cli.fix,
        fixer: cli.fixer.clone(),
    }
}

/// Returns whether the answer is no.
pub(crate) fn is_no(report: &Report) -> bool {
    report.given == Some(Verdict::Reject) || report.not_merged.is_some()
}

/// Does what was asked for with one pull request. People read each part as soon as it is known.
pub(crate) fn review(
    cli: &Cli,
    terminal: &Terminal,
    all: &PullRequests<'_>,
    request: &Request,
    number: u64,
) -> Result<Report> {
    if cli.automerge
        && let Some(report) = all.merged_already(number)?
    {
        print_merged(terminal, cli, &report);
        return Ok(report);
    }
    let review = all.open(request, number)?;
    if let Some(announcement) = review.announcement() {
        terminal.eprintln(&announcement);
    }
    let mut report = review.judge()?;
    let is_shown = report.given.is_some() || report.posted.is_some() || !(cli.automerge || cli.fix);
    if !cli.json && is_shown {
        print(terminal, &report);
    }
    if cli.fix {
        review.fix(&mut report)?;
        print_fixed(terminal, cli, &report);
    }
    if cli.automerge {
        review.merge(&mut report)?;
        print_merged(terminal, cli, &report);
    }
    Ok(report)
}

fn print_fixed(terminal: &Terminal, cli: &Cli, report: &Report) {
    let (Some(fixed), Some(one), false) = (&report.fixed, &report.pull_request, cli.json) else { return };
    let now = if fixed.is_new { "changed" } else { "is changed already" };
    let (number, head, agent) = (one.number, fixed.head.short(), &fixed.agent);
    terminal.print(&format!("{number} {now}: {head} by {agent} is its head {}\n", safe(&one.url)));
    terminal.hint(&format!("git orchestra review --pr {number}"));
}

fn print_merged(terminal: &Terminal, cli: &Cli, report: &Report) {
    let Some(one) = &report.pull_request else { return };
    if let (Some(merged), false) = (&report.merged, cli.json) {
        let now = if merged.is_new { "merged" } else { "is merged already," };
        let head = merged.head.get(..12).unwrap_or(&merged.head);
        terminal.print(&format!(
            "{} {now} at {} into {} {}\n",
            one.number,
            safe(head),
            safe(&merged.into),
            safe(&one.url)
        ));
    }
    if report.merged.as_ref().is_some_and(|merged| merged.head_moved) {
        terminal.warn(&format!(
            "somebody pushed to {} at that moment, so that another head was merged than the one that was judged",
            one.number
        ));
    }
    if let Some(not) = &report.not_merged {
        terminal.warn(&format!("{} was not merged: {}", one.number, not.why));
        for next in &not.next {
            terminal.hint(next);
        }
    }
}

/// Lists the open pull requests; on a terminal the user picks one.
///
/// # Errors
/// Something should be done with one, and the user cannot be asked which (2).
fn pick(cli: &Cli, terminal: &Terminal, all: &PullRequests<'_>, gives: bool) -> Result<Option<u64>> {
    let acts = gives || cli.by.is_some() || cli.post || cli.automerge || cli.fix;
    let asks = terminal.can_ask() && terminal.width().is_some() && !cli.json;
    let report = all.list()?;
    if acts && !asks {
        return Err(not_named(&report));
    }
    if cli.json {
        json::print_answer(terminal, wire::PR_REVIEW, &report)?;
        return Ok(None);
    }
    if report.open.is_empty() {
        terminal.eprintln(&format!(
            "{} on {} has no open pull request",
            safe(&report.repo),
            safe(&report.host)
        ));
        return Ok(None);
    }
    if asks {
        let items: Vec<String> = report.open.iter().map(line).collect();
        let items: Vec<&str> = items.iter().map(String::as_str).collect();
        let picked = prompt::choose(terminal, "which pull request?", &items)?;
        return Ok(picked.and_then(|at| report.open.get(at)).map(|one| one.number));
    }
    let columns = [
        Column::new("NUMBER"),
        Column::new("INTO").cut_at_end().hidden_at(3),
        Column::new("AUTHOR").cut_at_end().hidden_at(2),
        Column::new("TITLE").cut_at_end(),
    ];
    let row = |one: &PullRequest| {
        let (into, author, title) = (safe(&one.base), safe(&one.author), safe(&one.title));
        vec![
            TableCell::number(one.number.to_string()),
            TableCell::new(into),
            TableCell::new(author),
            TableCell::new(title),
        ]
    };
    let rows: Vec<Vec<TableCell>> = report.open.iter().map(row).collect();
    terminal.print(&table::draw(&columns, &rows, terminal.width(), terminal.painter()));
    terminal.hint("git orchestra review --pr NUMBER");
    Ok(None)
}

/// Makes the error that no number was typed, and lists what can be.
fn not_named(report: &Report) -> Error {
    let error = Error::new(Code::ArgumentMissing, "which pull request?");
    let named = report.open.iter().take(MAX_NAMED);
    let error = named.fold(error, |error, one| {
        let title = text::truncate(&one.title, 60);
        error.hint(format!("--pr {}  {}", one.number, safe(&title)))
    });
    match report.open.len() {
        0 => error.hint(format!("{} on {} has none that is open", safe(&report.repo), safe(&report.host))),
        all if all > MAX_NAMED => error.hint(format!("git orchestra review --pr lists all {all}")),
        _ => error,
    }
}

fn line(one: &PullRequest) -> String {
    format!("{}  {}  {}", one.number, text::truncate(&one.author, 20), text::truncate(&one.title, 60))
}

fn print(terminal: &Terminal, report: &Report) {
    let (Some(one), Some(work)) = (&report.pull_request, &report.work) else { return };
    if let Some(given) = report.given {
        let test = report.test.as_ref().map(|test| format!(" (test: {})", safe(&test.result)));
        terminal.print(&format!("{} {}{}\n", one.number, given.label(), test.unwrap_or_default()));
        if let Some(said) = report.verdicts.last().and_then(|last| last.text.as_deref()) {
            terminal.print(&indented(said));
        }
        print_posted(terminal, report);
        return;
    }
    if report.posted.is_some() {
        return print_posted(terminal, report);
    }
    terminal.print(&details(terminal, one, work, &report.verdicts));
    for verdict in ["--approve", "--reject", "--changes -m 'which'"] {
        terminal.hint(&format!("git orchestra review --pr {} {verdict}", one.number));
    }
    terminal.hint(&format!("git diff {} {}", work.base, work.head));
}

fn print_posted(terminal: &Terminal, report: &Report) {
    let (Some(posted), Some(one)) = (&report.posted, &report.pull_request) else { return };
    let now = if posted.is_new { "given" } else { "is" };
    let how = if posted.is_comment { ", as a comment: it is your own" } else { "" };
    let verdict = posted.verdict.label();
    terminal.print(&format!(
        "{} {verdict}: {now} on {}{how} {}\n",
        one.number,
        safe(&report.host),
        safe(&one.url)
    ));
}

fn details(
    terminal: &Terminal,
    one: &PullRequest,
    work: &PullRequestWork,
    verdicts: &[PullRequestVerdict],
) -> String {
    let head = |name: &str| terminal.painter().as_role(Role::Head, name);
    let from = one.fork.as_deref().map(|fork| format!(" of {}", safe(fork))).unwrap_or_default();
    let mut out = format!("{}  {}\n", one.number, safe(&one.title));
    out.push_str(&format!(
        "  {} by {}: {}{from} into {}\n",
        one.state,
        safe(&one.author),
        safe(&one.head),
        safe(&one.base)
    ));
    out.push_str(&format!("  {}\n", safe(&one.url)));
    out.push_str(&format!("\n{}\n", head("FILES")));
    let number = |lines: Option<u64>| lines.map_or_else(|| "?".to_owned(), |lines| lines.to_string());
    for file in work.files.iter().take(MAX_FILES) {
        out.push_str(&format!("  +{} -{} {}\n", number(file.insertions), number(file.deletions), file.path));
    }
    if work.files.len() > MAX_FILES {
        out.push_str(&format!("  … {} more files\n", work.files.len() - MAX_FILES));
    }
    out.push_str(&format!("\n{}\n  {}\n", head("KNOWN"), text::count(work.commits, "commit")));
    for verdict in verdicts {
        let claims = if verdict.counts { "" } else { " (does not count here)" };
        let stale = if verdict.holds == VerdictMatch::Stale { "; stale, it changed since" } else { "" };
        out.push_str(&format!("  {} by {}{claims}{stale}\n", verdict.verdict.label(), safe(&verdict.by)));
    }
    out
}

fn indented(said: &str) -> String {
    said.lines().map(|line| format!("  {}\n", safe(line))).collect()
}
