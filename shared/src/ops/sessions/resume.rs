//! `sessions resume`: resumes a session in its own program and folder, whether or not git orchestra started it.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Session,
    catalogue::{Catalogue, SessionRow},
};
use crate::{
    Code, Error, Kind, Result, agents,
    config::{Config, keys::AGENT_PROGRAM},
    context::Context,
    conversation::{
        SessionImport, SessionReader, Storage,
        session_lock::{self, SessionLock},
    },
    error::ErrorContext as _,
    git::{Oid, Repo, objects::TreeEntryKind},
    model::{AgentId, quote, text},
    ops::named,
    process,
    store::{self, layout, transcripts, unreadable},
    trust::AcceptedRepo,
    worktree::{make, worktrees_dir},
    world::Environment,
};

/// Which session to resume, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The session or its agent, by id or unique prefix.
    pub session: String,
    /// Whether to begin a new session with a copy of this one.
    #[serde(default)]
    pub fork: bool,
    /// Whether to send the message, print the answer, and exit, instead of running interactively.
    #[serde(default)]
    pub print: bool,
    /// The first message.
    #[serde(default)]
    pub message: Option<String>,
    /// Further arguments for the program.
    #[serde(default)]
    pub more: Vec<String>,
    /// Whether to only report what would be run.
    #[serde(default)]
    pub dry_run: bool,
}

/// The command to run, and what was done before, or would be done in a dry run.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Plan {
    /// The id of the session.
    pub id: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The folder to run it in.
    pub folder: PathBuf,
    /// The standard input; `null` means the terminal.
    pub stdin: Option<String>,
    /// Environment variables to remove.
    pub unset: Vec<String>,
    /// An environment variable that the program needs to find the session, and its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<(String, PathBuf)>,
    /// The steps that were necessary before, or would be.
    pub steps: Vec<String>,
}

impl Plan {
    /// Formats it as the shell command that a person would type.
    pub fn shell_command(&self) -> String {
        let set = self.set.as_ref().map(|(name, value)| format!("{name}={}", quote::word(value)));
        let words: Vec<String> = set.into_iter().chain(self.argv.iter().map(quote::word)).collect();
        let input = self.stdin.as_deref().map(|input| quote::command(&[&"printf", &"%s", &input]));
        let input = input.map_or_else(String::new, |input| format!("{input} | "));
        format!("{} && {input}{}", quote::command(&[&"cd", &self.folder]), words.join(" "))
    }
}

/// A session that is ready to be resumed.
#[derive(Debug)]
pub struct PreparedSession {
    /// The command to run.
    pub plan: Plan,
    /// Keeps others from resuming it while this process lives, also after `exec`.
    pub lock: Option<SessionLock>,
}

/// Restores a missing transcript from the kept copy and a missing worktree of an agent, and returns the command to run.
///
/// # Errors
/// The conversation is not there, runs elsewhere, or its folder or program is gone (3); nothing can be written.
pub fn prepare(
    environment: &Environment,
    repo: Option<&AcceptedRepo>,
    request: &Request,
) -> Result<PreparedSession> {
    prepare_for(environment, repo, request, false)
}

/// As [`prepare`]. With `even_in_use`, also a session that another process uses, for a dry run.
pub(in crate::ops) fn prepare_for(
    environment: &Environment,
    repo: Option<&AcceptedRepo>,
    request: &Request,
    even_in_use: bool,
) -> Result<PreparedSession> {
    if request.print && request.message.is_none() {
        return Err(Error::new(Code::MessageInvalid, "--print needs a message").hint("-m MESSAGE"));
    }
    let repo = repo.map(|repo| &**repo);
    let mut catalogue = Catalogue::for_name(&Context::of(environment), repo, &request.session)?;
    let row = catalogue.conversation(&request.session)?;
    let session = catalogue.session(&row);
    if session.live && !request.fork && !even_in_use {
        return Err(in_use_error(&session));
    }
    let program = agents::session_reader(&row.program).ok_or_else(|| {
        Error::new(Code::SessionUnsupported, format!("sessions of '{}' cannot be resumed", row.program))
    })?;
    let (argv, stdin) = command(environment, repo, program, &row, request)?;
    let lock = if request.fork || request.dry_run { None } else { lock_session(environment, &session)? };
    let mut steps = Vec::new();
    let folder = folder(repo, &session, request.dry_run, &mut steps)?;
    if row.place.is_none() {
        steps.push("restore its transcript".to_owned());
        restore_transcript(repo, &catalogue, program, &row, &folder, request.dry_run)?;
    }
    catalogue.close();
    let set = row.place.as_ref().and_then(|place| program.variable_for(environment, &place.path));
    let set = set.map(|(name, value)| (name.to_owned(), value));
    let unset = agents::program(&row.program).map_or(&[][..], |program| program.session_variables());
    let unset = unset.iter().map(|name| (*name).to_owned()).collect();
    let plan = Plan { id: row.id, argv, folder, stdin, unset, set, steps };
    Ok(PreparedSession { plan, lock })
}

/// Locks the session, so that only one of several commands resumes it. Returns `None` if the home folder cannot be written; then only
/// the program's own record keeps others out.
fn lock_session(environment: &Environment, session: &Session) -> Result<Option<SessionLock>> {
    let Ok(held) = session_lock::acquire(environment, &session.id) else { return Ok(None) };
    let lock = held.ok_or_else(|| in_use_error(session))?;
    lock.outlive_exec().context(Kind::External, || format!("cannot lock session '{}'", session.id))?;
    Ok(Some(lock))
}

fn in_use_error(session: &Session) -> Error {
    let process = session.pid.map_or_else(String::new, |pid| format!(" by process {pid}"));
    let error = Error::new(Code::SessionInUse, format!("session '{}' is in use{process}", session.id));
    let error = match &session.agent {
        Some(agent) => error.hint(format!(
            "{} sends it a message",
            quote::command(&[&"git", &"orchestra", &"send", agent, &"…"])
        )),
        None => error,
    };
    error.hint("--fork begins a new session from it")
}

fn command(
    environment: &Environment,
    repo: Option<&Repo>,
    program: &dyn SessionReader,
    row: &SessionRow,
    request: &Request,
) -> Result<(Vec<String>, Option<String>)> {
    let words = match request.print {
        true => program.print_mode_argv(&row.id, request.fork),
        false => program.resume_argv(&row.id, request.fork),
    };
    let mut argv = words.ok_or_else(|| {
        let how = if request.fork { "forked" } else { "resumed in this way" };
        Error::new(Code::SessionUnsupported, format!("sessions of '{}' cannot be {how}", row.program))
    })?;
    let key = AGENT_PROGRAM.of(&row.program);
    let named = repo.and_then(|repo| Config::of(repo).get_or_default(&key));
    let named = named.unwrap_or_else(|| argv.first().cloned().unwrap_or_default());
    // A dry run does not need the program.
    let unfound = || request.dry_run.then(|| PathBuf::from(&named));
    let path = process::on_path(environment, &named).or_else(unfound).ok_or_else(|| {
        Error::new(Code::ProgramMissing, format!("no program '{}' on PATH", text::safe(&named)))
            .hint(format!("{}, if it is elsewhere", key.hint("PATH")))
    })?;
    if let Some(first) = argv.first_mut() {
        *first = path.to_string_lossy().into_owned();
    }
    argv.extend(request.more.iter().cloned());
    if request.print {
        // The message is not in the arguments, because every user of the machine can read command lines.
        return Ok((argv, request.message.clone()));
    }
    argv.extend(request.message.as_ref().and_then(|_| program.prompt_flag()).map(str::to_owned));
    argv.extend(request.message.clone());
    Ok((argv, None))
}

/// Returns the folder that the session was in last; a missing worktree of an agent is made again.
fn folder(repo: Option<&Repo>, session: &Session, dry_run: bool, steps: &mut Vec<String>) -> Result<PathBuf> {
    let folder = session.folder().ok_or_else(|| {
        Error::new(Code::SessionFolderMissing, format!("the folder of session '{}' is unknown", session.id))
    })?;
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let gone = || {
        Error::new(
            Code::SessionFolderMissing,
            format!(
                "the folder of the session no longer exists: '{}'",
                text::safe(&folder.to_string_lossy())
            ),
        )
        .hint("git worktree add can make a worktree there, in which the session can be resumed")
    };
    let agent = session.agent.as_deref().and_then(|agent| AgentId::parse(agent).ok());
    let (repo, agent) = repo.zip(agent).ok_or_else(gone)?;
    if repo.find_ref(&layout::agent_ref(&agent))?.is_none() {
        return Err(named::archived_error(repo, &agent));
    }
    let worktree = worktrees_dir::planned_dir(repo)?.join(agent.as_str());
    if !folder.starts_with(&worktree) {
        return Err(gone());
    }
    steps.push(format!("make the worktree of agent {agent} again"));
    if !dry_run {
        recreate_worktree(repo, &agent, &worktree)?;
        fs::create_dir_all(folder)
            .context(Kind::External, || format!("cannot make '{}'", folder.display()))?;
    }
    Ok(folder.to_owned())
}

/// Makes an agent's worktree again, with all its work, including what was uncommitted at its end.
fn recreate_worktree(repo: &Repo, agent: &AgentId, worktree: &Path) -> Result<()> {
    let known = store::agent(repo, agent)?;
    let head = unreadable::ref_tip(repo, agent, &known)?;
    let head = head.ok_or_else(|| {
        Error::new(Code::WorkMissing, format!("the work of agent '{agent}' is not in this clone"))
    })?;
    worktrees_dir::make_worktrees_dir(repo)?;
    repo.fetch_promised_files(&Context::of(repo.environment()), head)?;
    make::make_worktree(
        &Repo::open_for_checkout(repo.environment(), &repo.common_dir()?)?,
        &known.branch,
        head,
        worktree,
    )
}

/// Restores the kept copy: imports it into its program, or writes the files where the program looks for them.
fn restore_transcript(
    repo: Option<&Repo>,
    catalogue: &Catalogue,
    program: &dyn SessionReader,
    row: &SessionRow,
    folder: &Path,
    dry_run: bool,
) -> Result<()> {
    let gone =
        || Error::new(Code::TranscriptMissing, format!("the transcript of '{}' no longer exists", row.id));
    let (repo, kept) = repo.zip(catalogue.kept(&row.id)).ok_or_else(gone)?;
    let relative_path = Path::new(&kept.about.path);
    // The path comes from a ref, which can be written by hand; it must not lead out of the folder.
    let is_inside = relative_path.components().all(|part| matches!(part, Component::Normal(_)));
    let root = program
        .roots(catalogue.environment())
        .into_iter()
        .next()
        .filter(|_| is_inside && relative_path.extension().is_some_and(|end| end == "jsonl"));
    let path = root.ok_or_else(gone)?.join(relative_path);
    if dry_run {
        return Ok(());
    }
    let inner = program.subagent_folder(&path, &row.id);
    let mut files = vec![(path, transcripts::transcript(repo, kept)?)];
    for entry in transcripts::subagent_files(repo, kept)? {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        if entry.kind == TreeEntryKind::File && !name.contains('/') && name != ".." {
            files.push((inner.join(name), entry.id));
        }
    }
    files.iter().try_for_each(|(path, blob)| match program.storage() {
        Storage::Files => write_new_file(repo, path, *blob),
        Storage::Program(import) => {
            import_transcript(repo, catalogue, (program.name(), import), *blob, folder)
        }
    })
}

/// Imports a transcript into a program that keeps no transcript files.
fn import_transcript(
    repo: &Repo,
    catalogue: &Catalogue,
    (name, program): (&str, &dyn SessionImport),
    blob: Oid,
    folder: &Path,
) -> Result<()> {
    let cannot = || format!("cannot import the session into {name}");
    let mut file = tempfile::NamedTempFile::new().context(Kind::External, cannot)?;
    repo.copy_blob(blob, file.as_file_mut())?;
    program
        .import(catalogue.environment(), file.path(), folder, catalogue.installed())
        .context(Kind::External, cannot)
}

/// Writes a file, unless it exists.
fn write_new_file(repo: &Repo, path: &Path, blob: Oid) -> Result<()> {
    let cannot = || format!("cannot write '{}'", path.display());
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).context(Kind::External, cannot)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).context(Kind::External, cannot)?;
    repo.copy_blob(blob, file.as_file_mut())?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error.error).context(Kind::External, cannot)
        }
        _ => Ok(()),
    }
}
