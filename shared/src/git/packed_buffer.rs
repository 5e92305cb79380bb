//! The packed refs as they are now. gix reads the file again only if its time is newer: of two changes within one tick of the clock it
//! misses the second. A ref that was packed then has an old value, also under its lock, and the next event would replace the last one.

use std::fs;

use gix::refs::file::packed::SharedBufferSnapshot;

use super::{Repo, packed::Stamp, ref_names::PACKED_REFS};

impl Repo {
    /// Returns the packed refs; `None` if there are none.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub(super) fn packed_buffer(
        &self,
    ) -> Result<Option<SharedBufferSnapshot>, Box<dyn std::error::Error + Send + Sync>> {
        let found = fs::metadata(self.gix.common_dir().join(PACKED_REFS)).ok();
        let now = found.as_ref().map(Stamp::of);
        if now.is_some() && now != self.packed.get() {
            // One that is gone by now, or cannot be read, is dealt with below.
            let _ = self.gix.refs.force_refresh_packed_buffer();
            self.packed.set(now);
        }
        self.gix.refs.cached_packed_buffer().map_err(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use crate::{git::Repo, world::Environment};

    #[test]
    fn a_second_change_in_the_same_tick_of_the_clock_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        gix::init(folder.path()).unwrap();
        let file = folder.path().join(".git/packed-refs");
        let environment = Environment::of_this_process().at(folder.path());
        let repo = Repo::discover(&environment).unwrap();
        let name = "refs/orchestra/agents/a-00000";
        let tick = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        // The last one is even older, as after a change of ours, which makes the time differ.
        for (digit, earlier) in [("1", 0), ("2", 0), ("3", 1)] {
            let id = digit.repeat(40);
            let new = file.with_extension("new");
            fs::write(&new, format!("# pack-refs with: peeled fully-peeled sorted \n{id} {name}\n")).unwrap();
            let time = tick - std::time::Duration::from_millis(earlier);
            File::options().write(true).open(&new).unwrap().set_modified(time).unwrap();
            fs::rename(&new, &file).unwrap();
            assert_eq!(repo.find_ref(name).unwrap().map(|found| found.to_string()), Some(id));
            assert_eq!(repo.ref_names_in("refs/orchestra/agents/").unwrap().len(), 1);
        }
    }
}
