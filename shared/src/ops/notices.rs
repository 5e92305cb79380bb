//! Notices: tells of the ends of landings, and runs the user's commands for a notice, in a process of its own.

mod pace;

use std::{
    ffi::OsStr,
    io::{Read, Seek as _, Write as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    Error, Kind, Result,
    backoff::Backoff,
    config::Config,
    context::Context,
    error::ErrorContext as _,
    git::{Repo, careful},
    model::{AgentId, text},
    ops::{
        merge_ranked::{self, BranchOutcome},
        status,
    },
    private_files, process,
    store::layout::PrivateDir,
    supervise::notices::{self, Notice, NoticeKind},
    trust::AcceptedRepo,
    world::{self, Environment},
};

/// The word in place of a command that stands for a notice on the desktop.
pub const DESKTOP: &str = "desktop";
/// The maximum length of a notice that is read, in bytes.
const MAX_NOTICE: u64 = 16 << 20;
/// How long the log of supervisors may be for a line to be added, in bytes.
const MAX_DIARY: u64 = 1 << 20;
/// Variables with these beginnings are those of an agent, or of git orchestra itself.
const OUR_VARIABLES: [&str; 2] = ["ORCHESTRA_", "GIT_ORCHESTRA_"];
/// How AppleScript shows a notice: the text is an argument, and no part of the script.
const SCRIPT: [&str; 6] = [
    "-e",
    "on run argv",
    "-e",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "-e",
    "end run",
];

/// Tells of the end of a landing. Called by the command if nobody is at its terminal.
pub fn landing_ended(repo: &AcceptedRepo, report: &merge_ranked::Report) {
    if report.dry_run || report.order.is_empty() {
        return;
    }
    let all = merge_ranked::all_landed(report) && !report.is_incomplete();
    let kind = if all { NoticeKind::Landed } else { NoticeKind::NotLanded };
    let row = report.order.iter().find(|row| row.outcome != BranchOutcome::Merged).filter(|_| !all);
    let reason = match row {
        Some(row) => format!("{}: {}", row.branch, row.why.as_ref().unwrap_or(&row.reason)),
        None => format!("into {}", report.into),
    };
    tell(repo, kind, &reason, report);
}

/// Tells that a landing could not begin or be continued. Called by the command if nobody is at its terminal.
pub fn landing_refused(repo: &AcceptedRepo, error: &Error) {
    let why = error.one_line();
    tell(repo, NoticeKind::NotLanded, &why, &json!({ "error": why }));
}

/// Starts the notice, unless agents changed the configuration that says what runs.
pub(super) fn tell(repo: &AcceptedRepo, kind: NoticeKind, reason: &str, object: &impl Serialize) {
    let commands = notices::commands(&Config::of(repo));
    if commands.is_empty() || repo.confirm().is_err() {
        return;
    }
    let (Ok(common), Ok(object)) = (repo.common_dir(), serde_json::to_value(object)) else { return };
    let notice = Notice::new(kind, commands, Some(reason)).with_object(object);
    notices::start(repo.environment(), &common, &notice);
}

/// Runs the commands of the notice that `input` contains. What they do changes nothing: a failure is a line in the log of supervisors.
///
/// # Errors
/// The input is no notice, or the repository cannot be opened.
pub fn deliver(context: &Context, common_dir: &Path, input: impl Read) -> Result<()> {
    let read =
        careful::read_up_to(input, MAX_NOTICE).context(Kind::External, || "cannot read the notice".into())?;
    let notice: Notice = read
        .and_then(|text| serde_json::from_slice(&text).ok())
        .ok_or_else(|| Error::refused("standard input is not a notice"))?;
    let repo = Repo::open(context.environment(), common_dir)?;
    let private = PrivateDir::new(repo.private_dir()?);
    let subject = notice.agent.as_ref().map_or("-", AgentId::as_str);
    let now = || context.environment().clock().milliseconds();
    let Some(wait) = pace::reserve(&private, subject, now())? else {
        note(&private, &notice, "too many notices at once");
        return Ok(());
    };
    if context.cancel.wait(wait) {
        return Ok(());
    }
    let object = object(context, &repo, &notice);
    let folder = repo.main_checkout()?.unwrap_or_else(|| common_dir.to_owned());
    let (begun, limit) = (Instant::now(), context.limits().notice);
    let mut running = Vec::new();
    for command in &notice.commands {
        match begin(context.environment(), &folder, &notice, command, &object) {
            Ok(child) => running.push((command, child)),
            Err(why) => note(&private, &notice, &format!("cannot run '{command}': {why}")),
        }
    }
    for (command, mut child) in running {
        let ended = process::wait_until(&mut child, begun + limit, Backoff::millis(5, 200), &context.cancel);
        match ended {
            Ok(Some(status)) if status.success() => {}
            Ok(Some(status)) => note(&private, &notice, &format!("'{command}' failed: {status}")),
            Ok(None) | Err(_) => {
                end(&mut child);
                let seconds = limit.as_secs();
                note(&private, &notice, &format!("'{command}' was ended after {seconds} s"));
            }
        }
    }
    Ok(())
}

/// Returns the object for the commands, with `notice`.
fn object(context: &Context, repo: &Repo, notice: &Notice) -> Value {
    let mut object = notice.object.clone().unwrap_or_else(|| json!({}));
    if let Some(id) = &notice.agent {
        let request = status::Request { agents: vec![id.to_string()], ..status::Request::default() };
        let found =
            status::run(context, repo, &request).ok().and_then(|report| report.agents.into_iter().next());
        object =
            found.and_then(|agent| serde_json::to_value(agent).ok()).unwrap_or_else(|| json!({ "id": id }));
    }
    if let Some(fields) = object.as_object_mut() {
        fields.insert("notice".to_owned(), notice.kind.as_str().into());
    }
    object
}

fn begin(
    environment: &Environment,
    folder: &Path,
    notice: &Notice,
    command: &str,
    object: &Value,
) -> std::io::Result<Child> {
    let mut input = tempfile::tempfile()?;
    input.write_all(object.to_string().as_bytes())?;
    input.rewind()?;
    let mut program = if command.trim() == DESKTOP {
        desktop(environment, notice)
            .ok_or_else(|| std::io::Error::other("no notify-send or osascript on PATH"))?
    } else {
        let mut shell = process::command(environment, "/bin/sh");
        shell.args(["-c", command]);
        shell
    };
    let is_ours = |name: &OsStr| {
        name.to_str().is_some_and(|name| OUR_VARIABLES.iter().any(|begin| name.starts_with(begin)))
    };
    for name in environment.variables().map(|(name, _)| name).filter(|name| is_ours(name)) {
        program.env_remove(name);
    }
    program.env("ORCHESTRA_NOTICE", notice.kind.as_str());
    program.env("ORCHESTRA_REASON", notice.reason.as_deref().unwrap_or_default());
    if let Some(id) = &notice.agent {
        program.env(world::AGENT, id.as_str());
    }
    program.stdin(Stdio::from(input)).stdout(Stdio::null()).stderr(Stdio::null());
    process::spawn(program.current_dir(folder).process_group(0))
}

/// Returns the program that shows a notice on the desktop. The texts are arguments of it, and never read by a shell.
fn desktop(environment: &Environment, notice: &Notice) -> Option<Command> {
    let subject = notice.agent.as_ref().map_or("git orchestra", AgentId::as_str);
    let title = format!("{subject}: {}", notice.kind);
    let reason = notice.reason.as_deref().unwrap_or_default();
    if let Some(path) = process::on_path(environment, "notify-send") {
        let mut command = process::command(environment, path);
        // The body is markup.
        let body = reason.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        command.args(["--app-name", "git orchestra", "--", &title, &body]);
        return Some(command);
    }
    let path = process::on_path(environment, "osascript")?;
    let mut command = process::command(environment, path);
    command.args(SCRIPT).args([&title, reason]);
    Some(command)
}

/// Ends a command that takes too long, with what it started.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group.filter(|_| matches!(child.try_wait(), Ok(None))) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    process::kill_tree(child);
}

/// Writes a line into the log of supervisors. If that fails, nobody can be told.
fn note(private: &PrivateDir, notice: &Notice, why: &str) {
    let subject = notice.agent.as_ref().map_or("-", AgentId::as_str);
    let line = text::one_line(&format!("notice '{}' of {subject}: {why}", notice.kind), 400);
    if let Ok(mut file) = private_files::open_output(&private.supervisor_log())
        && file.metadata().is_ok_and(|found| found.len() < MAX_DIARY)
    {
        let _ = writeln!(file, "{line}");
    }
}
