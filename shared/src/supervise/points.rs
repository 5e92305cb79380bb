//! Makes the points to which an agent can be rewound, from its snapshots and from its work at the end of each attempt.

use std::fs;

use crate::{
    Result,
    agents::{self, StreamSummary},
    git::{Oid, Repo, careful},
    model::{AgentId, SessionId, text},
    store::{
        self,
        layout::{self, AgentDir},
        points::{self, Point, PointKind},
    },
    supervise::spec::Spec,
    worktree::capture::CapturedWork,
};

/// The maximum width of what a point is about, in columns.
const ABOUT_WIDTH: usize = 120;

/// Makes a point of the newest snapshot.
///
/// # Errors
/// Something cannot be read or written.
pub fn of_snapshot(repo: &Repo, id: &AgentId, dir: &AgentDir, spec: &Spec, kind: PointKind) -> Result<()> {
    let Some(snapshot) = repo.find_ref(&layout::snapshot_ref(id))? else { return Ok(()) };
    let snapshot = repo.read_commit(snapshot)?;
    let head = snapshot.parents.first().copied().unwrap_or(spec.base);
    let summary = careful::text(dir.stream_summary()).unwrap_or_default();
    let summary: StreamSummary = serde_json::from_str(&summary).unwrap_or_default();
    let about = match kind {
        PointKind::Turn => summary.last_words.or(summary.activity),
        _ => summary.activity,
    };
    add(repo, id, spec, kind, (snapshot.tree, head), about)
}

/// Makes a point of the work at the end of an attempt.
///
/// # Errors
/// Something cannot be read or written.
pub fn of_work(
    repo: &Repo,
    id: &AgentId,
    spec: &Spec,
    work: &CapturedWork,
    last_words: Option<String>,
) -> Result<()> {
    let Some(head) = work.head.commit() else { return Ok(()) };
    add(repo, id, spec, PointKind::End, (repo.tree_of(head)?, head), last_words)
}

/// Makes a point of files and the commit that was checked out, and before the first one a point of the start.
///
/// # Errors
/// Something cannot be read or written.
pub fn add(
    repo: &Repo,
    id: &AgentId,
    spec: &Spec,
    kind: PointKind,
    (tree, head): (Oid, Oid),
    about: Option<String>,
) -> Result<()> {
    let is_first = repo.find_ref(&layout::points_ref(id))?.is_none();
    let start = (repo.tree_of(spec.base)?, spec.base);
    let start = is_first.then(|| point(repo, PointKind::Start, start, None));
    let session = store::agent(repo, id)?.session;
    let about = about.map(|about| text::one_line(&about, ABOUT_WIDTH));
    let transcript_bytes = session.as_ref().and_then(|session| transcript_bytes(repo, id, spec, session));
    let point = Point { session, transcript_bytes, ..point(repo, kind, (tree, head), about) };
    points::add(repo, id, start.into_iter().chain([point]).collect())
}

fn point(repo: &Repo, kind: PointKind, (tree, head): (Oid, Oid), about: Option<String>) -> Point {
    Point { number: 0, at: repo.now(), kind, tree, head, session: None, transcript_bytes: None, about }
}

fn transcript_bytes(repo: &Repo, id: &AgentId, spec: &Spec, session: &SessionId) -> Option<u64> {
    let environment = spec.program_environment(repo.environment(), id);
    let transcript = agents::session_files(&spec.profile)?.transcript(&environment, session)?;
    Some(fs::metadata(transcript).ok()?.len())
}
