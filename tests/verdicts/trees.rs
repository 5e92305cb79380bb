//! Generates random trees and what people and agents do to them: edit, add, delete, rename, move
//! directories, change modes and kinds.

use std::collections::BTreeMap;

use testkit::SeededRandom;

use crate::texts::Text;

const FOLDERS: &[&str] = &["", "a/", "a/b/", "a/b/c/", "d/", "d/e/", "g/"];
const NAMES: &[&str] = &["f", "h", "k.txt", "m.txt", "n.bin", "a", "b"];

/// The entry at a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Entry {
    Text { text: Text, executable: bool },
    Binary(Vec<u8>),
    Link(String),
    Module(u64),
}

/// All files, by path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tree(BTreeMap<String, Entry>);

fn path(numbers: &mut SeededRandom) -> String {
    let folder = FOLDERS[numbers.below(FOLDERS.len() as u64) as usize];
    format!("{folder}{}", NAMES[numbers.below(NAMES.len() as u64) as usize])
}

fn entry(numbers: &mut SeededRandom) -> Entry {
    match numbers.below(14) {
        0 => Entry::Binary(
            (0..numbers.between(10, 400)).map(|_| numbers.below(256) as u8).chain([0]).collect(),
        ),
        1 => Entry::Link(path(numbers)),
        2 if numbers.below(2) == 0 => Entry::Module(numbers.below(3)),
        _ => Entry::Text { text: Text::random(numbers), executable: numbers.below(8) == 0 },
    }
}

impl Tree {
    pub(crate) fn random(numbers: &mut SeededRandom) -> Self {
        let mut tree = Self::default();
        for _ in 0..numbers.between(3, 16) {
            tree.put(path(numbers), entry(numbers));
        }
        tree
    }

    /// Generates one or two text files, and nothing else.
    pub(crate) fn of_texts(numbers: &mut SeededRandom) -> Self {
        let mut tree = Self::default();
        for name in ["one", "d/two"].iter().take(numbers.between(1, 2) as usize) {
            tree.put((*name).to_owned(), Entry::Text { text: Text::random(numbers), executable: false });
        }
        tree
    }

    /// Adds an entry. A path is either a file or a directory: an entry in the way is removed.
    fn put(&mut self, path: String, entry: Entry) {
        let below = format!("{path}/");
        self.0.retain(|other, _| !other.starts_with(&below) && !path.starts_with(&format!("{other}/")));
        self.0.insert(path, entry);
    }

    fn any(&self, numbers: &mut SeededRandom) -> Option<String> {
        self.0.keys().nth(numbers.below(self.0.len().max(1) as u64) as usize).cloned()
    }

    /// Changes every text.
    pub(crate) fn change_texts(&mut self, numbers: &mut SeededRandom) {
        for entry in self.0.values_mut() {
            if let Entry::Text { text, .. } = entry {
                text.change(numbers);
            }
        }
    }

    /// Makes one or several changes.
    pub(crate) fn work(&mut self, numbers: &mut SeededRandom) {
        for _ in 0..numbers.between(1, 4) {
            self.work_once(numbers);
        }
    }

    fn work_once(&mut self, numbers: &mut SeededRandom) {
        let Some(at) = self.any(numbers) else { return self.put(path(numbers), entry(numbers)) };
        match numbers.below(20) {
            0..=6 => self.edit(&at, numbers),
            7 | 8 => {
                let to = path(numbers);
                if let Some(moved) = self.0.remove(&at) {
                    self.put(to.clone(), moved);
                }
                if numbers.below(2) == 0 {
                    self.edit(&to, numbers);
                }
            }
            9 | 10 => self.move_folder(numbers),
            11..=13 => self.put(path(numbers), entry(numbers)),
            14 | 15 => drop(self.0.remove(&at)),
            16 => {
                if let Some(Entry::Text { executable, .. }) = self.0.get_mut(&at) {
                    *executable = !*executable;
                }
            }
            17 => self.put(at, entry(numbers)),
            18 => {
                if let Some(copied) = self.0.get(&at).cloned() {
                    self.put(path(numbers), copied);
                }
            }
            _ => self.put(format!("{at}/{}", NAMES[0]), entry(numbers)),
        }
    }

    fn edit(&mut self, at: &str, numbers: &mut SeededRandom) {
        match self.0.get_mut(at) {
            Some(Entry::Text { text, .. }) => text.change(numbers),
            Some(Entry::Binary(bytes)) => bytes.push(numbers.below(256) as u8),
            Some(Entry::Link(target)) => *target = path(numbers),
            Some(Entry::Module(commit)) => *commit = numbers.below(4),
            None => {}
        }
    }

    fn move_folder(&mut self, numbers: &mut SeededRandom) {
        let from = FOLDERS[1 + numbers.below(FOLDERS.len() as u64 - 1) as usize];
        let to = ["x/", "x/y/", "a/", "d/z/", "a/b/", ""][numbers.below(6) as usize];
        let moved: Vec<String> = self.0.keys().filter(|path| path.starts_with(from)).cloned().collect();
        for path in moved {
            if let Some(entry) = self.0.remove(&path) {
                self.put(format!("{to}{}", &path[from.len()..]), entry);
                if numbers.below(4) == 0 {
                    self.edit(&format!("{to}{}", &path[from.len()..]), numbers);
                }
            }
        }
    }

    /// Joins both changes to one base, path by path; if both changed a path, one of them wins.
    pub(crate) fn joined(base: &Self, one: &Self, other: &Self, numbers: &mut SeededRandom) -> Self {
        let mut tree = one.clone();
        for path in base.0.keys().chain(other.0.keys()) {
            let (old, new) = (base.0.get(path), other.0.get(path));
            if old == new || one.0.get(path) != old && numbers.below(2) == 0 {
                continue;
            }
            match new {
                Some(entry) => tree.put(path.clone(), entry.clone()),
                None => drop(tree.0.remove(path)),
            }
        }
        tree
    }

    /// Writes the tree in the format of `git fast-import`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"deleteall\n");
        for (path, entry) in &self.0 {
            let (mode, content) = match entry {
                Entry::Text { text, executable: true } => ("100755", text.bytes()),
                Entry::Text { text, executable: false } => ("100644", text.bytes()),
                Entry::Binary(bytes) => ("100644", bytes.clone()),
                Entry::Link(target) => ("120000", target.clone().into_bytes()),
                Entry::Module(commit) => {
                    out.extend_from_slice(format!("M 160000 {:040x} {path}\n", commit + 1).as_bytes());
                    continue;
                }
            };
            out.extend_from_slice(format!("M {mode} inline {path}\ndata {}\n", content.len()).as_bytes());
            out.extend_from_slice(&content);
            out.push(b'\n');
        }
    }
}
