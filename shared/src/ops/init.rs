//! `init`: names this clone, lets plain `git log` show reviews and landings, and checks whether a remote accepts agents. It is optional, and
//! changes only git's config and the files below `<common git dir>/orchestra`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    config::{Config, keys::LABEL},
    context::Context,
    git::{
        Oid, Repo,
        objects::Commit,
        remotes::{PushRule, RefPush, RemoteOptions},
    },
    model::{WriterId, text},
    ops::discover,
    store::{layout, writer},
    sync::{RefSnapshot, Remote, log_notes},
    trust::{AcceptedRepo, configuration::ConfigChange},
    world,
};

/// The longest label, in characters.
const MAX_LABEL_LENGTH: usize = 40;

/// What to set up, or to undo.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// The label of this clone, which other clones show.
    pub label: Option<String>,
    /// Let plain `git log` show reviews, landings and results.
    pub notes: bool,
    /// Add a refspec, so that every `git fetch` brings the remote's agents.
    pub track: bool,
    /// Check whether the remote accepts agents.
    pub probe: bool,
    /// Undo what was set up.
    pub undo: bool,
    /// A remote or a URL; by default, the one that `sync` would use.
    pub remote: Option<String>,
    /// Whether git may ask for a password, because somebody can answer.
    #[serde(skip)]
    pub ask: bool,
}

/// The setup of this clone.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The id of this clone as a writer of events.
    pub writer: Option<WriterId>,
    /// The label of this clone, which other clones show.
    pub label: Option<String>,
    /// Whether plain `git log` shows the notes on agents' work.
    pub notes_shown: bool,
    /// The refspec that makes every `git fetch` bring agents.
    pub tracked: Option<TrackedRefspec>,
    /// The result of the probe, if there was one.
    pub probe: Option<Probe>,
    /// The changes, one sentence each; empty if nothing changed.
    pub changed: Vec<String>,
}

/// The changes that `init --accept` accepted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Accepted {
    /// The keys that had changed while agents ran.
    pub changes: Vec<ConfigChange>,
}

/// A fetch refspec, and the number of refs it brings.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct TrackedRefspec {
    /// The remote, as git's config names it, or its URL.
    pub remote: String,
    /// The refspec: what is fetched, and where it is stored.
    pub refspec: String,
    /// The number of refs that were fetched so far.
    pub refs: usize,
}

/// Whether a remote accepts our refs.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Probe {
    /// The remote, as git's config names it, or its URL.
    pub remote: String,
    /// Whether the remote accepts agents.
    pub takes: bool,
    /// Why the remote does not accept agents.
    pub why: Option<String>,
}

/// Sets this clone up, or undoes that.
///
/// # Errors
/// The label is none (2), a remote is named and not used (2), there is no remote to track (3), or the config cannot be written.
pub fn run(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    context.check()?;
    if request.undo {
        return undo(context, repo, request);
    }
    if let Some(remote) = request.remote.as_ref().filter(|_| !request.track && !request.probe) {
        let shown = text::safe(remote).into_owned();
        return Err(Error::usage(format!("'{shown}': a remote is only used with --probe or --track"))
            .hint_command(&[&"git", &"orchestra", &"init", &"--probe", remote]));
    }
    let mut changed = Vec::new();
    if let Some(label) = &request.label {
        set_label(repo, label, &mut changed)?;
    }
    let known = writer::known_writer(repo);
    let writer = writer::writer(repo)?;
    if known.is_none() {
        changed.push(format!("the id of this clone as a writer is {writer}"));
    }
    if request.notes && log_notes::show(repo)? {
        changed.push("git log shows reviews, landings and results (notes.displayRef)".to_owned());
    }
    let tracked =
        if request.track { Some(track(repo, &remote(repo, request)?, &mut changed)?) } else { None };
    let label = request.label.clone().or_else(|| Config::of(repo).get_or_default(&LABEL));
    let notes_shown = log_notes::are_shown(&repo.reopen()?);
    Ok(Report { writer: Some(writer), label, notes_shown, tracked, probe: None, changed })
}

fn set_label(repo: &Repo, label: &str, changed: &mut Vec<String>) -> Result<()> {
    if text::one_line(label, MAX_LABEL_LENGTH) != label || label.is_empty() {
        return Err(Error::usage(format!(
            "a label is one line of 1 to {MAX_LABEL_LENGTH} visible characters"
        )));
    }
    let config = Config::of(repo);
    if config.get(&LABEL)?.as_deref() != Some(label) {
        config.set(&LABEL, label)?;
        changed.push(format!("other clones call this one {label}"));
    }
    Ok(())
}

/// Adds a fetch refspec. It stores the remote's refs where `sync` looks for them, and never overwrites our own.
fn track(repo: &Repo, remote: &Remote, changed: &mut Vec<String>) -> Result<TrackedRefspec> {
    if !repo.remotes().contains(&remote.address) {
        let shown = text::safe(&remote.address);
        return Err(Error::new(Code::RemoteUnknown, format!("'{shown}' is not a remote in git's config"))
            .hint_command(&[&"git", &"remote", &"add", &"--", &"NAME", &remote.address]));
    }
    let refspec = refspec_of(remote);
    if !repo.fetch_refspecs(&remote.address).contains(&refspec) {
        repo.add_fetch_refspec(&remote.address, &refspec)?;
        changed.push(format!("every git fetch of {} brings agents as well", remote.address));
    }
    let remote_refs = RefSnapshot::read(repo, &layout::tracking(&remote.name))?;
    let refs = remote_refs.agents.len()
        + remote_refs.heads.len()
        + remote_refs.notes.len()
        + remote_refs.archives.len()
        + remote_refs.logs.len();
    Ok(TrackedRefspec { remote: remote.address.clone(), refspec, refs })
}

fn refspec_of(remote: &Remote) -> String {
    format!("+{}*:{}*", layout::SHARED, layout::tracking(&remote.name))
}

fn remote(repo: &Repo, request: &Request) -> Result<Remote> {
    Remote::choose(repo, request.remote.as_deref(), repo.environment().directory())
}

/// Checks whether a remote accepts our refs: pushes a ref that nobody else uses, and deletes it again.
///
/// # Errors
/// There is no remote (3), or git cannot communicate with it (5).
pub fn probe(context: &Context, repo: &AcceptedRepo, request: &Request) -> Result<Probe> {
    let remote = remote(repo, request)?;
    let name = layout::probe_ref(&world::random_hex::<6>()?);
    let tree = repo.write_tree(&[])?;
    let now = repo.now().as_second();
    let message = "a probe of git orchestra, deleted at once\n".to_owned();
    let commit: Oid = repo.write_commit(&Commit::by(&repo.identity()?, now, tree, vec![], message))?;
    let push = |new, old| [RefPush { name: name.clone(), new, rule: PushRule::Lease(old) }];
    let options = RemoteOptions { ask: request.ask };
    let rejected = repo.push(context, &remote.address, &push(Some(commit), None), options)?;
    let why = match rejected.into_iter().next() {
        Some(rejected) => Some(rejected.why),
        None => {
            let left =
                repo.push(&context.uncancellable(), &remote.address, &push(None, Some(commit)), options)?;
            left.into_iter()
                .next()
                .map(|left| format!("it accepts refs, but does not delete them: {}", left.why))
        }
    };
    Ok(Probe { remote: remote.address, takes: why.is_none(), why })
}

/// Undoes the setup. The writer's id stays, because agents refer to it.
fn undo(context: &Context, repo: &Repo, request: &Request) -> Result<Report> {
    let mut changed = Vec::new();
    for key in discover::undo(context, repo)? {
        changed.push(format!("{key} no longer has the value that --discover set"));
    }
    if Config::of(repo).unset(&LABEL)? {
        changed.push("this clone no longer has a label".to_owned());
    }
    if log_notes::hide(repo)? {
        changed.push("git log no longer shows the notes on agents' work".to_owned());
    }
    let remotes = match &request.remote {
        Some(remote) => vec![Remote::choose(repo, Some(remote), repo.environment().directory())?],
        None => repo
            .remotes()
            .iter()
            .filter_map(|name| Remote::choose(repo, Some(name), repo.environment().directory()).ok())
            .collect(),
    };
    for remote in remotes {
        if repo.remove_fetch_refspec(&remote.address, &refspec_of(&remote))? {
            changed.push(format!("git fetch of {} no longer brings agents", remote.address));
        }
    }
    let writer = writer::known_writer(repo);
    Ok(Report { writer, label: None, notes_shown: false, tracked: None, probe: None, changed })
}
