//! gix's repository, which gets a new object store before its present one has seen too many packs.
//!
//! A store of gix gives each index of packs a slot of a table that never grows, the one after the last in use, and begins from the
//! start when it reaches the end. It may then give an index the slot of one that it is about to forget (gix-odb 0.87,
//! `consolidate_with_disk_state`). If the list of slots is the same as before, an assertion of gix ends the process; otherwise the
//! slot is emptied afterwards, and the objects of the new pack are missing for as long as the store lives. With more indexes than
//! slots, every look at the disk is an error. Garbage collections replace packs, and agents that work meanwhile add some, so a
//! process that keeps a repository open beside them gets there.
//!
//! Therefore the table is large, the indexes that a store may have seen are counted, and another store takes its place long before
//! the table is full.

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs,
    ops::{Deref, DerefMut},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use gix::odb::store::init::{Options, Slots};

/// The least number of slots of a store. Making them takes a few microseconds.
const MIN_SLOTS: usize = 256;
/// How many slots a store has for each index that there is when it is opened.
const SLOTS_PER_INDEX: f32 = 3.0;
/// The number of new indexes after which a store is replaced. All its free slots are many more: two for each index that there was, and
/// at least two thirds of [`MIN_SLOTS`].
const MAX_ADDED: usize = 64;
/// How many uses of the repository there are between two looks at the folders of packs. What is added between them has to fit into the
/// slots as well.
const LOOK_EVERY: u32 = 16;
/// The index of several packs, which keeps its name when it is replaced.
const INDEX_OF_MANY: &str = "multi-pack-index";

/// Returns the number of slots for the stores of all repositories.
pub(super) const fn slots() -> Slots {
    Slots::AsNeededByDiskState { multiplier: SLOTS_PER_INDEX, minimum: MIN_SLOTS }
}

/// A repository of gix with a store that is replaced in time.
///
/// It can be used like a [`gix::Repository`]. A replaced store stays as long as this does, because what was read from it may still
/// refer to it. They are few: one for each [`MAX_ADDED`] packs.
pub(super) struct RenewingRepo {
    gix: gix::Repository,
    uses: Cell<u32>,
    /// The indexes that the store may have seen, from the first look on.
    seen: RefCell<Option<SeenIndexes>>,
    /// The same repository with the next store.
    next: OnceCell<Box<Self>>,
}

impl RenewingRepo {
    pub(super) const fn of(gix: gix::Repository) -> Self {
        Self { gix, uses: Cell::new(0), seen: RefCell::new(None), next: OnceCell::new() }
    }

    /// Returns another handle of the same store, which counts on from here.
    pub(super) fn another(&self) -> Self {
        let newest = self.newest();
        let seen = RefCell::new(newest.seen.borrow().clone());
        Self { gix: newest.gix.clone(), uses: newest.uses.clone(), seen, next: OnceCell::new() }
    }

    /// Returns the repository with its newest store, and with all new objects in memory.
    pub(super) fn in_memory(self) -> Self {
        let mut last = self;
        while let Some(next) = last.next.take() {
            last = *next;
        }
        Self { gix: last.gix.with_object_memory(), ..last }
    }

    fn newest(&self) -> &Self {
        let mut last = self;
        while let Some(next) = last.next.get() {
            last = next;
        }
        last
    }

    /// Counts a use, and returns whether the store has to be replaced.
    fn is_used_up(&self) -> bool {
        let uses = self.uses.get().wrapping_add(1);
        self.uses.set(uses);
        if !uses.is_multiple_of(LOOK_EVERY) {
            return false;
        }
        let mut seen = self.seen.borrow_mut();
        seen.get_or_insert_with(|| SeenIndexes::of(self.gix.objects.store_ref())).look() >= MAX_ADDED
    }
}

impl Deref for RenewingRepo {
    type Target = gix::Repository;

    fn deref(&self) -> &gix::Repository {
        let newest = self.newest();
        if !newest.is_used_up() {
            return &newest.gix;
        }
        // If no store can be opened, the old one has many slots left, and the next look tries again.
        match with_new_store(&newest.gix) {
            Some(gix) => &newest.next.get_or_init(|| Box::new(Self::of(gix))).gix,
            None => &newest.gix,
        }
    }
}

impl DerefMut for RenewingRepo {
    fn deref_mut(&mut self) -> &mut gix::Repository {
        match self.next.get_mut() {
            Some(next) => next.deref_mut(),
            None => &mut self.gix,
        }
    }
}

/// Returns the repository with a store that was opened just now, and the same settings and caches.
fn with_new_store(gix: &gix::Repository) -> Option<gix::Repository> {
    let old = gix.objects.store_ref();
    let limit = gix.config_snapshot().integer("gitoxide.objects.allocLimit");
    let options = Options {
        slots: slots(),
        use_multi_pack_index: old.use_multi_pack_index(),
        alloc_limit_bytes: limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0),
        current_dir: None,
        loose_compression: gix.objects.loose_compression,
    };
    let opened = gix::odb::at_opts(old.path(), old.object_hash(), old.replacements(), options);
    let mut handle = opened.ok()?.into_inner();
    handle.refresh = gix.objects.refresh;
    handle.max_recursion_depth = gix.objects.max_recursion_depth;
    handle.ignore_replacements = gix.objects.ignore_replacements;
    // A clone keeps the makers of its caches, and what it holds in memory.
    let mut fresh = gix.clone();
    **fresh.objects = handle;
    Some(fresh)
}

/// The indexes that a store may have seen.
#[derive(Clone)]
struct SeenIndexes {
    folders: Vec<PackFolder>,
    added: usize,
}

impl SeenIndexes {
    fn of(store: &gix::odb::Store) -> Self {
        let objects = store.path();
        // A relative alternate is relative to the objects; a store of ours always has an absolute path.
        let others = gix::odb::alternate::resolve(objects.to_owned(), Path::new("/")).unwrap_or_default();
        let all = std::iter::once(objects.to_owned()).chain(others);
        Self { folders: all.map(|folder| PackFolder::at(folder.join("pack"))).collect(), added: 0 }
    }

    /// Looks at the folders again, and returns how many indexes were added since the first look.
    fn look(&mut self) -> usize {
        self.added += self.folders.iter_mut().map(PackFolder::look).sum::<usize>();
        self.added
    }
}

/// A folder of packs, and the indexes that were in it at the last look.
#[derive(Clone)]
struct PackFolder {
    path: PathBuf,
    state: Option<FolderState>,
    indexes: BTreeSet<OsString>,
}

/// What changes when a file is added to a folder, or removed from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct FolderState {
    device: u64,
    inode: u64,
    modified: (i64, i64),
}

impl PackFolder {
    fn at(path: PathBuf) -> Self {
        // The state first: what changes meanwhile is seen at the next look.
        let state = FolderState::of(&path);
        Self { indexes: indexes_in(&path), state, path }
    }

    /// Returns how many indexes are there that were not at the last look.
    fn look(&mut self) -> usize {
        if FolderState::of(&self.path) == self.state {
            return 0;
        }
        let now = Self::at(self.path.clone());
        let added = now.indexes.difference(&self.indexes).count();
        *self = now;
        added
    }
}

impl FolderState {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        let modified = (found.mtime(), found.mtime_nsec());
        Some(Self { device: found.dev(), inode: found.ino(), modified })
    }
}

/// Returns the names of the indexes in a folder. An index of several packs has its time in its name here, because it is replaced.
fn indexes_in(folder: &Path) -> BTreeSet<OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let indexes = entries.filter_map(|entry| {
        let mut name = entry.file_name();
        if name == INDEX_OF_MANY {
            let found = entry.metadata().ok()?;
            name.push(format!(" {} {}", found.mtime(), found.mtime_nsec()));
            return Some(name);
        }
        (Path::new(&name).extension() == Some(OsStr::new("idx"))).then_some(name)
    });
    indexes.collect()
}

#[cfg(test)]
mod tests {
    use crate::{
        git::{Oid, Repo},
        world::Environment,
    };

    use super::*;

    impl RenewingRepo {
        /// Returns the number of stores that there were.
        fn stores(&self) -> usize {
            1 + self.next.get().map_or(0, |next| next.stores())
        }
    }

    /// A bare repository, and packs of one object each that are not in it yet.
    struct Packs {
        folder: tempfile::TempDir,
        /// For each pack its object, and its files without their endings: aside, and in place.
        packs: Vec<(Oid, PathBuf, PathBuf)>,
    }

    impl Packs {
        fn make(count: usize) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path();
            fs::create_dir_all(path.join("refs")).unwrap();
            fs::create_dir_all(path.join("objects/pack")).unwrap();
            fs::create_dir_all(path.join("aside")).unwrap();
            fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
            let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";
            fs::write(path.join("config"), config).unwrap();
            let mut made = Self { folder, packs: Vec::new() };
            let repo = made.repo();
            for number in 0..count {
                // Of different sizes, because gix sorts them by that.
                let object = repo.write_blob(format!("{number} ").repeat(number + 1).as_bytes()).unwrap();
                let aside = made.folder.path().join("aside/pack");
                let packing = repo.git("pack-objects").unwrap().arg("--quiet").arg(&aside);
                let name = packing.input(format!("{object}\n").into_bytes()).line().unwrap();
                let in_place = made.folder.path().join("objects/pack").join(format!("pack-{name}"));
                made.packs.push((object, aside.with_file_name(format!("pack-{name}")), in_place));
            }
            for (object, ..) in &made.packs {
                let hex = object.to_string();
                fs::remove_file(made.folder.path().join("objects").join(&hex[..2]).join(&hex[2..])).unwrap();
            }
            made
        }

        fn repo(&self) -> Repo {
            Repo::open(&Environment::of_this_process(), self.folder.path()).unwrap()
        }

        fn is_in_place(&self, pack: usize) -> bool {
            self.packs[pack].2.with_extension("idx").exists()
        }

        /// Puts a pack into the repository, or takes it away.
        fn toggle(&self, pack: usize) {
            let (_, aside, in_place) = &self.packs[pack];
            let (from, to, order) = match self.is_in_place(pack) {
                true => (in_place, aside, ["idx", "pack"]),
                false => (aside, in_place, ["pack", "idx"]),
            };
            for ending in order {
                fs::rename(from.with_extension(ending), to.with_extension(ending)).unwrap();
            }
        }
    }

    /// As a garbage collection does while others write: some packs stay, some are replaced, some come back.
    #[test]
    fn objects_are_found_however_often_packs_are_replaced() {
        let packs = Packs::make(6);
        let repo = packs.repo();
        let mut state = 1_u64;
        for step in 0..4_000 {
            // Xorshift: the same steps each time.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            for pack in 0..packs.packs.len() {
                if state >> (8 + pack * 4) & 7 == 0 {
                    packs.toggle(pack);
                }
            }
            // Nothing has this name: gix looks whether there are new packs.
            assert!(!repo.has_object(Oid::from_bytes([7; 20])));
            for (pack, (object, ..)) in packs.packs.iter().enumerate() {
                if packs.is_in_place(pack) {
                    assert!(repo.has_object(*object), "step {step}: the object of pack {pack}");
                    assert!(repo.blob_size(*object).is_some(), "step {step}: the size of {object}");
                }
            }
        }
        assert!(repo.gix.stores() > 10, "{}", repo.gix.stores());
    }

    /// One pack stays, one is replaced each time, and a third comes, is replaced and goes: with the store of gix alone, its assertion
    /// ends the process when the table of slots begins from the start.
    #[test]
    fn a_new_pack_never_takes_the_slot_of_a_pack_that_is_forgotten() {
        let packs = Packs::make(5);
        let repo = packs.repo();
        packs.toggle(0);
        packs.toggle(1);
        for turn in 0..3 * MIN_SLOTS {
            for toggled in [[1, 2].as_slice(), &[3], &[3, 4], &[4]] {
                toggled.iter().for_each(|pack| packs.toggle(*pack));
                assert!(!repo.has_object(Oid::from_bytes([7; 20])));
                let there = (0..5).filter(|pack| packs.is_in_place(*pack));
                for pack in there {
                    assert!(repo.has_object(packs.packs[pack].0), "turn {turn}: pack {pack}");
                }
            }
        }
    }

    #[test]
    fn more_packs_may_come_than_there_were_at_first() {
        let packs = Packs::make(80);
        let repo = packs.repo();
        for pack in 0..packs.packs.len() {
            packs.toggle(pack);
            assert!(repo.has_object(packs.packs[pack].0), "pack {pack}");
        }
        let isolated = Repo::open_isolated(repo.environment(), packs.folder.path(), packs.folder.path());
        let isolated = isolated.unwrap();
        for (pack, (object, ..)) in packs.packs.iter().enumerate() {
            assert!(isolated.has_object(*object), "pack {pack}");
        }
    }

    #[test]
    fn what_was_read_from_a_replaced_store_and_what_is_in_memory_stays() {
        let packs = Packs::make(2);
        packs.toggle(0);
        let repo = packs.repo().in_memory();
        let in_memory = repo.write_blob(b"in memory").unwrap();
        let old = repo.gix.find_blob(packs.packs[0].0.gix()).unwrap();
        // It comes every second time.
        for _ in 0..2 * MAX_ADDED + 4 {
            packs.toggle(1);
            for _ in 0..LOOK_EVERY {
                assert!(repo.has_object(in_memory));
            }
        }
        assert!(repo.gix.stores() > 1);
        assert_eq!(old.data, b"0 ");
        assert_eq!(repo.read_blob(in_memory).unwrap(), b"in memory");
    }
}
