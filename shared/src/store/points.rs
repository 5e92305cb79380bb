//! The points to which an agent can be rewound: its files, and how far its conversation was, at moments. They stay in
//! this clone.
//!
//! All points of an agent are one commit: a list, the trees of their files, and as parents the commits that were checked out. It has
//! no history, so that the oldest points, and what only they hold, are dropped by writing it again.

use serde::{Deserialize, Serialize};

use crate::{
    Code, Kind, Result,
    error::ErrorContext,
    git::{
        Oid, Repo,
        objects::{Commit, TreeEntry, TreeEntryKind},
        refs::RefEdit,
    },
    model::{AgentId, SessionId, words::words},
    store::layout,
    world::Timestamp,
};

/// The most points of one agent; the oldest are dropped, except the first.
pub const MAX_POINTS: usize = 100;

/// The file with the list.
const LIST: &str = "points.json";
/// The folder with the trees.
const TREES: &str = "trees";

words! {
    /// What a point was made for.
    pub enum PointKind {
        /// The agent's start.
        Start = "start",
        /// The time: the agent works, and its files had changed.
        Time = "time",
        /// A turn had ended, and the next one began.
        Turn = "turn",
        /// An attempt ended.
        End = "end",
        /// Its work was saved, and something else was staged than what the files held: this is what was staged.
        Staged = "staged",
        /// The agent was rewound: this is how it was before.
        Rewind = "rewind",
    }
}

/// How an agent was at one moment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Point {
    /// Its number; the first is 1. Numbers of dropped points are not used again.
    pub number: u32,
    /// When it was made.
    pub at: Timestamp,
    /// What it was made for.
    pub kind: PointKind,
    /// The files.
    pub tree: Oid,
    /// The commit that was checked out.
    pub head: Oid,
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The length of the session's transcript, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript_bytes: Option<u64>,
    /// What the agent had said last, or was doing, on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// Returns the points of an agent, oldest first.
///
/// # Errors
/// They cannot be read.
pub fn read(repo: &Repo, id: &AgentId) -> Result<Vec<Point>> {
    match repo.find_ref(&layout::points_ref(id))? {
        Some(tip) => read_at(repo, id, tip),
        None => Ok(Vec::new()),
    }
}

fn read_at(repo: &Repo, id: &AgentId, tip: Oid) -> Result<Vec<Point>> {
    let bytes = repo.read_blob_of(tip, LIST)?.unwrap_or_default();
    serde_json::from_slice(&bytes)
        .context(Code::StateDamaged, || format!("the points of '{id}' cannot be read"))
}

/// Adds points, whose numbers are ignored. Nothing is written if they say nothing new, or if there is only the start.
///
/// # Errors
/// The points cannot be read or written, or another process writes them.
pub fn add(repo: &Repo, id: &AgentId, new: Vec<Point>) -> Result<()> {
    let repo = &repo.syncing_together();
    let name = layout::points_ref(id);
    let old = repo.find_ref(&name)?;
    // Points that cannot be read must not keep new ones from being made.
    let known = old.and_then(|tip| read_at(repo, id, tip).ok()).unwrap_or_default();
    let before = known.clone();
    let points = new.into_iter().fold(known, |all, one| with(all.clone(), one).unwrap_or(all));
    if points == before || points.len() < 2 {
        return Ok(());
    }
    let bytes = serde_json::to_vec(&points).context(Kind::Internal, || "cannot write points".to_owned())?;
    let entry =
        |point: &Point| TreeEntry::new(format!("{:010}", point.number), TreeEntryKind::Tree, point.tree);
    let trees = repo.write_entries(points.iter().map(entry).collect())?;
    let tree = repo.write_entries(vec![
        TreeEntry::new(LIST, TreeEntryKind::File, repo.write_blob(&bytes)?),
        TreeEntry::new(TREES, TreeEntryKind::Tree, trees),
    ])?;
    let mut heads: Vec<Oid> = Vec::new();
    for point in &points {
        if !heads.contains(&point.head) {
            heads.push(point.head);
        }
    }
    let message = format!("points of agent {id}\n");
    let commit = Commit::by(&repo.identity_or_none(), repo.now().as_second(), tree, heads, message);
    let new = repo.write_commit(&commit)?;
    Ok(repo.edit_refs(&[RefEdit { name, old, new }], "orchestra: a point of an agent")?)
}

/// Adds a point to others; `None` if it says nothing new. What was seen in the middle of a turn is replaced by its end, if the files
/// stayed the same.
fn with(mut points: Vec<Point>, new: Point) -> Option<Vec<Point>> {
    let mut number = points.last().map_or(0, |last| last.number).saturating_add(1);
    if let Some(last) = points.last().filter(|last| (last.tree, last.head) == (new.tree, new.head)) {
        let is_inside = last.kind == PointKind::Time && new.kind != PointKind::Time;
        if !is_inside {
            return None;
        }
        number = last.number;
        points.pop();
    }
    points.push(Point { number, ..new });
    if points.len() > MAX_POINTS {
        points.remove(1);
    }
    Some(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(kind: PointKind, tree: u8) -> Point {
        Point {
            number: 0,
            at: Timestamp::UNIX_EPOCH,
            kind,
            tree: Oid::from_bytes([tree; 20]),
            head: Oid::NULL,
            session: None,
            transcript_bytes: None,
            about: None,
        }
    }

    fn after(all: &[(PointKind, u8)]) -> Vec<(u32, PointKind)> {
        let mut points = Vec::new();
        for (kind, tree) in all {
            points = with(points.clone(), point(*kind, *tree)).unwrap_or(points);
        }
        points.iter().map(|point| (point.number, point.kind)).collect()
    }

    #[test]
    fn a_point_says_something_new() {
        use PointKind::{End, Start, Time, Turn};
        for (made, kept) in [
            (vec![(Start, 1), (Time, 1)], vec![(1, Start)]),
            (vec![(Start, 1), (Time, 2), (Time, 2)], vec![(1, Start), (2, Time)]),
            (vec![(Start, 1), (Time, 2), (Turn, 2), (End, 2)], vec![(1, Start), (2, Turn)]),
            (vec![(Start, 1), (Turn, 2), (Time, 1)], vec![(1, Start), (2, Turn), (3, Time)]),
        ] {
            assert_eq!(after(&made), kept, "{made:?}");
        }
    }

    #[test]
    fn the_first_and_the_newest_are_kept() {
        let many: Vec<(PointKind, u8)> = (0..=150).map(|tree| (PointKind::Time, tree)).collect();
        let kept = after(&many);
        assert_eq!((kept.len(), kept[0].0, kept[1].0, kept[MAX_POINTS - 1].0), (MAX_POINTS, 1, 53, 151));
    }
}
