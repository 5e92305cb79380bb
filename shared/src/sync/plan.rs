//! What is to be done so that both sides have the same. Reads objects, writes joins (which nobody sees until a ref names
//! them), and changes no ref.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    git::{
        Oid, Repo,
        refs::RefEdit,
        remotes::{Push, PushRule},
    },
    model::{AgentId, LogId, SubjectId, logs::for_log},
    store::{
        join::join,
        layout::{self, PrivateDir},
        sound::SoundWork,
    },
    sync::{
        archives::{self, ArchivedTips},
        check::{self, KnownObjects, Relation},
        heads::{self, Heads},
        notes::{self, NotesError},
        ref_snapshot::RefSnapshot,
        refused::Refused,
    },
};

/// An agent that runs here writes under the name under which it was launched, to its end.
const IMPOSTOR: &str = "another clone writes under the name of this one; this one gets a new name at the first sync at \
                        which no agent runs here, and takes it in then";

/// What is known of both sides.
pub struct Sides<'a> {
    /// This clone.
    pub ours: &'a RefSnapshot,
    /// The remote at the last look.
    pub theirs: &'a RefSnapshot,
    /// The remote at the look before.
    pub before: &'a RefSnapshot,
    /// Names that are not sent (below the common prefix), because the remote had them and lost them.
    pub held: &'a BTreeSet<String>,
    /// Who we are.
    pub writer: Option<&'a str>,
    /// The work travels as well.
    pub work: bool,
    /// Agents run here: this clone cannot get another name now.
    pub busy: bool,
}

/// What became of an agent, or of another subject, here.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "AgentChange")]
pub enum AgentChange {
    /// It was not here.
    New,
    /// It has news.
    News,
    /// It had news on both sides.
    Joined,
    /// Its work moved.
    Work,
    /// Somebody put it away.
    Archived,
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct SyncPlan {
    /// Refs of ours to be changed.
    pub edits: Vec<RefEdit>,
    /// Refs of ours that an archive makes needless.
    pub deletes: Vec<(String, Oid)>,
    /// Refs of theirs to be changed.
    pub sends: Vec<Push>,
    /// What that means for the agents, and for the other subjects.
    pub changes: BTreeMap<LogId, AgentChange>,
    /// What is not taken in, by its name there, and why.
    pub refused: BTreeMap<String, String>,
    /// What is not sent, by its name there, and why.
    pub unsent: BTreeMap<String, String>,
    /// Somebody writes under our name.
    pub impostors: usize,
}

/// Makes the plan.
///
/// # Errors
/// Our own state cannot be read, or nothing can be written.
pub fn plan(repo: &Repo, sides: &Sides<'_>) -> Result<SyncPlan> {
    let mut planner = Planner {
        repo,
        sides,
        private: PrivateDir::new(repo.private_dir()?),
        put: ArchivedTips::new(),
        after: sides.ours.clone(),
        refused: Refused::read(repo)?,
        sound: SoundWork::read(repo)?,
        has: repo.head().ok(),
        plan: SyncPlan::default(),
    };
    planner.damaged();
    planner.archives()?;
    let mut ids: BTreeSet<&AgentId> = sides.ours.agents.keys().chain(sides.theirs.agents.keys()).collect();
    // A sync that was cut off may have left the work of an agent that is put away, and nothing else of it.
    let works = sides.ours.heads.keys().chain(sides.theirs.heads.keys());
    ids.extend(works.filter(|id| planner.put.contains_key(*id)));
    for id in ids {
        planner.agent(id)?;
    }
    planner.logs()?;
    planner.notes();
    planner.refused.remember();
    planner.sound.remember();
    Ok(planner.plan)
}

/// What is known of one log.
struct LogTips {
    log: LogId,
    ours: Option<Oid>,
    theirs: Option<Oid>,
    /// Theirs at the last look.
    before: Option<Oid>,
    /// What archives hold of it.
    archived: Vec<Oid>,
}

struct Planner<'a> {
    repo: &'a Repo,
    sides: &'a Sides<'a>,
    private: PrivateDir,
    /// Agents that were put away.
    put: ArchivedTips,
    /// Ours, as it will be.
    after: RefSnapshot,
    refused: Refused,
    sound: SoundWork<'a>,
    /// A commit of the user's.
    has: Option<Oid>,
    plan: SyncPlan,
}

impl Planner<'_> {
    /// A ref of ours that is damaged is neither changed nor sent, nor is anything else of its agent.
    fn damaged(&mut self) {
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
                    self.after.archives.insert(writer.clone(), new);
                    self.edit(layout::archive_ref(writer), ours, new);
                }
                Some(_) => {}
                None => {
                    let why = "it is no archive of agents";
                    self.refused.add(&name, *theirs, ours, why);
                    self.refuse(name, why.to_owned());
                }
            }
        }
        for (writer, new) in &self.after.archives {
            let name = format!("archive/{writer}");
            let theirs = self.sides.theirs.archives.get(writer);
            let stays = !self.sides.work && archives::bring_work(self.repo, *new, theirs.copied());
            if theirs != Some(new) && !stays && !self.is_kept_back(&name) {
                self.plan.sends.push(Push {
                    name: layout::archive_ref(writer),
                    new: Some(*new),
                    rule: PushRule::FastForwardOnly,
                });
            }
        }
        self.put = archives::read(self.repo, &self.after);
        Ok(())
    }

    fn agent(&mut self, id: &AgentId) -> Result<()> {
        let (ours, theirs) = (self.sides.ours.agents.get(id), self.sides.theirs.agents.get(id));
        let (ours, theirs) = (ours.copied(), theirs.copied());
        if self.plan.refused.contains_key(&format!("agents/{id}")) {
            return Ok(());
        }
        if self.put.contains_key(id) && self.put_away(id, ours, theirs)? {
            return Ok(());
        }
        let heads = (self.sides.ours.heads.get(id), self.sides.theirs.heads.get(id));
        if ours == theirs && heads.0 == heads.1 && !self.put.contains_key(id) {
            return Ok(());
        }
        let archived = self.put.get(id).into_iter().flatten().map(|put| put.tip).collect();
        let before = self.sides.before.agents.get(id).copied();
        let tips = LogTips { log: LogId::Agent(id.clone()), ours, theirs, before, archived };
        let Some((tip, names_work)) = self.life(id, &tips)? else { return Ok(()) };
        let name = format!("agents/{id}");
        if self.is_kept_back(&name) {
            return Ok(());
        }
        if theirs != Some(tip) {
            self.send(layout::agent_ref(id), tip, PushRule::FastForwardOnly);
        }
        if heads.0 != heads.1 || names_work {
            self.work(id, tip)?;
        }
        Ok(())
    }

    /// The logs of all subjects but agents. They have nothing beside their events, and are not archived.
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
        let tips = LogTips { log: log.clone(), ours, theirs, before, archived: Vec::new() };
        let Some((tip, _)) = self.life(id, &tips)? else { return Ok(()) };
        if theirs != Some(tip) && !self.is_kept_back(&name) {
            self.send(layout::event_log_ref(log), tip, PushRule::FastForwardOnly);
        }
        Ok(())
    }

    /// The tip that holds what both sides, and the archives, tell. `None`: it stays as it is here.
    fn life<I: SubjectId>(&mut self, id: &I, tips: &LogTips) -> Result<Option<(Oid, bool)>> {
        let (log, ours) = (&tips.log, tips.ours);
        let (mut tip, mut names_work) = (ours, false);
        let archived = tips.archived.iter().map(|put| (*put, format!("{log} in an archive")));
        for (from, name) in tips.theirs.map(|theirs| (theirs, log.to_string())).into_iter().chain(archived) {
            if tip == Some(from) {
                continue;
            }
            if let Some(why) = self.refused.why(&name, from, tip).map(str::to_owned) {
                self.refuse(name, why);
                return Ok(None);
            }
            let known = KnownObjects { ours: tip, before: tips.before, writer: self.sides.writer };
            let news = match check::look(self.repo, id, from, &known)? {
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
                Relation::Apart => AgentChange::Joined,
            };
            tip = Some(match tip {
                Some(tip) => join(self.repo, id, tip, from)?,
                None => from,
            });
            if tip != ours {
                self.change(log.clone(), change);
            }
        }
        if let Some(tip) = tip.filter(|tip| Some(*tip) != ours) {
            self.edit(layout::event_log_ref(log), ours, tip);
        }
        Ok(tip.map(|tip| (tip, names_work)))
    }

    fn work(&mut self, id: &AgentId, tip: Oid) -> Result<()> {
        let (ours, theirs) =
            (self.sides.ours.heads.get(id).copied(), self.sides.theirs.heads.get(id).copied());
        if ours == theirs {
            return Ok(());
        }
        let settled = heads::settle(self.repo, &self.private, id, &Heads { tip, ours, theirs })?;
        if let Some(new) = settled.ours.filter(|new| Some(*new) != ours) {
            if let Some(old) = ours {
                self.keep(id, old, new)?;
            }
            self.change(LogId::Agent(id.clone()), AgentChange::Work);
            self.edit(layout::head_ref(id), ours, new);
        }
        if let Some(new) = settled.ours.filter(|_| settled.send && self.sides.work) {
            // A remote may refuse everything that comes with it, and a look for secrets in it may have no end.
            if let Some(unsound) = self.sound.flaw(new, self.has) {
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

    /// What a new head does not contain is never lost.
    fn keep(&mut self, id: &AgentId, old: Oid, new: Oid) -> Result<()> {
        if self.repo.has_commit(old) && !self.repo.contains(new, old)? {
            let name = layout::replaced_head_ref(id, &old.to_string());
            if self.repo.find_ref(&name)?.is_none() {
                self.edit(name, None, old);
            }
        }
        Ok(())
    }

    /// Whoever put it away may have wanted the life alone, or have known less of the work.
    fn keep_unless_archived(&mut self, id: &AgentId, work: Oid) -> Result<()> {
        if self.put.get(id).into_iter().flatten().any(|put| put.work == Some(work)) {
            return Ok(());
        }
        for archive in self.after.archives.values() {
            if !self.repo.has_commit(work) || self.repo.contains(*archive, work)? {
                return Ok(());
            }
        }
        let name = layout::replaced_head_ref(id, &work.to_string());
        if self.repo.find_ref(&name)?.is_none() {
            self.edit(name, None, work);
        }
        Ok(())
    }

    /// An agent all of whose life is in an archive needs no refs, neither here nor there. `true`: that is so.
    fn put_away(&mut self, id: &AgentId, ours: Option<Oid>, theirs: Option<Oid>) -> Result<bool> {
        let held = |tip: Option<Oid>| match tip {
            Some(tip) if !self.repo.has_commit(tip) => Ok(false),
            Some(tip) => archives::hold(self.repo, &self.put, id, tip),
            None => Ok(true),
        };
        if self.private.agent(id).dir().is_dir() || !held(ours)? || !held(theirs)? {
            return Ok(false);
        }
        let work = self.sides.ours.heads.get(id).copied();
        if let Some(work) = work {
            self.keep_unless_archived(id, work)?;
        }
        for (name, tip) in [(layout::agent_ref(id), ours), (layout::head_ref(id), work)] {
            self.plan.deletes.extend(tip.map(|tip| (name, tip)));
        }
        if ours.is_some() {
            self.change(LogId::Agent(id.clone()), AgentChange::Archived);
        }
        // There it goes only once the archive is there.
        let archived_there =
            self.after.archives.iter().all(|one| self.sides.theirs.archives.get(one.0) == Some(one.1));
        let work = self.sides.theirs.heads.get(id).copied();
        for (name, tip) in [(layout::agent_ref(id), theirs), (layout::head_ref(id), work)] {
            if let Some(tip) = tip.filter(|_| archived_there) {
                self.plan.sends.push(Push { name, new: None, rule: PushRule::Lease(Some(tip)) });
            }
        }
        Ok(true)
    }

    /// What cannot be read of theirs stays theirs.
    fn notes(&mut self) {
        let (ours, theirs) = (&self.sides.ours.notes, &self.sides.theirs.notes);
        let topics: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for topic in topics {
            let (mine, foreign) = (ours.get(topic).copied(), theirs.get(topic).copied());
            let name = format!("notes/{topic}");
            if self.plan.refused.contains_key(&name) {
                continue;
            }
            if let Some(why) =
                foreign.and_then(|foreign| self.refused.why(&name, foreign, None)).map(str::to_owned)
            {
                self.refuse(name, why);
                continue;
            }
            let merged = match foreign {
                Some(foreign) if mine != Some(foreign) => notes::merge(self.repo, mine, foreign).map(Some),
                _ => Ok(mine),
            };
            match merged {
                Ok(Some(new)) => {
                    if mine != Some(new) {
                        self.edit(layout::notes_ref(topic), mine, new);
                    }
                    if foreign != Some(new) && !self.is_kept_back(&format!("notes/{topic}")) {
                        self.send(layout::notes_ref(topic), new, PushRule::Lease(foreign));
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    // What cannot be read may be readable later.
                    let is_for_good = matches!(error, NotesError::Unusable(_));
                    let why = Error::from(error).one_line();
                    if let Some(foreign) = foreign.filter(|_| is_for_good) {
                        self.refused.add(&name, foreign, None, &why);
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
        self.plan.sends.push(Push { name, new: Some(new), rule });
    }

    /// The first change says the most.
    fn change(&mut self, log: LogId, change: AgentChange) {
        self.plan.changes.entry(log).or_insert(change);
    }

    fn refuse(&mut self, name: String, why: String) {
        self.plan.refused.insert(name, why);
    }
}
