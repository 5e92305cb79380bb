//! The archive: the archived agents in one ref per clone, so that the number of refs depends only on the other agents.
//!
//! Each commit is one agent. Its parents are the previous commit of the archive, the tip of the agent's event chain, and its work,
//! if that is kept, so that everything is reachable from the ref.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Code, Error, Result,
    git::{Oid, Repo, objects::Commit, ref_list::BrokenRef, refs::RefEdit},
    lock::Lock,
    model::{Agent, AgentId},
    store::{
        Unreadable,
        layout::{self, PrivateDir},
        writer,
    },
};

/// How long to wait for another orchestra process that adds to the archive.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum number of agents in an archive; a longer chain was not written by this program.
const MAX_AGENTS: usize = 1_000_000;
/// The version of the archive's format.
const VERSION: u32 = 1;

/// An agent in the archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Archived {
    /// The id of the agent.
    pub id: AgentId,
    /// The tip of its event chain.
    pub tip: Oid,
    /// The commit that holds its work, if that was kept.
    pub work: Option<Oid>,
}

/// Adds agents to the archive of this clone, all or none.
///
/// # Errors
/// An object cannot be written, or another program changed the ref (4).
pub fn add(repo: &Repo, agents: &[(Archived, &Agent)]) -> Result<()> {
    if agents.is_empty() {
        return Ok(());
    }
    let (by, identity) = (writer::writer(repo)?, repo.identity()?);
    let name = layout::archive_ref(&by);
    let _lock = Lock::require(&PrivateDir::new(repo.private_dir()?).archive_lock(), LOCK_TIMEOUT)?;
    let previous = repo.find_ref(&name)?;
    repo.write_tree(&[])?;
    let (now, mut tip) = (repo.now().as_second(), previous);
    for (archived, agent) in agents {
        let parents: Vec<Oid> = tip.into_iter().chain([archived.tip]).chain(archived.work).collect();
        let commit = Commit::by(&identity, now, Oid::EMPTY_TREE, parents, message(archived, agent));
        tip = Some(repo.write_commit(&commit)?);
    }
    let Some(new) = tip else { return Ok(()) };
    Ok(repo.edit_refs(&[RefEdit { name, old: previous, new }], "orchestra: archive")?)
}

/// Writes a copy of an archive commit with another parent and another description of its agent. Date and identity stay the same.
///
/// # Errors
/// The commit cannot be read, or the copy cannot be written.
pub fn rewrite(
    repo: &Repo,
    commit: Oid,
    previous: Option<Oid>,
    archived: &Archived,
    agent: &Agent,
) -> Result<Oid> {
    let mut found = repo.read_commit(commit)?;
    found.parents = previous.into_iter().chain([archived.tip]).chain(archived.work).collect();
    found.message = message(archived, agent);
    repo.write_commit(&found)
}

fn message(archived: &Archived, agent: &Agent) -> String {
    let (id, phase) = (&archived.id, agent.phase.as_str());
    let mut text = format!("agent {id}: {phase}, archived\n\n{}\n\nOrchestra-Agent: {id}\n", agent.title);
    text.push_str(&format!("Orchestra-State: {phase}\nOrchestra-Tip: {}\n", archived.tip));
    if let Some(work) = archived.work {
        text.push_str(&format!("Orchestra-Work: {work}\n"));
    }
    text.push_str(&format!("Orchestra-Archive: {VERSION}\n"));
    text
}

/// Returns the agents in the archives of all clones, and the archives that cannot be read. Of an agent that was archived several
/// times, the last entry counts.
///
/// # Errors
/// The refs cannot be read at all.
pub fn all(repo: &Repo) -> Result<(BTreeMap<AgentId, Archived>, Vec<Unreadable>)> {
    let mut found = BTreeMap::new();
    let list = repo.ref_list(layout::ARCHIVE)?;
    let mut broken = list.broken;
    for (name, tip) in list.refs {
        match chain(repo, tip) {
            Ok(agents) => {
                for archived in agents {
                    found.entry(archived.id.clone()).or_insert(archived);
                }
            }
            Err(error) => {
                let why = format!("cannot be read to its end: {}", error.one_line());
                broken.push(BrokenRef { name, why });
            }
        }
    }
    Ok((found, broken.iter().map(|broken| Unreadable::broken(repo, broken)).collect()))
}

/// Returns the agents of one archive, the newest first.
///
/// # Errors
/// A commit cannot be read, or the chain is too long.
pub fn chain(repo: &Repo, tip: Oid) -> Result<Vec<Archived>> {
    Ok(commits(repo, tip)?.into_iter().map(|(_, archived)| archived).collect())
}

/// Returns the commits of one archive, each with its agent, the newest first.
///
/// # Errors
/// A commit cannot be read, or the chain is too long.
pub fn commits(repo: &Repo, tip: Oid) -> Result<Vec<(Oid, Archived)>> {
    let (mut all, mut next) = (Vec::new(), Some(tip));
    while let Some(id) = next {
        if all.len() >= MAX_AGENTS {
            return Err(Error::new(Code::StateDamaged, format!("the archive {} is too long", tip.short())));
        }
        let commit = repo.read_commit(id)?;
        let Some(archived) = parse(&commit.message) else { break };
        // The first commit of an archive has no predecessor: its first parent is the agent's tip.
        next = commit.parents.first().copied().filter(|first| *first != archived.tip);
        all.push((id, archived));
    }
    Ok(all)
}

/// Returns the agents that this clone archived since a time in seconds, the newest first.
///
/// # Errors
/// The archive cannot be read.
pub fn since(repo: &Repo, seconds: i64) -> Result<Vec<Archived>> {
    let Some(by) = writer::known_writer(repo) else { return Ok(Vec::new()) };
    let (mut all, mut next) = (Vec::new(), repo.find_ref(&layout::archive_ref(&by))?);
    while let Some(id) = next {
        let commit = repo.read_commit(id)?;
        let Some(archived) = parse(&commit.message).filter(|_| commit.seconds >= seconds) else { break };
        next = commit.parents.first().copied().filter(|first| *first != archived.tip);
        all.push(archived);
        if all.len() >= MAX_AGENTS {
            break;
        }
    }
    Ok(all)
}

/// Parses the message of an archive commit; returns `None` for any other commit.
fn parse(message: &str) -> Option<Archived> {
    let last = message.trim_end().rsplit("\n\n").next()?;
    let value = |key: &str| last.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    Some(Archived {
        id: AgentId::parse(value("Orchestra-Agent")?).ok()?,
        tip: Oid::parse(value("Orchestra-Tip")?)?,
        work: value("Orchestra-Work").and_then(Oid::parse),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_messages_round_trip() {
        let archived =
            |work| Archived { id: AgentId::parse("add-tests-k3m9q").unwrap(), tip: Oid::EMPTY_TREE, work };
        for one in [archived(None), archived(Some(Oid::EMPTY_TREE))] {
            let agent = Agent { title: "Orchestra-Agent: not this".into(), ..Agent::default() };
            assert_eq!(parse(&message(&one, &agent)), Some(one));
        }
        assert_eq!(parse("agent x: done\n\nOrchestra-State: done\n"), None);
    }
}
