//! Prints the report of `status`, once or while it changes.

use std::collections::BTreeSet;

use orchestra::{
    Kind, Result,
    git::Repo,
    model::{Liveness, Phase, Tag, dependency::OnFailed, text},
    ops::{
        agent_object::{AgentObject, DependencyObject, DidNotLand, Level, PartObject, TeamObject},
        kept_away, review,
        status::{self, Detail, Happening, Report},
        wait_targets,
    },
    wire,
};
use orchestra_terminal::{
    Exit, Terminal, agents, caps, change_stream, context, here, humanize, json, limits, names, outcome,
    pull_requests, request_view,
    style::Role,
    table::{self, Column, TableCell},
    watch::{self, Stream, Until, WatchEnd, Watched},
};

use super::{cli::Cli, overlaps, ready, runs};

/// How many lines of a task, and columns of each, are shown.
const TASK_LINES: usize = 20;
const TASK_COLUMNS: usize = 160;
/// Where the values of details begin, in columns.
const INDENT: usize = 10;

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    if let Some(why) = repo.config_error() {
        terminal.warn(&format!("the configuration of this repository cannot be used: {}", text::safe(why)));
        terminal.hint(&repo.edit_config_command());
    }
    let mut request = cli.request();
    names::meant(terminal, &repo, &mut request.agents)?;
    if cli.watch || cli.wait.is_some() {
        let until = cli.wait.map_or(Until::Interrupted, |limit| Until::AllEnded { limit: limit.0 });
        if cli.wait.is_some() {
            request = wait_targets::for_caller(&repo, request)?;
        }
        let silent = !cli.watch;
        let context = context::interruptible(terminal)?;
        let Watched { end, report, repo } = if cli.watch && cli.json {
            change_stream::stream(&context, terminal, &repo, &request, until)?
        } else {
            watch::watch(&context, terminal, &repo, &request, Stream::Out, until, silent)?
        };
        return match end {
            WatchEnd::AllEnded => print_waited(cli, terminal, &repo, &report),
            WatchEnd::TimedOut => print_timed_out(cli, terminal, &repo, &report),
            WatchEnd::Interrupted => Ok(Exit::Interrupted),
            WatchEnd::Quit => {
                terminal.eprintln(&format!("the agents keep running: {}", agents::summary(&report.agents)));
                Ok(Exit::Done)
            }
            WatchEnd::OutputClosed => Ok(Exit::Done),
        };
    }
    let report = if cli.archived {
        status::archived(&repo)?
    } else {
        status::run(&context::uninterrupted(), &repo, &request)?
    };
    show(cli, terminal, &repo, &report)?;
    Ok(Exit::Done)
}

fn print_waited(cli: &Cli, terminal: &Terminal, repo: &Repo, report: &Report) -> Result<Exit> {
    if !cli.watch {
        show(cli, terminal, repo, report)?;
    }
    if !cli.json {
        outcome::print(terminal, &report.agents);
    }
    let all_done = report.agents.iter().all(|agent| agent.phase == Phase::Done);
    Ok(if all_done { Exit::Done } else { Exit::No })
}

fn print_timed_out(cli: &Cli, terminal: &Terminal, repo: &Repo, report: &Report) -> Result<Exit> {
    print_waited(cli, terminal, repo, report)?;
    let open = report.agents.iter().filter(|agent| agent.liveness == Liveness::Live).count();
    terminal.eprintln(&format!("the time limit was reached; {} still running", agents::count(open)));
    Ok(Exit::Failed(Kind::Timeout))
}

/// Says that there are no agents, and how to see those that there were.
fn show_none(terminal: &Terminal, repo: &Repo) -> Result<()> {
    let archived = status::archived(repo)?.agents.len() as u64;
    if archived > 0 {
        terminal.eprintln(&format!("no agents, and {}", text::count(archived, "archived agent")));
        terminal.hint("git orchestra status --archived");
        return Ok(());
    }
    terminal.eprintln("no agents yet");
    terminal.hint(if kept_away::is_kept_away(repo) {
        kept_away::WHY
    } else {
        "git orchestra spawn \"what to do\""
    });
    Ok(())
}

fn show(cli: &Cli, terminal: &Terminal, repo: &Repo, report: &Report) -> Result<()> {
    if cli.json {
        return json::print_answer(terminal, wire::STATUS, report);
    }
    if cli.agents.is_empty() && cli.format.is_none() && !cli.archived {
        show_checkout(terminal, repo)?;
    }
    if let Some(format) = &cli.format {
        let end = if cli.nul { "\0" } else { "\n" };
        for agent in &report.agents {
            terminal.print(&(format.line(agent)? + end));
        }
        agents::warn_unreadable(terminal, &report.unreadable);
        return Ok(());
    }
    if report.agents.is_empty() && report.unreadable.is_empty() && report.runs.is_empty() {
        if cli.archived {
            terminal.eprintln("no archived agents");
            return Ok(());
        }
        if let Some(moment) = cli.since {
            terminal.eprintln(&format!("nothing happened since {}", humanize::clock_time(moment)));
            return Ok(());
        }
        return show_none(terminal, repo);
    }
    if !report.agents.is_empty() {
        // Asking about some agents leaves the numbers as they are.
        let numbered = cli.agents.is_empty() && {
            let ids = report.agents.iter().map(|agent| agent.id.as_str());
            names::number_rows(terminal, repo, ids)
        };
        let (width, painter) = (terminal.width(), terminal.painter());
        terminal.print(&agents::draw_rows(&report.agents, numbered, width, painter));
    }
    if let Some(line) = caps::totals(&report.caps) {
        terminal.print(&format!("{}\n", text::safe(&line)));
    }
    runs::print(terminal, &report.runs);
    if !report.happened.is_empty() {
        terminal.print(&format!("\n{}", happened(terminal, report)));
    }
    if report.hidden > 0 {
        terminal.eprintln(&format!("{} older ended agents are not shown; --all shows them", report.hidden));
    }
    for id in &report.archived {
        terminal.eprintln(&format!("{id} is archived: it was removed from this repository"));
    }
    agents::warn(terminal, &report.agents);
    overlaps::warn(terminal, report);
    if let [agent] = report.agents.as_slice()
        && cli.agents.len() == 1
    {
        detail(repo, terminal, agent)?;
    }
    agents::warn_unreadable(terminal, &report.unreadable);
    Ok(())
}

/// Says what is unusual about the checkout.
fn show_checkout(terminal: &Terminal, repo: &Repo) -> Result<()> {
    let state = status::checkout(repo)?;
    if state.interrupted_moves > 0 {
        let moves = text::count(state.interrupted_moves as u64, "move");
        terminal.warn(&format!("{moves} of a checkout was interrupted: some of its files may be changed"));
        terminal.hint("git orchestra doctor --fix");
    }
    let Some(tried) = state.tried else { return Ok(()) };
    let branch = text::one_line(&tried.branch, 100);
    if tried.branch_is_gone {
        terminal.warn(&format!(
            "the work of '{}' is tried here, and the branch {branch} no longer exists",
            tried.agent
        ));
        terminal.hint("git switch BRANCH leaves the trial");
    } else {
        terminal.eprintln(&format!("the work of '{}' is tried here", tried.agent));
        terminal.hint(&format!("git orchestra try --back returns to {branch}"));
    }
    Ok(())
}

/// Formats what happened to the agents, one line for each event.
fn happened(terminal: &Terminal, report: &Report) -> String {
    let row = |one: &Happening| {
        let more = one.text.as_ref().map_or_else(String::new, |text| format!(" {text}"));
        vec![
            TableCell::new(humanize::clock_time(one.at)),
            TableCell::new(&one.agent),
            TableCell::new(text::safe(&format!("{}{more}", one.what.as_str().replace('-', " ")))),
        ]
    };
    let rows: Vec<Vec<TableCell>> = report.happened.iter().map(row).collect();
    let columns = [
        Column::new("WHEN"),
        Column::new("AGENT").cut_in_middle(),
        Column::new("WHAT HAPPENED").cut_at_end(),
    ];
    table::draw(&columns, &rows, terminal.width(), terminal.painter())
}

/// Prints the details of a single agent, below its row.
fn detail(repo: &Repo, terminal: &Terminal, agent: &AgentObject) -> Result<()> {
    let detail = status::detail(repo, &agent.id)?;
    let mut lines = vec![
        ("branch", agent.branch.to_string()),
        ("base", base(&detail, agent)),
        ("after", after(agent)),
        ("head", agent.head.as_ref().map(|head| short(&head.to_string())).unwrap_or_default()),
        ("worktree", worktree(agent)),
        ("parent", agent.parent.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("started", detail.children.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        ("role", agent.role.clone().unwrap_or_default()),
        ("team", agent.team.as_ref().map(team).unwrap_or_default()),
        ("sandbox", agent.sandbox.clone().unwrap_or_default()),
        ("tags", agent.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" ")),
        ("program", program(agent)),
        ("session", agent.session.as_deref().unwrap_or_default().to_owned()),
        ("used", used(agent)),
        ("by role", agent.team.as_ref().map(agents::used_by_roles).unwrap_or_default()),
        ("memory", agent.memory_bytes.map(humanize::size).unwrap_or_default()),
        ("ran", ran(agent)),
        ("said", agent.last_words.clone().unwrap_or_default()),
        ("limit", limits::limited(agent).or_else(|| limits::near(agent)).unwrap_or_default()),
        ("cap", agent.cap.as_ref().map(|cap| cap.sentence.clone()).unwrap_or_default()),
        ("unfinished", agent.unfinished.clone().unwrap_or_default()),
        ("unsaved", agent.unsaved.clone().unwrap_or_default()),
    ];
    lines.extend(pull_requests::place(agent).map(|place| ("published", place)));
    lines.extend(agent.failed_check.iter().chain(&agent.set_aside).map(|one| ("landing", not_landed(one))));
    lines.extend(allowed(agent));
    lines.extend(ready::lines(&detail.ready));
    lines.extend(detail.left_out.iter().map(|left| ("left out", format!("{} ({})", left.path, left.why))));
    if detail.left_out_more > 0 {
        lines.push(("left out", format!("{} more", detail.left_out_more)));
    }
    lines.extend(agent.surroundings.iter().map(|change| {
        (if change.level == Level::Warning { "warning" } else { "meanwhile" }, change.what.clone())
    }));
    let others: BTreeSet<&String> = agent.surroundings.iter().flat_map(|change| &change.meanwhile).collect();
    let others = others.into_iter().cloned().collect::<Vec<_>>().join(", ");
    lines.push(("ran with", others));
    lines.extend(detail.contradictions.iter().map(|sentence| ("conflict", sentence.clone())));
    lines.extend(detail.proposals.iter().map(|one| {
        let said = one.text.as_ref().map_or_else(String::new, |text| format!(": {text}"));
        ("proposed", format!("{} (by {}, not trusted here){said}", one.what, one.writer))
    }));
    let proposing: BTreeSet<&str> = detail.proposals.iter().map(|one| one.writer.as_str()).collect();
    lines.extend(proposing.into_iter().map(|writer| ("to trust", review::how_to_trust(writer))));
    let mut text = String::from("\n");
    text.push_str(&asked(terminal, agent));
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        let name = terminal.painter().as_role(Role::Head, &format!("{name:<9}"));
        text.push_str(&format!("{name} {}\n", text::safe(value)));
    }
    let task = text::safe_block(detail.task.unwrap_or_default().trim_end());
    let name = terminal.painter().as_role(Role::Head, "task     ");
    for (at, line) in task.lines().take(TASK_LINES).enumerate() {
        let name = if at == 0 { name.as_str() } else { "         " };
        text.push_str(&format!("{name} {}\n", text::truncate(line, TASK_COLUMNS)));
    }
    if task.lines().count() > TASK_LINES {
        text.push_str("          …\n");
    }
    terminal.print(&text);
    Ok(())
}

/// Formats what the agent asks for, whole, and what `--always` would allow.
fn asked(terminal: &Terminal, agent: &AgentObject) -> String {
    if agent.waiting.is_none() {
        return String::new();
    }
    let columns = terminal.width().map(|width| width.saturating_sub(INDENT).max(INDENT));
    let name = |name: &str| terminal.painter().as_role(Role::Head, &format!("{name:<9}"));
    let mut text = String::new();
    for (at, line) in request_view::lines("", agent, columns).iter().enumerate() {
        let name = if at == 0 { name("waits") } else { " ".repeat(INDENT - 1) };
        text.push_str(&format!("{name} {line}\n"));
    }
    if let Some(pattern) = agent.request.as_ref().and_then(|asked| asked.pattern.as_ref()) {
        text.push_str(&format!("{} --always would allow {}\n", name("pattern"), text::safe(pattern)));
    }
    text
}

/// Formats what was allowed for good, and how often that answered a request.
fn allowed(agent: &AgentObject) -> impl Iterator<Item = (&'static str, String)> {
    let count = (agent.automatic_answers > 0).then(|| {
        ("always", format!("{} allowed automatically", text::count(agent.automatic_answers, "request")))
    });
    agent.always.iter().map(|pattern| ("always", format!("may {pattern}"))).chain(count)
}

/// Formats the base, such as `main + 5 changed files (1a2b3c4)`.
fn base(detail: &Detail, agent: &AgentObject) -> String {
    let base = short(&agent.base.to_string());
    let Some(on) = &detail.changes_on else { return base };
    format!("{on} + {} ({base})", text::count(agent.snapshot_files, "changed file"))
}

/// Formats the agents after which it starts, such as `add-auth-k3m9q (failed), add-docs-x2b4c`.
fn after(agent: &AgentObject) -> String {
    let one = |one: &DependencyObject| match one.phase {
        _ if one.changed => format!("{} (changed since)", one.agent),
        Some(phase) if one.head.is_none() => format!("{} ({})", one.agent, phase.as_str()),
        _ => one.agent.to_string(),
    };
    let all = agent.after.iter().map(one).collect::<Vec<_>>().join(", ");
    let still_waits = agent.after.iter().any(|one| one.head.is_none());
    match agent.on_failed.as_deref().filter(|_| still_waits).and_then(OnFailed::parse) {
        Some(OnFailed::Start) => format!("{all}; starts even if one of them fails"),
        Some(OnFailed::Stop) => format!("{all}; is stopped if one of them fails"),
        Some(OnFailed::Wait) | None => all,
    }
}

/// Formats the path of the worktree, and whether it is missing or moved.
fn worktree(agent: &AgentObject) -> String {
    let path = agent.worktree.clone().unwrap_or_default();
    match agent.worktree_state.and_then(agents::worktree_state) {
        Some(state) => format!("{path} ({state})"),
        None => path,
    }
}

/// Formats why work did not land, such as `did not land: test fails: exit code 1 (cargo test; into main)`.
fn not_landed(one: &DidNotLand) -> String {
    let command = one.command.as_ref().map_or_else(String::new, |command| format!("{command}; "));
    let older = if one.current { "" } else { "; its work has changed since" };
    format!("{} ({command}into {}{older})", agents::did_not_land(one), one.into)
}

/// Formats the program, such as `claude, claude-opus-5-5, acceptEdits`, or `claude instead of api, …`.
fn program(agent: &AgentObject) -> String {
    let profile = match &agent.instead_of {
        Some(before) => format!("{} instead of {before}", agent.profile),
        None => agent.profile.clone(),
    };
    let parts = [Some(profile), agent.model.clone(), agent.permission_mode.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Formats a team with what its roles did, such as `feature-dev: architect done, coder done, reviewer works`.
fn team(team: &TeamObject) -> String {
    let part = |part: &PartObject| match part.outcome {
        Some(outcome) => format!("{} {}", part.role, outcome.as_str()),
        None => format!("{} begun", part.role),
    };
    let parts: Vec<String> = team.parts.iter().map(part).collect();
    let left = team.roles.iter().skip(if team.parts.is_empty() { 0 } else { team.place as usize });
    let all: Vec<String> = parts.into_iter().chain(left.cloned()).collect();
    format!("{}: {}", team.name, all.join(", "))
}

/// Formats how long it ran, such as `1m in 2 attempts, until 14:31`; nothing before the first launch.
fn ran(agent: &AgentObject) -> String {
    let now = here::environment().now().as_second();
    let attempts = if agent.attempt > 1 { format!(" in {} attempts", agent.attempt) } else { String::new() };
    let ended = agent.ended_at.filter(|_| agent.phase.is_at_rest());
    match (agents::time(agent, now), ended.map(humanize::clock_time)) {
        (time, _) if time == "-" => String::new(),
        (time, Some(ended)) => format!("{time}{attempts}, until {ended}"),
        (time, None) => format!("{time}{attempts}"),
    }
}

/// Formats the usage, such as `3 turns, 39001 tokens read, 83 written, $0.16, 1 denied`.
fn used(agent: &AgentObject) -> String {
    let parts = [
        agent.turns.map(|turns| format!("{turns} turns")),
        agent.input_tokens.map(|tokens| format!("{tokens} tokens read")),
        agent.output_tokens.map(|tokens| format!("{tokens} written")),
        agent.cost_micros().map(caps::dollars),
        agent.denials.filter(|denials| *denials > 0).map(|denials| format!("{denials} denied")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn short(id: &str) -> String {
    id.chars().take(10).collect()
}
