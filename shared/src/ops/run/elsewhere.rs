//! Whether another clone has taken a run of which this one has not heard since. What lands here stays here until it is pushed; what is
//! published is seen by everybody, so the remotes that know the run are asked before.

use std::path::Path;

use super::{driver::Driver, taken};
use crate::{
    Error, Kind, Result,
    git::{Oid, remotes::RemoteOptions},
    model::run::Run,
    store::{chain::Chain, layout},
    sync::Remote,
};

impl Driver<'_> {
    /// Checks with the remotes that know the run that no other clone drives it. Nothing is written: the next sync brings what they have. A
    /// remote that cannot be asked is a warning, because a run can be driven without it.
    ///
    /// # Errors
    /// Another clone drives it (4).
    pub(super) fn require_driving_there(&mut self) -> Result<()> {
        let name = layout::subject_ref(&self.key);
        let mut tips: Vec<Oid> = self.repo.find_ref(&name)?.into_iter().collect();
        for remote in self.repo.remotes() {
            match self.newest_at(&remote, &name) {
                Ok(there) => tips.extend(there),
                Err(error) if error.kind() == Kind::Interrupted => return Err(error),
                Err(error) => self.warn_of(&error),
            }
        }
        let log = Chain::<Run>::read(self.repo, &tips)?.fold();
        taken::require_driving(&self.key, &log, &self.writer)
    }

    /// Returns the newest event of the run at a remote that knew it at the last sync, if this clone does not have it. Its objects are
    /// fetched, and no ref is written.
    fn newest_at(&self, remote: &str, name: &str) -> Result<Option<Oid>> {
        let below = name.strip_prefix(layout::SHARED).unwrap_or(name);
        if self.repo.find_ref(&format!("{}{below}", layout::tracking(remote)))?.is_none() {
            return Ok(None);
        }
        let address = Remote::choose(self.repo, Some(remote), Path::new("/"))?.address;
        let all = self.repo.remote_refs(self.context, &address, RemoteOptions::default())?;
        let there = all.into_iter().find(|(known, _)| known == name).map(|(_, id)| id);
        let Some(there) = there.filter(|id| !self.repo.has_object(*id)) else { return Ok(None) };
        self.repo.fetch_objects(self.context, &address, &[name.to_owned()], RemoteOptions::default())?;
        Ok(self.repo.has_object(there).then_some(there))
    }

    fn warn_of(&mut self, error: &Error) {
        let warning = format!("it is not known whether another clone took the run: {}", error.one_line());
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}
