//! What `review` shows.

use orchestra::{
    Result,
    model::{text, verdict::Verdict},
    ops::merge_ranked::Report as Landed,
    ops::review::{
        self, Report, Request, Work,
        by::{self, By},
    },
    store::verdicts::Holds,
    surroundings::Level,
    wire,
};
use orchestra_terminal::{Exit, Terminal, accepted, agents, here, interrupt, json, paint::Role};

use crate::{ask, cli::Cli, edit};

/// Lines of a task, commits and files that are shown; more are counted.
const TASK: usize = 12;
const COMMITS: usize = 10;
const FILES: usize = 20;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let mut request = cli.request()?;
    let asks = !cli.json && request.give.is_none() && terminal.can_ask() && terminal.width().is_some();
    if request.agent.is_none() && !asks {
        let report = review::list(&here::repository()?)?;
        return answer(terminal, cli, &report, &request);
    }
    let repo = accepted::repository(terminal)?;
    if let (true, Some(give), Some(agent)) = (cli.edit, &mut request.give, &cli.agent) {
        give.comments.extend(edit::comments(&repo, agent)?);
    }
    if let (Some(profile), Some(agent)) = (&cli.by, &cli.agent) {
        let by = By { profile: profile.clone(), test: cli.test.clone(), fix: cli.fix };
        let interrupted = interrupt::flag()?;
        let mut report = by::run(&repo, agent, &by, &interrupted)?;
        if cli.automerge {
            review::land(&repo, &mut report, &interrupted)?;
        }
        return answer(terminal, cli, &report, &request);
    }
    if asks {
        return ask::run(terminal, &repo, request.agent);
    }
    let mut report = review::run(&repo, &request)?;
    if cli.automerge {
        review::land(&repo, &mut report, &*interrupt::flag()?)?;
    }
    answer(terminal, cli, &report, &request)
}

fn answer(terminal: &Terminal, cli: &Cli, report: &Report, request: &Request) -> Result<Exit> {
    if cli.json {
        json::answer(terminal, wire::REVIEW, report)?;
    } else {
        show(terminal, report, request);
    }
    told(terminal, report);
    if let (Some(why), Some(work)) = (&report.not_landed, &report.work) {
        terminal.warn(&format!("'{}' was approved and not landed; {why}", work.agent.id));
        terminal.hint_command(&[&"git", &"orchestra", &"merge-ranked", &work.agent.id]);
    }
    let stayed = report.not_landed.is_some() || report.landing.as_ref().is_some_and(|landing| !landing.moved);
    Ok(if report.given == Some(Verdict::Reject) || stayed { Exit::No } else { Exit::Done })
}

fn show(terminal: &Terminal, report: &Report, request: &Request) {
    match (&report.work, report.given) {
        (Some(work), Some(verdict)) => {
            let told = if report.told { "; the agent was told, and works on it" } else { "" };
            if let Some(repaired) = report.repaired {
                terminal.answer(&format!(
                    "{} repaired by the reviewer: {}\n",
                    work.agent.id,
                    repaired.short()
                ));
            }
            terminal.answer(&format!("{} {}{told}\n", work.agent.id, verdict.past()));
            if let Some(landing) = &report.landing {
                landed(terminal, landing);
            }
        }
        (Some(work), None) => {
            agents::warn_unreadable(terminal, &report.unreadable);
            terminal.answer(&details(terminal, work));
            let id = &work.agent.id;
            terminal.hint(&format!("git orchestra diff {id}"));
            if report.archived {
                terminal.say(&format!("{id} is archived: it was removed from this repository"));
            } else {
                terminal
                    .hint(&format!("git orchestra review {id} --approve, --reject or --changes -m 'which'"));
            }
        }
        (None, _) if request.agent.is_none() => list(terminal, report),
        (None, _) => {}
    }
}

/// What became of a work that was to land.
fn landed(terminal: &Terminal, landing: &Landed) {
    let into = text::one_line(&landing.into, 100);
    for step in &landing.order {
        let outcome = step.outcome.label();
        let why = step.why.as_ref().unwrap_or(&step.reason);
        terminal.answer(&format!(
            "{} {outcome}: {}\n",
            text::one_line(&step.branch, 100),
            text::one_line(why, 200)
        ));
    }
    if landing.moved {
        terminal.answer(&format!("{into} is at {}\n", landing.result.unwrap_or(landing.base).short()));
        terminal.hint("git orchestra undo takes it back");
    } else if let Some(blocked) = &landing.blocked {
        terminal.warn(blocked);
        terminal.hint("git orchestra merge-ranked --continue goes on, --abort gives it up");
    }
}

fn list(terminal: &Terminal, report: &Report) {
    agents::warn_unreadable(terminal, &report.unreadable);
    if report.waiting.is_empty() {
        terminal.say("nothing waits for a verdict");
        return;
    }
    terminal.answer(&agents::draw(&report.waiting, terminal.width(), terminal.paint()));
    terminal.hint("git orchestra review AGENT");
}

pub(crate) fn told(terminal: &Terminal, report: &Report) {
    for warning in &report.warnings {
        terminal.warn(warning);
    }
    if report.notes_shown {
        terminal.hint(
            "from now on git log shows the notes on what was judged and landed (git config notes.displayRef)",
        );
    }
}

/// Everything there is to know, in a page.
pub(crate) fn details(terminal: &Terminal, work: &Work) -> String {
    let head = |name: &str| terminal.paint().as_role(Role::Head, name);
    let mut out = format!("{}\n", agents::line(&work.agent, terminal.paint()));
    out.push_str(&format!("\n{}\n", head("TASK")));
    section(&mut out, work.task.lines().map(str::to_owned).collect(), TASK, "lines");
    out.push_str(&format!("\n{}\n", head("COMMITS")));
    section(
        &mut out,
        work.commits_made.iter().map(|made| format!("{} {}", made.id.short(), made.subject)).collect(),
        COMMITS,
        "commits",
    );
    out.push_str(&format!("\n{}\n", head("FILES")));
    let number = |lines: Option<u64>| lines.map_or_else(|| "?".to_owned(), |lines| lines.to_string());
    let file = |file: &orchestra::ops::diff::File| {
        format!("+{} -{} {}", number(file.insertions), number(file.deletions), file.path)
    };
    section(&mut out, work.files.iter().map(file).collect(), FILES, "files");
    let mut facts: Vec<String> = work.problem.iter().cloned().collect();
    facts.extend(
        work.agent
            .denials
            .filter(|denials| *denials > 0)
            .map(|denials| format!("{denials} things were denied to it")),
    );
    facts.extend(
        (work.agent.left_out > 0).then(|| format!("{} files were left out of its work", work.agent.left_out)),
    );
    for change in &work.agent.surroundings {
        let word = if change.level == Level::Warning { "warning: while it ran" } else { "while it ran" };
        facts.push(format!("{word}: {}", change.what));
    }
    for conflict in &work.conflicts_with {
        let files = text::count(u64::from(conflict.files), "file");
        facts.push(format!("conflicts with {} in {files}", text::one_line(&conflict.branch, 60)));
    }
    if let Some(into) = work.target.as_ref().filter(|_| work.conflicts_with.is_empty()) {
        facts
            .push(format!("conflicts neither with {} nor with other agents' work", text::one_line(into, 60)));
    }
    facts.extend(work.agent.did_not_land().map(agents::did_not_land));
    if let Some(known) = &work.known {
        let holds = match known.holds {
            Holds::Current => String::new(),
            Holds::Carried => "; the patch is the same since".to_owned(),
            Holds::Stale => {
                format!(
                    "; of another work: git orchestra diff {} --since-review shows what is new",
                    work.agent.id
                )
            }
        };
        facts.push(if known.counts {
            format!("{} by {}{holds}", known.verdict.past(), known.by)
        } else {
            let (word, by) = (known.verdict.as_str(), agents::proposed_by(&known.writer));
            format!("{word} {by} (it says: {}){holds}", known.by)
        });
    }
    out.push_str(&format!("\n{}\n", head("KNOWN")));
    section(&mut out, facts, usize::MAX, "");
    out
}

fn section(out: &mut String, lines: Vec<String>, most: usize, what: &str) {
    let more = lines.len().saturating_sub(most);
    if lines.is_empty() {
        out.push_str("  -\n");
    }
    for line in lines.into_iter().take(most) {
        out.push_str(&format!("  {line}\n"));
    }
    if more > 0 {
        out.push_str(&format!("  … {more} more {what}\n"));
    }
}
