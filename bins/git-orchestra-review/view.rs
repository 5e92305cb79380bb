//! Prints the report of `review`.

use orchestra::{
    Result,
    git::Repo,
    model::{text, verdict::Verdict},
    ops::{
        merge_ranked::Report as Landed,
        review::{
            self, Report, Request,
            by_agent::{self, ByAgentRequest},
        },
    },
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, agents, check_output, context, here, json, names};

use super::{cli::Cli, edit, interactive, of_run, pull_request, show};

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let mut request = cli.request()?;
    if let Some(named) = &cli.from_run {
        return of_run::run(cli, terminal, named.as_deref(), request.give.as_ref());
    }
    if cli.pr.is_some() {
        return pull_request::run(cli, terminal, request.give);
    }
    let asks = !cli.json && request.give.is_none() && terminal.can_ask() && terminal.width().is_some();
    if request.agent.is_none() && !asks {
        let repo = here::repository()?;
        let report = review::list(&repo)?;
        return print_answer(terminal, &repo, cli, &report, &request);
    }
    let uses_checks = cli.by.is_some() || cli.automerge;
    let open = if uses_checks { accepted::with_project_settings } else { accepted::repository };
    let repo = open(terminal)?;
    if let Some(agent) = &mut request.agent {
        names::meant_one(terminal, &repo, agent)?;
    }
    let agent = request.agent.clone();
    if let (true, Some(give), Some(agent)) = (cli.edit, &mut request.give, &agent) {
        give.comments.extend(edit::comments(&repo, agent, &[])?);
    }
    if let (Some(profile), Some(agent)) = (&cli.by, &agent) {
        let by = ByAgentRequest {
            profile: profile.clone(),
            test: cli.test.clone(),
            fix: cli.fix,
            recheck: cli.recheck,
        };
        let context = context::interruptible(terminal)?;
        let mut report = by_agent::run(&context, &repo, agent, &by)?;
        if cli.automerge {
            review::land(&context, &repo, &mut report)?;
        }
        return print_answer(terminal, &repo, cli, &report, &request);
    }
    if asks {
        return interactive::run(terminal, &repo, request.agent);
    }
    let context = context::interruptible(terminal)?;
    let mut report = review::run(&context, &repo, &request)?;
    if cli.automerge {
        review::land(&context, &repo, &mut report)?;
    }
    print_answer(terminal, &repo, cli, &report, &request)
}

fn print_answer(
    terminal: &Terminal,
    repo: &Repo,
    cli: &Cli,
    report: &Report,
    request: &Request,
) -> Result<Exit> {
    if cli.json {
        json::print_answer(terminal, wire::REVIEW, report)?;
    } else {
        show_report(terminal, repo, report, request);
    }
    show::notices(terminal, report);
    if let (Some(why), Some(work)) = (&report.not_landed, &report.work) {
        terminal.warn(&format!("'{}' was approved but not landed; {why}", work.agent.id));
        terminal.hint_command(&[&"git", &"orchestra", &"merge-ranked", &work.agent.id]);
    }
    let not_landed = report.not_landed.is_some()
        || report.landing.as_ref().is_some_and(|landing| landing.moved_to().is_none());
    Ok(if report.given == Some(Verdict::Reject) || not_landed { Exit::No } else { Exit::Done })
}

fn show_report(terminal: &Terminal, repo: &Repo, report: &Report, request: &Request) {
    match (&report.work, report.given) {
        (Some(work), Some(verdict)) => {
            let told = if report.told { "; sent to the agent, which is working on it" } else { "" };
            if let Some(repaired) = report.repaired {
                terminal.print(&format!(
                    "{} repaired by the reviewer: {}\n",
                    work.agent.id,
                    repaired.short()
                ));
            }
            terminal.print(&format!("{} {}{told}\n", work.agent.id, verdict.label()));
            if let Some(landing) = &report.landing {
                print_landing(terminal, repo, landing);
            }
        }
        (Some(work), None) => {
            agents::warn_unreadable(terminal, &report.unreadable);
            terminal.print(&show::details(work, terminal.painter()));
            let id = &work.agent.id;
            terminal.hint(&format!("git orchestra diff {id}"));
            if report.archived {
                terminal.eprintln(&format!("{id} is archived: it was removed from this repository"));
            } else {
                for verdict in ["--approve", "--reject", "--changes -m 'which'"] {
                    terminal.hint(&format!("git orchestra review {id} {verdict}"));
                }
            }
        }
        (None, _) if request.agent.is_none() => list(terminal, repo, report),
        (None, _) => {}
    }
}

/// Prints the result of landing an approved work.
fn print_landing(terminal: &Terminal, repo: &Repo, landing: &Landed) {
    let into = text::one_line(&landing.into, 100);
    for step in &landing.order {
        let outcome = step.outcome.label();
        let why = step.why.as_ref().unwrap_or(&step.reason);
        terminal.print(&format!(
            "{} {outcome}: {}\n",
            text::one_line(&step.branch, 100),
            text::one_line(why, 200)
        ));
    }
    check_output::print_failures(terminal, repo, &landing.order);
    if let Some(commit) = landing.moved_to() {
        terminal.print(&format!("{into} is at {}\n", commit.short()));
        terminal.hint("git orchestra undo undoes the landing");
    } else if let Some(why) = landing.why_incomplete() {
        terminal.warn(why.reason());
        terminal.hint("git orchestra merge-ranked --continue continues it, --abort aborts it");
    }
}

fn list(terminal: &Terminal, repo: &Repo, report: &Report) {
    agents::warn_unreadable(terminal, &report.unreadable);
    if report.waiting.is_empty() {
        terminal.eprintln("no work waits for a verdict");
        return;
    }
    let ids = report.waiting.iter().map(|agent| agent.id.as_str());
    let numbered = names::number_rows(terminal, repo, ids);
    terminal.print(&agents::draw_rows(&report.waiting, numbered, terminal.width(), terminal.painter()));
    terminal.hint("git orchestra review AGENT");
}
