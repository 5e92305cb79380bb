//! `init`: names this clone, lets plain git show our notes, and finds out what a remote takes. Never needed; touches nothing but
//! git's config and the files below `<common git dir>/orchestra`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Code, Error, Result,
    config::{Config, keys::LABEL},
    git::{
        Oid, Repo,
        objects::Commit,
        remotes::{Push, PushRule, RemoteOptions},
    },
    model::{WriterId, text},
    store::{layout, notes, writer},
    sync::{RefSnapshot, Remote},
    trust::{AcceptedRepo, configuration::ConfigChange},
    world,
};

/// The longest label, in characters.
const LONGEST_LABEL: usize = 40;

/// What to set up, or to take back.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Request {
    /// What other clones call this one.
    pub label: Option<String>,
    /// Let every `git fetch` bring what the remote has.
    pub track: bool,
    /// Ask the remote whether it takes agents.
    pub probe: bool,
    /// Take back what was set up.
    pub undo: bool,
    /// A remote or a URL; none: the one that `sync` would take.
    pub remote: Option<String>,
    /// Git may ask for a password: only the process knows whether somebody can answer.
    #[serde(skip)]
    pub ask: bool,
}

/// How this clone is set up now.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Report {
    /// The id of this clone as a writer of events.
    pub writer: Option<WriterId>,
    /// What other clones call this clone.
    pub label: Option<String>,
    /// Plain `git log` shows the notes on agents' work.
    pub notes_shown: bool,
    /// What every `git fetch` brings as well.
    pub tracked: Option<Tracked>,
    /// What the remote said, if it was asked.
    pub probe: Option<Probe>,
    /// What was changed, in sentences; empty where all was so before.
    pub changed: Vec<String>,
}

/// What `init --accept` took for good.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct Accepted {
    /// Each key that had changed while agents ran.
    pub changes: Vec<ConfigChange>,
}

/// A fetch refspec, and what it costs.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Tracked {
    /// The remote, as it was named.
    pub remote: String,
    /// What is fetched, and where it goes.
    pub refspec: String,
    /// How many refs that is, at the last look.
    pub refs: usize,
}

/// Whether a remote takes our refs.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Probe {
    /// The remote, as it was named.
    pub remote: String,
    /// Whether the remote takes agents.
    pub takes: bool,
    /// Why the remote does not take agents.
    pub why: Option<String>,
}

/// Sets up, or takes back.
///
/// # Errors
/// The label is none (2), a remote is named and not used (2), there is no remote to track (3), or the config cannot be written.
pub fn run(repo: &Repo, request: &Request) -> Result<Report> {
    if request.undo {
        return undo(repo, request);
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
        changed.push(format!("this clone is the writer {writer}"));
    }
    if notes::show(repo)? {
        changed.push("git log shows the notes on agents' work (notes.displayRef)".to_owned());
    }
    let tracked =
        if request.track { Some(track(repo, &remote(repo, request)?, &mut changed)?) } else { None };
    let label = request.label.clone().or_else(|| Config::of(repo).get_or_default(&LABEL));
    Ok(Report { writer: Some(writer), label, notes_shown: true, tracked, probe: None, changed })
}

fn set_label(repo: &Repo, label: &str, changed: &mut Vec<String>) -> Result<()> {
    if text::one_line(label, LONGEST_LABEL) != label || label.is_empty() {
        return Err(Error::usage(format!(
            "a label is one line of 1 to {LONGEST_LABEL} characters that can be seen"
        )));
    }
    let config = Config::of(repo);
    if config.get(&LABEL)?.as_deref() != Some(label) {
        config.set(&LABEL, label)?;
        changed.push(format!("other clones call this one {label}"));
    }
    Ok(())
}

/// What a fetch of the user's brings goes where `sync` looks; what is ours is never overwritten.
fn track(repo: &Repo, remote: &Remote, changed: &mut Vec<String>) -> Result<Tracked> {
    if !repo.remotes().contains(&remote.address) {
        let shown = text::safe(&remote.address);
        return Err(Error::new(Code::RemoteUnknown, format!("'{shown}' is no remote of git's config"))
            .hint_command(&[&"git", &"remote", &"add", &"--", &"NAME", &remote.address]));
    }
    let refspec = refspec_of(remote);
    if !repo.fetch_refspecs(&remote.address).contains(&refspec) {
        repo.add_fetch_refspec(&remote.address, &refspec)?;
        changed.push(format!("every git fetch of {} brings agents as well", remote.address));
    }
    let side = RefSnapshot::read(repo, &layout::tracking(&remote.name))?;
    let refs = side.agents.len() + side.heads.len() + side.notes.len() + side.archives.len();
    Ok(Tracked { remote: remote.address.clone(), refspec, refs })
}

fn refspec_of(remote: &Remote) -> String {
    format!("+{}*:{}*", layout::SHARED, layout::tracking(&remote.name))
}

fn remote(repo: &Repo, request: &Request) -> Result<Remote> {
    Remote::choose(repo, request.remote.as_deref(), repo.environment().directory())
}

/// Sends a ref that nobody else uses, and removes it again.
///
/// # Errors
/// There is no remote (3), or git cannot speak with it (5).
pub fn probe(repo: &AcceptedRepo, request: &Request) -> Result<Probe> {
    let remote = remote(repo, request)?;
    let name = layout::probe_ref(&world::random_hex::<6>()?);
    let tree = repo.write_tree(&[])?;
    let now = repo.now().as_second();
    let said = "a probe of git orchestra, taken away at once\n".to_owned();
    let commit: Oid = repo.write_commit(&Commit::by(&repo.identity()?, now, tree, vec![], said))?;
    let push = |new, old| [Push { name: name.clone(), new, rule: PushRule::Lease(old) }];
    let manner = RemoteOptions { ask: request.ask };
    let quiet = &mut |_: &str| {};
    let rejected = repo.push(&remote.address, &push(Some(commit), None), manner, quiet)?;
    let why = match rejected.into_iter().next() {
        Some(rejected) => Some(rejected.why),
        None => {
            let left = repo.push(&remote.address, &push(None, Some(commit)), manner, quiet)?;
            left.into_iter()
                .next()
                .map(|left| format!("it takes refs, and does not let them go: {}", left.why))
        }
    };
    Ok(Probe { remote: remote.address.clone(), takes: why.is_none(), why })
}

/// The writer's id stays: agents are called by it.
fn undo(repo: &Repo, request: &Request) -> Result<Report> {
    let mut changed = Vec::new();
    if Config::of(repo).unset(&LABEL)? {
        changed.push("this clone has no label any more".to_owned());
    }
    if repo.hide_notes(layout::NOTES)? {
        changed.push("git log shows no notes of ours any more".to_owned());
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
            changed.push(format!("git fetch of {} brings no agents any more", remote.address));
        }
    }
    let writer = writer::known_writer(repo);
    Ok(Report { writer, label: None, notes_shown: false, tracked: None, probe: None, changed })
}
