//! The sessions of agent programs: unreadable or very large ones, those of folders that are gone, and those that their program will
//! soon delete.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::finding::{Finding, Group};
use crate::{
    Result, agents,
    context::Context,
    conversation::{
        ConversationFile, Discovery, Index, Installed, ReadFailure,
        reading::{self, ReadDepth},
    },
    git::Repo,
    model::{quote, text},
    ops::sessions::scope::{Repositories, Scope},
    store::{layout::PrivateDir, transcripts},
};

/// How long the beginnings of transcripts may be read that no list has read before.
const LIMIT: Duration = Duration::from_secs(2);
/// The size at which a transcript is very large, in bytes.
const LARGE: u64 = 256 << 20;
/// How many days before its deletion a session is reported.
const DAYS_AHEAD: i64 = 7;
/// Maximum number of sessions that a fix names.
const MAX_NAMED: usize = 5;
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// A session, as far as it matters here.
#[derive(Clone, Debug, Eq, PartialEq)]
struct SessionFacts {
    id: String,
    program: &'static str,
    size: u64,
    /// Whether the folder in which it ran exists; `None` if that folder is not known.
    has_folder: Option<bool>,
    /// When its program deletes it, in seconds since 1970.
    deleted_at: Option<i64>,
    /// Whether the repository has a copy.
    is_kept: bool,
}

/// Checks the sessions of a repository, or of the whole machine.
///
/// # Errors
/// The refs cannot be read, or the user interrupts it (130).
pub(super) fn check(context: &Context, repo: Option<&Repo>) -> Result<Vec<Finding>> {
    let mut found = Discovery::new(Installed::default());
    for reader in agents::session_readers() {
        context.check()?;
        reader.find(context.environment(), &mut found);
    }
    let (facts, unread) = facts(context, repo, &found)?;
    let mut findings = of_sessions(&facts, context.environment().now());
    findings.extend(found.troubles.iter().map(of_failure));
    if unread > 0 {
        let what = format!("{} were not read, because that takes long", text::count(unread, "session"));
        findings.push(Finding::note(Group::Sessions, "sessions-unread", what).fix("git orchestra sessions"));
    }
    if findings.is_empty() {
        let of = if repo.is_some() { "of this repository" } else { "on this machine" };
        let what = match facts.len() as u64 {
            0 => format!("no sessions {of}"),
            count => format!("{} {of}", text::count(count, "session")),
        };
        findings.push(Finding::ok(Group::Sessions, "sessions", what));
    }
    Ok(findings)
}

/// Returns what matters of the sessions in view, and the number of those whose folder was not read.
fn facts(context: &Context, repo: Option<&Repo>, found: &Discovery) -> Result<(Vec<SessionFacts>, u64)> {
    let scope = repo.map(Scope::of).transpose()?;
    let index = match repo {
        Some(repo) => Index::read(&PrivateDir::new(repo.private_dir()?).conversations()),
        None => Index::default(),
    };
    let kept: HashSet<String> = match repo {
        Some(repo) => transcripts::all(repo)?.into_iter().map(|kept| kept.about.id).collect(),
        None => HashSet::new(),
    };
    let days = |program: &str| agents::session_reader(program)?.kept_days(context.environment());
    let (mut repositories, mut facts, mut unread) = (Repositories::default(), Vec::new(), 0);
    let until = Instant::now() + LIMIT;
    let mut newest_first: Vec<&ConversationFile> = found.places.iter().collect();
    newest_first.sort_by_key(|place| std::cmp::Reverse(place.written));
    for place in newest_first {
        context.check()?;
        let folder = match index.fresh(place) {
            Some(known) => known.cwd().or_else(|| known.first_cwd()).map(PathBuf::from),
            None if Instant::now() < until => folder_of(place),
            None => {
                unread += 1;
                continue;
            }
        };
        let before = index.find(place).and_then(|known| known.repository());
        let is_in_view = scope.as_ref().is_none_or(|scope| {
            let mut now = |folder: &Path| repositories.of(&folder.to_string_lossy()).map(Path::to_owned);
            folder.as_deref().is_some_and(|folder| scope.contains(folder, now(folder).as_deref(), before))
        });
        if is_in_view {
            let written = place.written / 1_000_000_000;
            facts.push(SessionFacts {
                id: place.id.clone(),
                program: place.program,
                size: place.size,
                has_folder: folder.map(|folder| folder.is_dir()),
                deleted_at: days(place.program).map(|days| written + i64::from(days) * SECONDS_PER_DAY),
                is_kept: kept.contains(&place.id),
            });
        }
    }
    Ok((facts, unread))
}

/// Reads the folder of a session from the beginning of its transcript.
fn folder_of(place: &ConversationFile) -> Option<PathBuf> {
    let facts =
        reading::skim(agents::session_reader(place.program)?, place, ReadDepth::Beginning).ok()?.facts;
    facts.cwd.or(facts.first_cwd).map(PathBuf::from)
}

fn of_failure(failure: &ReadFailure) -> Finding {
    let path = failure.path.to_string_lossy();
    let what = format!("'{path}' cannot be read");
    Finding::note(Group::Sessions, "session-unreadable", what)
        .about(&path)
        .because(&failure.why)
        .fix(quote::command(&[&"ls", &"-ld", &failure.path]))
}

fn of_sessions(all: &[SessionFacts], now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in all.iter().filter(|one| one.size >= LARGE) {
        let what = format!("session {} of {} has {} MiB", one.id, one.program, one.size >> 20);
        findings.push(
            Finding::note(Group::Sessions, "session-large", what)
                .about(&one.id)
                .because("its program may be slow, or fail to resume it")
                .fix("continue in a new session"),
        );
    }
    let gone = all.iter().filter(|one| one.has_folder == Some(false)).count() as u64;
    if gone > 0 {
        let what = format!("{} ran in folders that are gone", text::count(gone, "session"));
        findings.push(
            Finding::note(Group::Sessions, "session-folder-gone", what)
                .because("they can be read, and some programs do not resume them")
                .fix("git orchestra sessions shows them; git orchestra sessions adopt ID makes an agent from one"),
        );
    }
    let limit = now.as_second() + DAYS_AHEAD * SECONDS_PER_DAY;
    let is_due = |one: &&SessionFacts| !one.is_kept && one.deleted_at.is_some_and(|at| at <= limit);
    let mut due: Vec<&SessionFacts> = all.iter().filter(is_due).collect();
    due.sort_by_key(|one| one.deleted_at);
    if let Some(first) = due.first() {
        let day = day_of(first.deleted_at.unwrap_or_default(), now);
        let count = text::count(due.len() as u64, "session");
        let ids: Vec<&str> = due.iter().take(MAX_NAMED).map(|one| one.id.as_str()).collect();
        findings.push(
            Finding::note(
                Group::Sessions,
                "session-deleted-soon",
                format!("{} deletes {count} soon, the first {day}", first.program),
            )
            .about(&first.id)
            .because("it deletes sessions that were not used for some time")
            .fix(format!("git orchestra sessions keep {}", ids.join(" "))),
        );
    }
    findings
}

/// Formats the day of a deletion: one that is due happens when the program is started next.
fn day_of(at: i64, now: Timestamp) -> String {
    match Timestamp::from_second(at) {
        Ok(at) if at > now => format!("on {}", at.strftime("%Y-%m-%d")),
        _ => "at its next start".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_judged_by_size_folder_and_age() {
        let now = Timestamp::from_second(1_795_000_000).unwrap();
        let after = |days: i64| Some(now.as_second() + days * SECONDS_PER_DAY);
        let plain = SessionFacts {
            id: "a".into(),
            program: "prog",
            size: 1000,
            has_folder: Some(true),
            deleted_at: after(20),
            is_kept: false,
        };
        for (session, expected) in [
            (plain.clone(), vec![]),
            (SessionFacts { size: LARGE, ..plain.clone() }, vec!["session-large"]),
            (SessionFacts { has_folder: Some(false), ..plain.clone() }, vec!["session-folder-gone"]),
            (SessionFacts { has_folder: None, deleted_at: None, ..plain.clone() }, vec![]),
            (SessionFacts { deleted_at: after(3), ..plain.clone() }, vec!["session-deleted-soon"]),
            (SessionFacts { deleted_at: after(3), is_kept: true, ..plain.clone() }, vec![]),
        ] {
            let found = of_sessions(std::slice::from_ref(&session), now);
            assert_eq!(
                found.iter().map(|one| one.check.as_str()).collect::<Vec<_>>(),
                expected,
                "{session:?}"
            );
        }
        let due = [
            SessionFacts { deleted_at: after(-1), ..plain.clone() },
            SessionFacts { id: "b".into(), deleted_at: after(2), ..plain },
        ];
        let found = of_sessions(&due, now);
        assert_eq!(found[0].what, "prog deletes 2 sessions soon, the first at its next start");
        assert_eq!(found[0].fix.as_deref(), Some("git orchestra sessions keep a b"));
        assert!(day_of(now.as_second() + SECONDS_PER_DAY, now).starts_with("on 20"));
    }
}
