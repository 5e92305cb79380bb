//! Plans the changes after which both sides have the same. Reads objects and writes joins, which are invisible until a ref names
//! them, but changes no ref.

mod archiving;
mod impostors;

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    git::{
        Oid, Repo,
        refs::RefEdit,
        remotes::{PushRule, RefPush},
    },
    model::{Agent, AgentId, LogId, SubjectId, logs::for_log},
    store::{
        join::join,
        layout::{self, PrivateDir},
        sound::SoundWork,
    },
    sync::{
        agent_state,
        archives::{self, ArchivedTips},
        check::{self, KnownTips, Relation},
        heads::{self, Heads},
        notes::{self, NotesError},
        ref_snapshot::RefSnapshot,
        refused::Refused,
    },
};

/// Why events with this clone's writer id are refused while agents run: an agent keeps the writer id it was launched with.
const IMPOSTOR: &str = "another clone uses the writer id of this one; this clone takes a new id and merges it at the next \
sync while no agent runs here";

/// What is known about both sides.
pub struct Sides<'a> {
    /// The refs of this clone.
    pub ours: &'a RefSnapshot,
    /// The refs of the remote at the last fetch.
    pub theirs: &'a RefSnapshot,
    /// The refs of the remote at the fetch before.
    pub before: &'a RefSnapshot,
    /// Names below the common prefix that are not sent, because the remote had and lost them, or because they could not be fetched.
    pub held: &'a BTreeSet<String>,
    /// The writer id of this clone.
    pub writer: Option<&'a str>,
    /// Whether agents' work is sent as well.
    pub work: bool,
    /// Whether agents run here, so that this clone cannot take another writer id now.
    pub busy: bool,
}

/// How an agent, or another subject, changed in this clone.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AgentChange")]
pub enum AgentChange {
    /// It was not here before.
    New,
    /// It has new events from the remote.
    News,
    /// It had new events on both sides, which were joined.
    Joined,
    /// Its head changed.
    Work,
    /// It was archived in another clone.
    Archived,
}

/// The changes to make on both sides.
#[derive(Debug, Default)]
pub struct SyncPlan {
    /// The local refs to change.
    pub edits: Vec<RefEdit>,
    /// The local refs to delete, because an archive contains their agents.
    pub deletes: Vec<(String, Oid)>,
    /// The refs to push or to delete at the remote.
    pub sends: Vec<RefPush>,
    /// How the subjects of logs change in this clone.
    pub changes: BTreeMap<LogId, AgentChange>,
    /// What is not merged, by its name at the remote, and why.
    pub refused: BTreeMap<String, String>,
    /// What is not sent, by its name at the remote, and why.
    pub unsent: BTreeMap<String, String>,
    /// The number of events that carry this clone's writer id but were not written here.
    pub impostors: usize,
}

/// Plans the changes.
///
/// # Errors
/// Local state cannot be read, or an object cannot be written.
pub fn plan(repo: &Repo, sides: &Sides<'_>) -> Result<SyncPlan> {
    let mut planner = Planner {
        repo,
        sides,
        private: PrivateDir::new(repo.private_dir()?),
        archived_tips: ArchivedTips::new(),
        archived_before: OnceCell::new(),
        after: sides.ours.clone(),
        refused: Refused::read(repo)?,
        sound: SoundWork::read(repo)?,
        head: repo.head().ok(),
        plan: SyncPlan::default(),
    };
    planner.refuse_damaged();
    planner.archives()?;
    let mut ids: BTreeSet<&AgentId> = sides.ours.agents.keys().chain(sides.theirs.agents.keys()).collect();
    // A sync that was interrupted may have left only the head of an archived agent.
    let works = sides.ours.heads.keys().chain(sides.theirs.heads.keys());
    ids.extend(works.filter(|id| planner.archived_tips.contains_key(*id)));
    for id in ids {
        planner.agent(id)?;
    }
    planner.logs()?;
    planner.notes();
    planner.refused.remember();
    planner.sound.remember();
    Ok(planner.plan)
}

/// The tips of one log.
struct LogTips {
    log: LogId,
    ours: Option<Oid>,
    theirs: Option<Oid>,
    /// The tip at the remote at the fetch before.
    before: Option<Oid>,
    /// The tips of the log in archives.
    archived: Vec<Oid>,
    /// Those of them that were here before this sync.
    archived_before: Vec<Oid>,
}

/// A log with the events of both sides.
struct MergedLog<S> {
    tip: Oid,
    /// Whether an event that is new here may name the work.
    names_work: bool,
    /// The state after all events, if it was read.
    state: Option<S>,
}

struct Planner<'a> {
    repo: &'a Repo,
    sides: &'a Sides<'a>,
    private: PrivateDir,
    /// The archived agents.
    archived_tips: ArchivedTips,
    /// Those in the archives that were here before this sync, once they were asked for.
    archived_before: OnceCell<ArchivedTips>,
    /// The local refs after the changes. Only its archives are kept up to date.
    after: RefSnapshot,
    refused: Refused,
    sound: SoundWork<'a>,
    /// The commit of `HEAD`.
    head: Option<Oid>,
    plan: SyncPlan,
}

impl Planner<'_> {
    /// Refuses agents with a damaged local or tracking ref: nothing of them is changed or sent.
    fn refuse_damaged(&mut self) {
        let broken = self.sides.ours.broken.iter().chain(&self.sides.theirs.broken);
        for (name, why) in broken.map(|(name, why)| (name.clone(), format!("the ref here {why}"))) {
            if let Some(id) = name.strip_prefix("heads/") {
                self.refuse(format!("agents/{id}"), why.clone());
            }
            self.refuse(name, why);
        }
    }

    fn archives(&mut self) -> Result<()> {
        for (writer, theirs) in &self.sides.theirs.archives {
            let ours = self.sides.ours.archives.get(writer).copied();
            let name = format!("archive/{writer}");
            if ours == Some(*theirs) || self.plan.refused.contains_key(&name) {
                continue;
            }
            if let Some(why) = self.refused.why(&name, *theirs, ours).map(str::to_owned) {
                self.refuse(name, why);
                continue;
            }
            match archives::merge(self.repo, ours, *theirs)? {
                Some(new) if Some(new) != ours => {
                    let impostors = self.archived_impostors(writer, *theirs)?;
                    if impostors > 0 && self.sides.busy {
                        self.refuse(name, IMPOSTOR.to_owned());
                        continue;
                    }
                    self.plan.impostors += impostors;
                    self.after.archives.insert(writer.clone(), new);
                    self.edit(layout::archive_ref(writer), ours, new);
                }
                Some(_) => {}
                None => {
                    let why = "it is not an archive of agents";
                    self.refused.add(&name, *theirs, ours, why);
                    self.refuse(name, why.to_owned());
                }
            }
        }
        for (writer, new) in &self.after.archives {
            let name = format!("archive/{writer}");
            let theirs = self.sides.theirs.archives.get(writer);
            let stays = !self.sides.work && archives::add_work(self.repo, *new, theirs.copied());
            if theirs != Some(new) && !stays && !self.is_kept_back(&name) {
                self.plan.sends.push(RefPush {
                    name: layout::archive_ref(writer),
                    new: Some(*new),
                    rule: PushRule::FastForwardOnly,
                });
            }
        }
        self.archived_tips = archives::read(self.repo, &self.after);
        Ok(())
    }

    fn agent(&mut self, id: &AgentId) -> Result<()> {
        let (ours, theirs) = (self.sides.ours.agents.get(id), self.sides.theirs.agents.get(id));
        let (ours, theirs) = (ours.copied(), theirs.copied());
        if self.plan.refused.contains_key(&format!("agents/{id}")) {
            return Ok(());
        }
        if self.archived_tips.contains_key(id) && self.archive_agent(id, ours, theirs)? {
            return Ok(());
        }
        let heads = (self.sides.ours.heads.get(id), self.sides.theirs.heads.get(id));
        if ours == theirs && heads.0 == heads.1 && !self.archived_tips.contains_key(id) {
            return Ok(());
        }
        let archived =
            self.archived_tips.get(id).into_iter().flatten().map(|archived_tips| archived_tips.tip).collect();
        let archived_before = match self.archived_tips.contains_key(id) {
            true => self.archived_before(id),
            false => Vec::new(),
        };
        let before = self.sides.before.agents.get(id).copied();
        let tips = LogTips { log: LogId::Agent(id.clone()), ours, theirs, before, archived, archived_before };
        let Some(merged) = self.merge_events(id, &tips)? else { return Ok(()) };
        let name = format!("agents/{id}");
        if self.is_kept_back(&name) {
            return Ok(());
        }
        if theirs != Some(merged.tip) {
            self.send(layout::agent_ref(id), merged.tip, PushRule::FastForwardOnly);
        }
        if heads.0 != heads.1 || merged.names_work {
            self.work(id, merged)?;
        }
        Ok(())
    }

    /// Merges the logs of all subjects except agents. They have no work and are not archived.
    fn logs(&mut self) -> Result<()> {
        let sides = self.sides;
        let logs: BTreeSet<&LogId> = sides.ours.logs.keys().chain(sides.theirs.logs.keys()).collect();
        for log in logs {
            for_log!(log, id => self.log(log, id))?;
        }
        Ok(())
    }

    fn log<I: SubjectId>(&mut self, log: &LogId, id: &I) -> Result<()> {
        let [ours, theirs, before] =
            [self.sides.ours, self.sides.theirs, self.sides.before].map(|side| side.logs.get(log).copied());
        let name = log.to_string();
        if ours == theirs || self.plan.refused.contains_key(&name) {
            return Ok(());
        }
        let (archived, archived_before) = (Vec::new(), Vec::new());
        let tips = LogTips { log: log.clone(), ours, theirs, before, archived, archived_before };
        let Some(MergedLog { tip, .. }) = self.merge_events(id, &tips)? else { return Ok(()) };
        if theirs != Some(tip) && !self.is_kept_back(&name) {
            self.send(layout::event_log_ref(log), tip, PushRule::FastForwardOnly);
        }
        Ok(())
    }

    /// Returns the log with the events of both sides and of the archives. Returns `None` if the agent is to stay as it is.
    fn merge_events<I: SubjectId>(
        &mut self,
        id: &I,
        tips: &LogTips,
    ) -> Result<Option<MergedLog<I::Subject>>> {
        let (log, ours) = (&tips.log, tips.ours);
        let (mut tip, mut names_work, mut state) = (ours, false, None);
        let archived =
            tips.archived.iter().map(|archived_tips| (*archived_tips, format!("{log} in an archive")));
        for (from, name) in tips.theirs.map(|theirs| (theirs, log.to_string())).into_iter().chain(archived) {
            if tip == Some(from) {
                continue;
            }
            if let Some(why) = self.refused.why(&name, from, tip).map(str::to_owned) {
                self.refuse(name, why);
                return Ok(None);
            }
            let known = KnownTips {
                ours: tip,
                before: tips.before,
                archived: &tips.archived_before,
                writer: self.sides.writer,
            };
            let news = match check::check_tip(self.repo, id, from, &known)? {
                Ok(news) => news,
                Err(refusal) => {
                    if refusal.is_lasting {
                        self.refused.add(&name, from, tip, &refusal.why);
                    }
                    self.refuse(name, refusal.why);
                    return Ok(None);
                }
            };
            if news.impostors > 0 && self.sides.busy {
                self.refuse(name, IMPOSTOR.to_owned());
                return Ok(None);
            }
            self.plan.impostors += news.impostors;
            names_work |= news.names_work;
            let change = match news.relation {
                Relation::Behind => continue,
                Relation::New => AgentChange::New,
                Relation::Ahead => AgentChange::News,
                Relation::Diverged => AgentChange::Joined,
            };
            (tip, state) = match tip {
                Some(tip) => (Some(join(self.repo, id, tip, from)?), None),
                None => (Some(from), news.state),
            };
            if tip != ours {
                self.change(log.clone(), change);
            }
        }
        if let Some(tip) = tip.filter(|tip| Some(*tip) != ours) {
            self.edit(layout::event_log_ref(log), ours, tip);
        }
        Ok(tip.map(|tip| MergedLog { tip, names_work, state }))
    }

    fn work(&mut self, id: &AgentId, merged: MergedLog<Agent>) -> Result<()> {
        let (ours, theirs) =
            (self.sides.ours.heads.get(id).copied(), self.sides.theirs.heads.get(id).copied());
        if ours == theirs {
            return Ok(());
        }
        let agent = match merged.state {
            Some(agent) => agent,
            None => agent_state::at(self.repo, merged.tip, self.sides.writer)?,
        };
        let decision = heads::decide(self.repo, &self.private, id, &Heads { agent: &agent, ours, theirs })?;
        if let Some(new) = decision.ours.filter(|new| Some(*new) != ours) {
            if let Some(old) = ours {
                self.keep(id, old, new)?;
            }
            self.change(LogId::Agent(id.clone()), AgentChange::Work);
            self.edit(layout::head_ref(id), ours, new);
        }
        if let Some(new) = decision.ours.filter(|_| decision.send && self.sides.work) {
            // A remote may reject the whole push because of broken work, and the search for secrets may not end in it.
            if let Some(unsound) = self.sound.flaw(new, self.head) {
                self.plan.unsent.insert(format!("heads/{id}"), unsound.why);
                return Ok(());
            }
            if let Some(old) = theirs {
                self.keep(id, old, new)?;
            }
            self.send(layout::head_ref(id), new, PushRule::Lease(theirs));
        }
        Ok(())
    }

    /// Keeps an old head under a ref of its own if the new one does not contain it.
    fn keep(&mut self, id: &AgentId, old: Oid, new: Oid) -> Result<()> {
        if self.repo.has_commit(old) && !self.repo.contains(new, old)? {
            let name = layout::replaced_head_ref(id, &old.to_string());
            if self.repo.find_ref(&name)?.is_none() {
                self.edit(name, None, old);
            }
        }
        Ok(())
    }

    /// Merges notes. Remote notes that cannot be read are left alone.
    fn notes(&mut self) {
        let (ours, theirs) = (&self.sides.ours.notes, &self.sides.theirs.notes);
        let topics: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for topic in topics {
            let (local, remote) = (ours.get(topic).copied(), theirs.get(topic).copied());
            let name = format!("notes/{topic}");
            if self.plan.refused.contains_key(&name) {
                continue;
            }
            if let Some(why) =
                remote.and_then(|remote| self.refused.why(&name, remote, None)).map(str::to_owned)
            {
                self.refuse(name, why);
                continue;
            }
            let merged = match remote {
                Some(remote) if local != Some(remote) => notes::merge(self.repo, local, remote).map(Some),
                _ => Ok(local),
            };
            match merged {
                Ok(Some(new)) => {
                    if local != Some(new) {
                        self.edit(layout::notes_ref(topic), local, new);
                    }
                    if remote != Some(new) && !self.is_kept_back(&format!("notes/{topic}")) {
                        self.send(layout::notes_ref(topic), new, PushRule::Lease(remote));
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    // Notes that could not be read now may be readable later.
                    let is_for_good = matches!(error, NotesError::Unusable(_));
                    let why = Error::from(error).one_line();
                    if let Some(remote) = remote.filter(|_| is_for_good) {
                        self.refused.add(&name, remote, None, &why);
                    }
                    self.refuse(name, why);
                }
            }
        }
    }

    fn is_kept_back(&self, name: &str) -> bool {
        self.sides.held.contains(name) || self.plan.refused.contains_key(name)
    }

    fn edit(&mut self, name: String, old: Option<Oid>, new: Oid) {
        if !self.plan.edits.iter().rev().take(4).any(|edit| edit.name == name) {
            self.plan.edits.push(RefEdit { name, old, new });
        }
    }

    fn send(&mut self, name: String, new: Oid, rule: PushRule) {
        self.plan.sends.push(RefPush { name, new: Some(new), rule });
    }

    /// Records the change of an agent; the first one is the most significant.
    fn change(&mut self, log: LogId, change: AgentChange) {
        self.plan.changes.entry(log).or_insert(change);
    }

    fn refuse(&mut self, name: String, why: String) {
        self.plan.refused.insert(name, why);
    }
}
