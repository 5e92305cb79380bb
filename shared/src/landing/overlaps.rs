//! Agents that are about to conflict while both still work: trial merges of their work as it is now.
//!
//! The work of an agent is a commit, which changes only when its snapshot does. What is known of a pair of commits is kept in a file,
//! so that a list costs nothing more until an agent has written something; then its pairs alone are merged.

mod places;

use std::{collections::HashMap, path::Path, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{branches::LandingTarget, trials::trials};
use crate::{
    Result,
    git::{
        Oid, Repo, careful,
        merging::{Judgement, MergeBases, MergePlace},
    },
    model::AgentId,
    private_files,
    store::layout::{self, PrivateDir},
    world::Timestamp,
};

/// The most agents whose work is compared, the first ones.
const MAX_AGENTS: usize = 50;
/// The most pairs that are merged for one answer. The others follow in the next one.
const MAX_NEW_PAIRS: usize = 50;
/// The most pairs for which the places are looked up for one answer.
const MAX_NEW_OVERLAPS: usize = 10;
/// The most pairs that are kept.
const MAX_KNOWN: usize = 2_000;
/// The time limit of one trial merge: somebody waits for a list.
const LIMIT: Duration = Duration::from_secs(2);

/// Two agents that are about to conflict.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Overlap {
    /// One agent.
    pub agent: AgentId,
    /// The other.
    pub other: AgentId,
    /// The files in which both changed the same lines, or lines next to each other; empty if the conflict is of another kind.
    pub files: Vec<OverlapFile>,
    /// The number of further files.
    pub more_files: usize,
    /// When the older of the two states that were compared was saved. What is not committed is saved every minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub saved_at: Option<Timestamp>,
}

/// A file in which the work of two agents overlaps.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct OverlapFile {
    /// Its path.
    pub path: String,
    /// The functions or sections, as git shows them above the changes.
    pub functions: Vec<String>,
}

/// Which agents are about to conflict.
#[derive(Debug, Default)]
pub struct Overlaps {
    /// The pairs, in the order of the agents.
    pub found: Vec<Overlap>,
    /// The number of pairs that are not compared yet.
    pub pending: usize,
}

/// What is known of two commits.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct KnownPair {
    one: Oid,
    other: Oid,
    /// Where they overlap; `None` if they merge.
    places: Option<Places>,
}

/// Where two commits overlap.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
struct Places {
    files: Vec<OverlapFile>,
    more: usize,
}

/// Compares the present work of agents, each a commit. Writes nothing but the cache. Merges run with the settings of the target, so that
/// the configuration must be accepted.
///
/// # Errors
/// A commit cannot be read, or git does not work here.
pub fn between(repo: &Repo, target: &LandingTarget, work: &[(AgentId, Oid)]) -> Result<Overlaps> {
    let work = &work[..work.len().min(MAX_AGENTS)];
    let file = PrivateDir::new(repo.private_dir()?).overlaps();
    let mut kept = read(&file);
    let mut known: HashMap<(Oid, Oid), Option<Places>> =
        kept.iter().map(|pair| ((pair.one, pair.other), pair.places.clone())).collect();
    let wanted = pairs(work);
    let key = |&(a, b): &(usize, usize)| ordered(work[a].1, work[b].1);
    let mut unknown: Vec<(usize, usize)> =
        wanted.iter().copied().filter(|pair| !known.contains_key(&key(pair))).collect();
    unknown.truncate(MAX_NEW_PAIRS);
    if !unknown.is_empty() {
        for ((one, other), places) in judged(repo, target, work, &unknown)? {
            known.insert((one, other), places.clone());
            kept.push(KnownPair { one, other, places });
        }
        write(&file, &kept);
    }
    let mut overlaps = Overlaps::default();
    for pair in &wanted {
        match known.get(&key(pair)) {
            None => overlaps.pending += 1,
            Some(None) => {}
            Some(Some(places)) => overlaps.found.push(Overlap {
                agent: work[pair.0].0.clone(),
                other: work[pair.1].0.clone(),
                files: places.files.clone(),
                more_files: places.more,
                saved_at: saved_at(repo, work[pair.0].1, work[pair.1].1),
            }),
        }
    }
    Ok(overlaps)
}

/// Returns when the older of two states was saved.
fn saved_at(repo: &Repo, one: Oid, other: Oid) -> Option<Timestamp> {
    let seconds = |id| repo.read_commit(id).ok().map(|commit| commit.seconds);
    Timestamp::from_second(seconds(one)?.min(seconds(other)?)).ok()
}

/// Returns all pairs of agents whose work differs.
fn pairs(work: &[(AgentId, Oid)]) -> Vec<(usize, usize)> {
    let others = |a: usize| (a + 1..work.len()).map(move |b| (a, b));
    (0..work.len()).flat_map(others).filter(|(a, b)| work[*a].1 != work[*b].1).collect()
}

/// Whose work is ours does not matter for whether it conflicts.
fn ordered(one: Oid, other: Oid) -> (Oid, Oid) {
    if one <= other { (one, other) } else { (other, one) }
}

type JudgedPair = ((Oid, Oid), Option<Places>);

/// Merges pairs on trial, and looks up where those that conflict overlap. What exceeds the limit is left out.
fn judged(
    repo: &Repo,
    target: &LandingTarget,
    work: &[(AgentId, Oid)],
    pairs: &[(usize, usize)],
) -> Result<Vec<JudgedPair>> {
    let tips: Vec<Oid> = work.iter().map(|(_, tip)| *tip).collect();
    let place = MergePlace::of_branch(repo, &layout::branch_ref(&target.branch), target.tip, LIMIT)?;
    let (found, _) = trials(repo, &MergeBases::of(repo, &tips), place, &tips, pairs)?;
    let mut judged = Vec::with_capacity(pairs.len());
    let mut looked_up = 0;
    for (&(a, b), trial) in pairs.iter().zip(found) {
        let (one, other) = ordered(tips[a], tips[b]);
        let places = match trial.judgement {
            // What cannot be merged is said when it lands; it would be tried again for every list.
            Judgement::Merges | Judgement::Unknown(_) => None,
            Judgement::Conflicts(_) if looked_up == MAX_NEW_OVERLAPS => continue,
            Judgement::Conflicts(_) => {
                looked_up += 1;
                Some(places::of(repo, one, other)?)
            }
        };
        judged.push(((one, other), places));
    }
    Ok(judged)
}

/// Reads the kept pairs, oldest first; none if the file cannot be read.
fn read(file: &Path) -> Vec<KnownPair> {
    careful::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Replaces the file. Errors are ignored: without it only time is lost.
fn write(file: &Path, all: &[KnownPair]) {
    let Some(folder) = file.parent() else { return };
    let newest = &all[all.len().saturating_sub(MAX_KNOWN)..];
    if let Ok(bytes) = serde_json::to_vec(newest) {
        let _ = private_files::create_dir(folder);
        let _ = private_files::replace(file, &bytes);
    }
}
