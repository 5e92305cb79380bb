//! The file in which a project shares settings, which everyone who commits to a repository can change.

use orchestra::config::{ProjectFlawKind, project_flaws};

use crate::shown;

pub(crate) fn check(bytes: &[u8]) {
    let content = String::from_utf8_lossy(bytes);
    match project_flaws(&content) {
        Err(why) => shown::check(&why),
        Ok(flaws) => {
            for flaw in flaws {
                shown::check(&flaw.key);
                if let ProjectFlawKind::Invalid { problem } = flaw.kind {
                    shown::check(&problem);
                }
            }
        }
    }
}
