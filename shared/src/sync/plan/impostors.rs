//! Events in archives that carry this clone's writer id. Most were written here: another clone archived the agent, or undid that, and
//! they return. The others are those of a copy of this clone.

use std::collections::BTreeSet;

use super::Planner;
use crate::{
    Result,
    git::Oid,
    model::AgentId,
    store::archive::{self, Archived},
    sync::{
        archives,
        check::{self, KnownTips},
    },
};

impl Planner<'_> {
    /// Returns the tips of an agent in the archives that were here before this sync.
    pub(super) fn archived_before(&self, id: &AgentId) -> Vec<Oid> {
        let all = self.archived_before.get_or_init(|| archives::read(self.repo, self.sides.ours));
        all.get(id).into_iter().flatten().map(|archived| archived.tip).collect()
    }

    /// Counts the events in new entries of a writer's archive that carry this clone's writer id, but were not written here.
    pub(super) fn archived_impostors(&self, writer: &str, theirs: Oid) -> Result<usize> {
        if self.sides.writer.is_none() {
            return Ok(0);
        }
        let entries = |tip: Option<&Oid>| -> Vec<Archived> {
            tip.map(|tip| archive::chain(self.repo, *tip).unwrap_or_default()).unwrap_or_default()
        };
        let sides = [self.sides.ours, self.sides.before];
        let known: BTreeSet<(AgentId, Oid)> = sides
            .into_iter()
            .flat_map(|side| entries(side.archives.get(writer)))
            .map(|archived| (archived.id, archived.tip))
            .collect();
        let mut impostors = 0;
        for Archived { id, tip, .. } in entries(Some(&theirs)) {
            if known.contains(&(id.clone(), tip)) {
                continue;
            }
            let archived = self.archived_before(&id);
            let [ours, before] = sides.map(|side| side.agents.get(&id).copied());
            let known = KnownTips { ours, before, archived: &archived, writer: self.sides.writer };
            impostors += check::impostors_in(self.repo, &id, tip, &known)?;
        }
        Ok(impostors)
    }
}
