//! One repository for several threads, which read objects: each has its own handle, and all share the indexes of the packs.

use std::sync::Arc;

use super::fallback::FallbackRepo;
use crate::{git::Repo, world::Environment};

/// A repository that several threads may use.
pub struct SharedRepo {
    gix: gix::ThreadSafeRepository,
    environment: Environment,
    fallback: Option<Arc<FallbackRepo>>,
}

impl Repo {
    /// Returns the repository for other threads. Objects that are only in memory stay with this one.
    pub fn shared(&self) -> SharedRepo {
        SharedRepo {
            gix: self.gix.clone().into_sync(),
            environment: self.environment.clone(),
            fallback: self.fallback.clone(),
        }
    }
}

impl SharedRepo {
    /// Returns the repository for the calling thread.
    pub fn for_this_thread(&self) -> Repo {
        let mut repo = Repo::of(self.gix.to_thread_local(), &self.environment);
        repo.fallback.clone_from(&self.fallback);
        repo
    }
}
