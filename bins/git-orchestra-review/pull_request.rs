//! Reviews of pull requests: what `review --pr` says, asks and prints.

use orchestra::{
    Result,
    model::{
        text::{self, safe},
        verdict::Verdict,
    },
    ops::{
        configuration::AcceptedRepo,
        pr::PullRequest,
        pr_review::{self, PullRequestVerdict, PullRequestWork, Report, Request},
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

pub(crate) fn run(
    cli: &Cli,
    terminal: &Terminal,
    number: Option<u64>,
    give: Option<GivenVerdict>,
) -> Result<Exit> {
    let open = if cli.by.is_some() { accepted::with_project_settings } else { accepted::repository };
    let repo = open(terminal)?;
    let number = match number {
        Some(number) => number,
        None => match pick(cli, terminal, &repo)? {
            Some(number) => number,
            None => return Ok(Exit::Done),
        },
    };
    let by = cli.by.as_ref().map(|profile| ByAgentRequest {
        profile: profile.clone(),
        test: cli.test.clone(),
        fix: false,
        recheck: cli.recheck,
    });
    let request = Request {
        pull_request: Some(number),
        remote: cli.remote.clone(),
        by,
        give,
        trust: cli.trust,
        post: cli.post,
    };
    let context = context::interruptible(terminal)?;
    let review = pr_review::open(&context, &repo, &request, number)?;
    if let Some(announcement) = review.announcement() {
        terminal.eprintln(&announcement);
    }
    let report = review.judge()?;
    if cli.json {
        json::print_answer(terminal, wire::PR_REVIEW, &report)?;
    } else {
        print(terminal, &report);
    }
    Ok(if report.given == Some(Verdict::Reject) { Exit::No } else { Exit::Done })
}

/// Lists the open pull requests; on a terminal the user picks one.
fn pick(cli: &Cli, terminal: &Terminal, repo: &AcceptedRepo) -> Result<Option<u64>> {
    let report = pr_review::list(&context::interruptible(terminal)?, repo, cli.remote.as_deref())?;
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
    if terminal.can_ask() && terminal.width().is_some() {
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
