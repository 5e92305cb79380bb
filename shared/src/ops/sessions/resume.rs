//! `sessions resume`: goes on with a conversation in its own program and folder, whether or not git orchestra started it.

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
    conversation::{
        SessionImport, SessionReader, Storage,
        session_lock::{self, SessionLock},
    },
    error::Context,
    git::{Oid, Repo, objects::TreeEntryKind},
    model::{AgentId, quote, text},
    ops::named,
    process,
    store::{Chain, layout, transcripts, unreadable},
    trust::AcceptedRepo,
    worktree::{make, place},
    world::Environment,
};

/// Which conversation to resume, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The conversation or its agent, by id or unique prefix.
    pub session: String,
    /// Begin a new conversation that starts as this one.
    #[serde(default)]
    pub fork: bool,
    /// Say the message, print the answer, and end, instead of going to the terminal.
    #[serde(default)]
    pub print: bool,
    /// The message that is said first.
    #[serde(default)]
    pub message: Option<String>,
    /// More arguments for the program.
    #[serde(default)]
    pub more: Vec<String>,
    /// Report what would be run, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What is to be run, everything else being done or, in a dry run, planned.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub struct Plan {
    /// The conversation.
    pub id: String,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Where.
    pub folder: PathBuf,
    /// What it reads on standard input; none: the terminal.
    pub stdin: Option<String>,
    /// Variables of the environment that it must not see.
    pub unset: Vec<String>,
    /// A variable of the environment without which the program would not find the conversation, and its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<(String, PathBuf)>,
    /// What had to be done before, or would have to.
    pub steps: Vec<String>,
}

/// A conversation that can be resumed now.
#[derive(Debug)]
pub struct Prepared {
    /// What is to be run.
    pub plan: Plan,
    /// Keeps others from resuming it as long as this process lives, whatever it becomes.
    pub hold: Option<SessionLock>,
}

/// Puts back what is missing (the transcript from what is kept, an agent's worktree) and gives what to run.
///
/// # Errors
/// The conversation is not there, runs elsewhere, or its folder or program is gone (3); nothing can be written.
pub fn prepare(
    environment: &Environment,
    repo: Option<&AcceptedRepo>,
    request: &Request,
) -> Result<Prepared> {
    if request.print && request.message.is_none() {
        return Err(
            Error::new(Code::MessageInvalid, "--print needs something to say").hint("-m 'what to say'")
        );
    }
    let repo = repo.map(|repo| &**repo);
    let mut catalogue = Catalogue::of_typed(environment, repo, &request.session)?;
    let row = catalogue.conversation(&request.session)?;
    let session = catalogue.session(&row);
    if session.live && !request.fork {
        return Err(is_live(&session));
    }
    let program = agents::session_reader(&row.program).ok_or_else(|| {
        Error::new(
            Code::SessionUnsupported,
            format!("conversations of '{}' cannot be gone on with", row.program),
        )
    })?;
    let (argv, stdin) = command(environment, repo, program, &row, request)?;
    let hold = if request.fork || request.dry_run { None } else { hold(environment, &session)? };
    let mut steps = Vec::new();
    let folder = folder(repo, &session, request.dry_run, &mut steps)?;
    if row.place.is_none() {
        steps.push("put its transcript back".to_owned());
        put_back(repo, &catalogue, program, &row, &folder, request.dry_run)?;
    }
    catalogue.close();
    let set = row.place.as_ref().and_then(|place| program.variable_for(environment, &place.path));
    let set = set.map(|(name, value)| (name.to_owned(), value));
    let unset = agents::program(&row.program).map_or(&[][..], |program| program.session_variables());
    let unset = unset.iter().map(|name| (*name).to_owned()).collect();
    let plan = Plan { id: row.id, argv, folder, stdin, unset, set, steps };
    Ok(Prepared { plan, hold })
}

/// Of several that go on with it at once, one does. Without a home folder that can be written to, what the program notes must do.
fn hold(environment: &Environment, session: &Session) -> Result<Option<SessionLock>> {
    let Ok(held) = session_lock::acquire(environment, &session.id) else { return Ok(None) };
    let hold = held.ok_or_else(|| is_live(session))?;
    hold.outlive_exec().context(Kind::External, || format!("cannot hold conversation '{}'", session.id))?;
    Ok(Some(hold))
}

fn is_live(session: &Session) -> Error {
    let process = session.pid.map_or_else(String::new, |pid| format!(" in process {pid}"));
    let error = Error::new(Code::SessionInUse, format!("conversation '{}' goes on{process}", session.id));
    let error = match &session.agent {
        Some(agent) => error.hint(format!(
            "{} says something to it",
            quote::command(&[&"git", &"orchestra", &"send", agent, &"…"])
        )),
        None => error,
    };
    error.hint("--fork begins a new one from it")
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
        let how = if request.fork { "forked" } else { "gone on with like this" };
        Error::new(Code::SessionUnsupported, format!("conversations of '{}' cannot be {how}", row.program))
    })?;
    let key = AGENT_PROGRAM.of(&row.program);
    let named = repo.and_then(|repo| Config::of(repo).get_or_default(&key));
    let named = named.unwrap_or_else(|| argv.first().cloned().unwrap_or_default());
    // What would be run can be said without the program.
    let unfound = || request.dry_run.then(|| PathBuf::from(&named));
    let path = process::on_path(environment, &named).or_else(unfound).ok_or_else(|| {
        Error::new(Code::ProgramMissing, format!("no program '{}' on PATH", text::safe(&named)))
            .hint(format!("{}, where it is elsewhere", key.hint("PATH")))
    })?;
    if let Some(first) = argv.first_mut() {
        *first = path.to_string_lossy().into_owned();
    }
    argv.extend(request.more.iter().cloned());
    if request.print {
        // Every user of the machine can read a command line.
        return Ok((argv, request.message.clone()));
    }
    argv.extend(request.message.as_ref().and_then(|_| program.prompt_flag()).map(str::to_owned));
    argv.extend(request.message.clone());
    Ok((argv, None))
}

/// The folder in which it was last; that of an agent is made anew where it is gone.
fn folder(repo: Option<&Repo>, session: &Session, dry_run: bool, steps: &mut Vec<String>) -> Result<PathBuf> {
    let folder = session.folder().ok_or_else(|| {
        Error::new(
            Code::SessionFolderMissing,
            format!("it is not known where conversation '{}' was", session.id),
        )
    })?;
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    let gone = || {
        Error::new(
            Code::SessionFolderMissing,
            format!("the folder of the conversation is gone: '{}'", text::safe(&folder.to_string_lossy())),
        )
        .hint("git worktree add makes a worktree there; the conversation then goes on in it")
    };
    let agent = session.agent.as_deref().and_then(|agent| AgentId::parse(agent).ok());
    let (repo, agent) = repo.zip(agent).ok_or_else(gone)?;
    if repo.find_ref(&layout::agent_ref(&agent))?.is_none() {
        return Err(named::is_archived(repo, &agent));
    }
    let worktree = place::planned(repo)?.join(agent.as_str());
    if !folder.starts_with(&worktree) {
        return Err(gone());
    }
    steps.push(format!("make the worktree of agent {agent} again"));
    if !dry_run {
        make_again(repo, &agent, &worktree)?;
        fs::create_dir_all(folder)
            .context(Kind::External, || format!("cannot make '{}'", folder.display()))?;
    }
    Ok(folder.to_owned())
}

/// With all its work, what was left uncommitted at its end included.
fn make_again(repo: &Repo, agent: &AgentId, worktree: &Path) -> Result<()> {
    let known = Chain::of_agent(repo, agent)?.fold().agent;
    let head = unreadable::named_tip(repo, agent, &known)?;
    let head = head.ok_or_else(|| {
        Error::new(Code::WorkMissing, format!("the work of agent '{agent}' is not in this clone"))
    })?;
    place::folder(repo)?;
    repo.fetch_promised_files(head)?;
    make::make(
        &Repo::open_for_checkout(repo.environment(), &repo.common_dir()?)?,
        &known.branch,
        head,
        worktree,
    )
}

/// Gives what is kept back to its program, or writes it to where that looks for it.
fn put_back(
    repo: Option<&Repo>,
    catalogue: &Catalogue,
    program: &dyn SessionReader,
    row: &SessionRow,
    folder: &Path,
    dry_run: bool,
) -> Result<()> {
    let gone = || Error::new(Code::TranscriptMissing, format!("the transcript of '{}' is gone", row.id));
    let (repo, kept) = repo.zip(catalogue.kept(&row.id)).ok_or_else(gone)?;
    let below = Path::new(&kept.about.path);
    // A ref can be written by hand: it must not lead elsewhere.
    let stays = below.components().all(|part| matches!(part, Component::Normal(_)));
    let root = program
        .roots(&catalogue.environment)
        .into_iter()
        .next()
        .filter(|_| stays && below.extension().is_some_and(|end| end == "jsonl"));
    let path = root.ok_or_else(gone)?.join(below);
    if dry_run {
        return Ok(());
    }
    let inner = program.subagent_folder(&path, &row.id);
    let mut files = vec![(path, transcripts::transcript(repo, kept)?)];
    for entry in transcripts::inner(repo, kept)? {
        let name = String::from_utf8_lossy(&entry.name).into_owned();
        if entry.sort == TreeEntryKind::File && !name.contains('/') && name != ".." {
            files.push((inner.join(name), entry.id));
        }
    }
    files.iter().try_for_each(|(path, blob)| match program.storage() {
        Storage::Files => write(repo, path, *blob),
        Storage::Program(import) => hand_back(repo, catalogue, (program.name(), import), *blob, folder),
    })
}

/// Hands a transcript to a program that keeps no files.
fn hand_back(
    repo: &Repo,
    catalogue: &Catalogue,
    (name, program): (&str, &dyn SessionImport),
    blob: Oid,
    folder: &Path,
) -> Result<()> {
    let cannot = || format!("cannot give the conversation back to {name}");
    let mut file = tempfile::NamedTempFile::new().context(Kind::External, cannot)?;
    repo.copy_blob(blob, file.as_file_mut())?;
    program
        .import(&catalogue.environment, file.path(), folder, catalogue.installed())
        .context(Kind::External, cannot)
}

/// A file that is there is left as it is.
fn write(repo: &Repo, path: &Path, blob: Oid) -> Result<()> {
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
