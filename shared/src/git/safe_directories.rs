//! Repositories of other users that git accepted in this process.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

/// The paths of the accepted repositories.
static ACCEPTED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Returns the accepted repositories, to pass them to the git processes that we start: settings on our own command line (`git -c
/// safe.directory=…`) do not reach these.
pub(super) fn accepted() -> Vec<PathBuf> {
    ACCEPTED.lock().map(|all| all.clone()).unwrap_or_default()
}

/// Adds accepted paths. At the top of a checkout git checks the checkout's path, and inside the git directory that of the git
/// directory.
pub(super) fn accept(places: &[&Path]) {
    if let Ok(mut all) = ACCEPTED.lock() {
        for place in places.iter().filter_map(|place| place.canonicalize().ok()) {
            if !all.contains(&place) {
                all.push(place);
            }
        }
    }
}
