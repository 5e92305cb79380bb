//! Repositories of other users that git accepted in this process.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

/// Repositories of others that git accepted in this process.
static ACCEPTED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Repositories of others that git accepted, for the git processes we start: what was said on the command line of ours
/// (`git -c safe.directory=…`) does not reach them.
pub(super) fn accepted() -> Vec<PathBuf> {
    ACCEPTED.lock().map(|all| all.clone()).unwrap_or_default()
}

/// Git asks for the checkout's name at its top, and for the git directory's within that.
pub(super) fn accept(places: &[&Path]) {
    if let Ok(mut all) = ACCEPTED.lock() {
        for place in places.iter().filter_map(|place| place.canonicalize().ok()) {
            if !all.contains(&place) {
                all.push(place);
            }
        }
    }
}
