//! The agents: whether they can be read, whether their processes, worktrees, and branches belong together.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::finding::{Finding, Group, Remedy};
use crate::{
    Result,
    config::{Config, keys::BRANCH_PREFIX},
    git::{
        Repo,
        worktrees::{Worktree, WorktreePlace},
    },
    lock::Lock,
    model::{Agent, AgentId, Liveness, quote, text},
    store::{
        Chain, Listing,
        layout::{self, PrivateDir},
        list::ListRow,
        unreadable,
        verdicts::{self, TrustedWriters},
    },
    supervise::{liveness::Observed, processes, tree::ProcessId},
    worktree::{list, worktrees_dir},
};

/// The most supervisors without a ref that are named.
const MAX_SUPERVISORS: usize = 20;
/// How long whole logs may be read, and how long the processes of lost agents may be searched for.
const LIMIT: Duration = Duration::from_secs(2);
/// The key of the trailer with the clone that an agent lives in.
const WRITER: &str = "Writer";
/// The key of the trailer that says why the files of an agent were not saved.
const UNSAVED: &str = "Unsaved";

/// Checks the agents of the repository.
///
/// # Errors
/// The refs cannot be read.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let listing = Listing::observe(repo)?;
    let mut findings = unreadable_agents(repo, &listing)?;
    findings.extend(lost_agents(repo, &listing)?);
    findings.extend(supervisors_of_nobody(repo, &listing)?);
    findings.extend(missing_work(repo, &listing)?);
    findings.extend(unsaved_work(repo, &listing)?);
    findings.extend(set_aside_events(repo, &listing));
    findings.extend(unknown_writers(repo, &listing));
    findings.extend(worktrees(repo, &listing)?);
    findings.extend(branches(repo, &listing)?);
    if findings.is_empty() {
        let what = match listing.rows.len() as u64 {
            0 => "no agents yet".to_owned(),
            count => format!("{} intact", text::count(count, "agent")),
        };
        findings.push(Finding::ok(Group::Repository, "agents", what));
    }
    Ok(findings)
}

fn unreadable_agents(repo: &Repo, listing: &Listing) -> Result<Vec<Finding>> {
    // Damaged refs are reported with all refs; here are those that are intact and cannot be read, or were moved away.
    let is_intact = |name: &str| matches!(repo.ref_damage(name), Ok(None));
    let broken = listing.broken.iter().filter(|one| is_intact(&one.name)).cloned();
    let others = unreadable::of_no_agent(repo)?.into_iter().filter(|one| is_intact(&one.name));
    let described = |one: unreadable::Unreadable| {
        let finding = Finding::error(Group::Repository, "agent-unreadable", one.sentence()).about(&one.id);
        match &one.remedy {
            Some(remedy) => finding.fix(remedy.clone()),
            None => finding,
        }
    };
    Ok(broken.chain(others).map(described).collect())
}

/// Finds agents whose supervisor died, and the processes that they left.
fn lost_agents(repo: &Repo, listing: &Listing) -> Result<Vec<Finding>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let (mut findings, until) = (Vec::new(), Instant::now() + LIMIT);
    let open = listing.rows.iter().filter(|row| !row.entry.header.phase.is_at_rest());
    for (row, agent) in open.filter_map(|row| Some((row, listing.agent(repo, row).ok()?))) {
        let id = &row.id;
        let observed = Observed::settled(repo, &private, id, (row.tip, agent), listing.writer.as_deref())?;
        if observed.liveness != Liveness::Lost {
            if observed.liveness == Liveness::Live {
                findings.extend(without_worktree(repo, row, &observed.agent)?);
            }
            continue;
        }
        // All processes are examined for each; after a crash of the machine none is left.
        let is_early = Instant::now() < until;
        let orphans = if is_early { processes::leftovers_of(repo, &private, id) } else { Vec::new() };
        findings.push(if orphans.is_empty() {
            Finding::warning(
                Group::Repository,
                "agent-lost",
                format!("agent {id} is lost: its supervisor died"),
            )
            .about(id.as_str())
            .because("it does not run, and nothing resumes it by itself")
            .fix(format!("git orchestra resume {id}"))
        } else {
            let pids: Vec<String> = orphans.iter().map(|process| process.pid.to_string()).collect();
            let what =
                format!("the supervisor of agent {id} died, and its processes run: {}", pids.join(", "));
            Finding::warning(Group::Repository, "agent-orphans", what)
                .about(id.as_str())
                .because("nobody reads their output or saves their work")
                .fix(format!("git orchestra stop {id}"))
        });
    }
    Ok(findings)
}

/// Finds supervisors of agents that no ref shows: they write a deleted ref again, unless its objects are gone.
fn supervisors_of_nobody(repo: &Repo, listing: &Listing) -> Result<Vec<Finding>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let is_unknown = |id: &str| AgentId::parse(id).is_ok_and(|id| listing.row(&id).is_none());
    let running = processes::running_supervisors(&private).into_iter();
    let described = |(id, process): (String, ProcessId)| {
        let what = format!("process {} supervises agent {id}, which has no ref", process.pid);
        Finding::warning(Group::Repository, "agent-without-ref", what)
            .about(&id)
            .because("no list shows it, and its end cannot be recorded")
            .fix(format!("kill {}", process.pid))
    };
    Ok(running.filter(|(id, _)| is_unknown(id)).take(MAX_SUPERVISORS).map(described).collect())
}

/// Reports an agent that runs here and has no worktree. It gets its worktree before it is started.
fn without_worktree(repo: &Repo, row: &ListRow, agent: &Agent) -> Result<Option<Finding>> {
    if agent.started_at.is_none() || agent.phase.is_at_rest() {
        return Ok(None);
    }
    let worktree = list::worktree_of_agent(repo, &row.id, &agent.branch)?;
    if worktree.is_some_and(|worktree| worktree.exists()) {
        return Ok(None);
    }
    let id = &row.id;
    let finding = Finding::warning(
        Group::Repository,
        "agent-worktree",
        format!("agent {id} runs, but its worktree is gone"),
    );
    Ok(Some(finding.about(id.as_str()).fix(format!("git orchestra stop {id}; git orchestra resume {id}"))))
}

/// Finds agents of this clone whose files could not be saved when they ended.
fn unsaved_work(repo: &Repo, listing: &Listing) -> Result<Vec<Finding>> {
    let own = listing.writer.as_deref();
    let ours = listing.rows.iter().filter(|row| own.is_some() && listing.trailer(row, WRITER) == own);
    let mut findings = Vec::new();
    for row in ours.filter(|row| listing.trailer(row, UNSAVED).is_some()) {
        let (id, agent) = (&row.id, listing.agent(repo, row)?);
        let Some(why) = agent.unsaved.filter(|_| agent.phase.is_at_rest()) else { continue };
        let is_here = list::worktree_of_agent(repo, id, &agent.branch)?.is_some_and(|found| found.exists());
        let fix = if is_here {
            format!("git orchestra collect {id}")
        } else {
            format!("git orchestra resume {id} starts it again, cleanup --discard {id} removes it")
        };
        let what = format!("the files of agent {id} were not saved");
        let finding = Finding::warning(Group::Repository, "agent-unsaved", what).about(id.as_str());
        findings.push(finding.because(text::one_line(&why, 200)).fix(fix));
    }
    Ok(findings)
}

/// Finds agents of this clone whose events name work to which no ref leads.
fn missing_work(repo: &Repo, listing: &Listing) -> Result<Vec<Finding>> {
    let refs: BTreeSet<String> = repo.ref_list(layout::HEADS)?.names().map(str::to_owned).collect();
    let mut findings = Vec::new();
    let own = listing.writer.as_deref();
    for row in listing.rows.iter().filter(|row| own.is_some() && listing.trailer(row, WRITER) == own) {
        let (id, name) = (&row.id, layout::head_ref(&row.id));
        if refs.contains(&name) || !row.entry.header.phase.is_at_rest() {
            continue;
        }
        let Some(head) = listing.agent(repo, row)?.head_commit() else { continue };
        let finding =
            Finding::error(Group::Repository, "agent-work", format!("the work of agent {id} has no ref"))
                .about(id.as_str())
                .because(format!("its events name the commit {}, which git gc may delete", head.short()));
        findings.push(if repo.has_commit(head) {
            finding.fix(quote::command(&[&"git", &"update-ref", &name, &head.to_string()]))
        } else {
            finding
                .because("its events name a commit that is not in this repository")
                .fix("git orchestra sync")
        });
    }
    Ok(findings)
}

/// Counts malformed events, which are kept and ignored, and events of newer versions.
fn set_aside_events(repo: &Repo, listing: &Listing) -> Vec<Finding> {
    let until = Instant::now() + LIMIT;
    let (mut findings, mut unread) = (Vec::new(), 0);
    for row in &listing.rows {
        if Instant::now() > until {
            unread += 1;
            continue;
        }
        // One that cannot be read is reported elsewhere.
        let Ok(chain) = Chain::read(repo, &[row.tip]) else { continue };
        let id = &row.id;
        let log = format!("git log {}", layout::agent_ref(id));
        if !chain.set_aside.is_empty() {
            let count = text::count(chain.set_aside.len() as u64, "malformed event");
            let finding = Finding::note(
                Group::Repository,
                "events-set-aside",
                format!("{count} of agent {id} set aside"),
            );
            findings.push(
                finding.about(id.as_str()).because("they are kept and sent, and have no effect").fix(log),
            );
        } else if chain.newer {
            let what = format!("agent {id} was written by a newer version of git orchestra");
            let finding = Finding::note(Group::Repository, "events-newer", what).about(id.as_str());
            findings
                .push(finding.because("it can be read here, and not changed").fix("update git orchestra"));
        }
    }
    if unread > 0 {
        let what =
            format!("the events of {} were not read, because that takes long", text::count(unread, "agent"));
        findings.push(Finding::note(Group::Repository, "events-unread", what));
    }
    findings
}

/// Lists the other clones whose agents are here and whose verdicts do not count.
fn unknown_writers(repo: &Repo, listing: &Listing) -> Vec<Finding> {
    let trusted = TrustedWriters::of(repo);
    let mut writers: BTreeMap<&str, u64> = BTreeMap::new();
    for writer in listing.rows.iter().filter_map(|row| listing.trailer(row, WRITER)) {
        *writers.entry(writer).or_default() += 1;
    }
    let unknown = writers
        .into_iter()
        .filter(|(writer, _)| listing.writer.as_deref() != Some(*writer) && !trusted.contains(writer));
    unknown
        .map(|(writer, count)| {
            let what = format!("{} of another clone, {}", text::count(count, "agent"), text::safe(writer));
            Finding::note(Group::Repository, "writer-unknown", what)
                .about(writer)
                .because("its verdicts, messages and answers do not count here")
                .fix(format!("if it is yours: {}", verdicts::how_to_trust(writer)))
        })
        .collect()
}

/// Finds worktrees that are incomplete or gone, and those of no agent in the folder of agents' worktrees.
fn worktrees(repo: &Repo, listing: &Listing) -> Result<Vec<Finding>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let folder = worktrees_dir::planned_dir(repo)?;
    let folder = folder.canonicalize().unwrap_or(folder);
    let mut findings = Vec::new();
    for worktree in repo.worktrees()? {
        let name = worktree.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !worktree.path.starts_with(&folder) || layout::is_scratch(&name) {
            continue;
        }
        let owner = AgentId::parse(&name).ok();
        findings.extend(of_worktree(&private, &worktree, owner.as_ref(), listing));
    }
    Ok(findings)
}

fn of_worktree(
    private: &PrivateDir,
    worktree: &Worktree,
    owner: Option<&AgentId>,
    listing: &Listing,
) -> Option<Finding> {
    let path = worktree.path.to_string_lossy();
    let is_known = owner.is_some_and(|id| listing.row(id).is_some() || listing.unreadable(id).is_some());
    // The process that makes the worktree of an agent holds the agent's lock.
    let is_made_now = owner.is_some_and(|id| Lock::is_held(&private.agent(id).lock()));
    if worktree.is_incomplete() && !is_made_now {
        return Some(
            Finding::warning(
                Group::Repository,
                "worktree-incomplete",
                format!("the worktree '{path}' is incomplete"),
            )
            .about(&path)
            .because("a command was killed while it made or removed it")
            .fixed_by(Remedy::Recover),
        );
    }
    if worktree.place == WorktreePlace::Foreign {
        return None;
    }
    if !worktree.exists() {
        return Some(
            Finding::note(Group::Repository, "worktree-gone", format!("the worktree '{path}' is gone"))
                .about(&path)
                .fix("git worktree repair NEW-PATH, if it was moved by hand; else: git worktree prune"),
        );
    }
    (!is_known).then(|| {
        Finding::note(
            Group::Repository,
            "worktree-unowned",
            format!("the worktree '{path}' belongs to no agent"),
        )
        .about(&path)
        .fix(quote::command(&[&"git", &"worktree", &"remove", &worktree.path]))
    })
}

/// Finds branches with the names of agents that do not exist.
fn branches(repo: &Repo, listing: &Listing) -> Result<Vec<Finding>> {
    let prefixes = [Config::of(repo).get_or_default(&BRANCH_PREFIX), layout::OTHER_PREFIX.to_owned()];
    let prefixes: BTreeSet<String> = prefixes.into_iter().map(|prefix| layout::branch_ref(&prefix)).collect();
    let mut findings = Vec::new();
    for (name, tip) in repo.refs_below(layout::BRANCHES)? {
        let id = prefixes.iter().find_map(|prefix| AgentId::parse(name.strip_prefix(prefix.as_str())?).ok());
        let Some(id) = id.filter(|id| listing.row(id).is_none() && listing.unreadable(id).is_none()) else {
            continue;
        };
        let branch = layout::branch_of(&name).unwrap_or(&name);
        let what = format!("the branch {branch} belongs to no agent");
        findings.push(
            Finding::note(Group::Repository, "branch-unowned", what)
                .about(branch)
                .because(format!("agent {id} is not here, or was archived; the branch is at {}", tip.short()))
                .fix(quote::command(&[&"git", &"branch", &"-d", &"--", &branch])),
        );
    }
    Ok(findings)
}
