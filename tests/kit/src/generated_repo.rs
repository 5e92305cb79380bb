//! Generates repositories from a seed: a tree of files, and branches that change some of them as agents
//! would, mostly around one place, sometimes in files that every branch changes.

use std::{
    collections::HashSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use crate::{Ran, World};

/// The parameters of a generated repository.
#[derive(Clone, Copy, Debug)]
pub struct GeneratedRepo {
    /// The number of files on the main branch.
    pub files: u64,
    /// The number of directories that hold them.
    pub folders: u64,
    /// The approximate number of lines of a file.
    pub lines: u64,
    /// The number of branches: `b000`, `b001`, …
    pub branches: u64,
    /// The number of files that every branch changes, and the percentage of changes that go there.
    pub hot: u64,
    /// The percentage of changes that go to the `hot` files.
    pub hot_share: u64,
    /// The seed; another seed yields another repository.
    pub seed: u64,
}

/// A reproducible sequence of random numbers (`SplitMix64`).
pub struct SeededRandom(u64);

impl SeededRandom {
    /// Starts a sequence.
    pub const fn from(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns the next number below `limit`.
    pub const fn below(&mut self, limit: u64) -> u64 {
        self.next() % if limit == 0 { 1 } else { limit }
    }

    /// Returns the next number between two bounds, both included.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }
}

const WORDS: &[&str] = &[
    "fn", "let", "match", "self", "return", "struct", "config", "branch", "agent", "worktree", "commit",
    "tree", "state", "result", "value", "index", "parse", "buffer", "stream", "request", "session", "token",
    "queue", "cache", "merge",
];

fn line(numbers: &mut SeededRandom) -> String {
    let words: Vec<String> = (0..numbers.between(2, 8))
        .map(|_| {
            let word = WORDS[usize::try_from(numbers.below(WORDS.len() as u64)).unwrap_or(0)];
            if numbers.below(4) == 0 {
                format!("{word}_{:x}", numbers.below(65_536))
            } else {
                word.to_owned()
            }
        })
        .collect();
    format!(
        "{:indent$}{};\n",
        "",
        words.join(" "),
        indent = usize::try_from(numbers.below(5) * 4).unwrap_or(0)
    )
}

impl GeneratedRepo {
    fn path(&self, file: u64) -> String {
        let folder = file % self.folders;
        format!("src/m{:02}/d{folder:04}/f{file:05}.rs", folder % 50)
    }

    fn content(&self, file: u64) -> Vec<String> {
        let mut numbers = SeededRandom::from(self.seed ^ (file + 1));
        let lines = self.lines / 2 + numbers.below(self.lines);
        (0..lines).map(|_| line(&mut numbers)).collect()
    }

    /// Writes the branches with `git fast-import`, given as a command that has not been started.
    ///
    /// # Panics
    /// Git rejects the stream.
    pub fn import(&self, mut fast_import: Command) {
        let mut child =
            fast_import.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("git fast-import");
        let mut out = std::io::BufWriter::new(child.stdin.take().expect("a pipe"));
        self.write(&mut out).expect("taken");
        out.into_inner().expect("taken").flush().expect("taken");
        assert!(child.wait().expect("an end").success(), "git fast-import");
    }

    fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let who = "committer Forest <forest@example.com>";
        writeln!(out, "commit refs/heads/main\nmark :1\n{who} 1700000000 +0000\ndata 5\nbase")?;
        for file in 0..self.files {
            let text = self.content(file).concat();
            writeln!(out, "M 100644 inline {}\ndata {}\n{text}", self.path(file), text.len())?;
        }
        for branch in 0..self.branches {
            let at = 1_700_000_100 + branch;
            writeln!(out, "commit refs/heads/b{branch:03}\n{who} {at} +0000\ndata 2\nb\nfrom :1")?;
            self.branch(branch, out)?;
        }
        Ok(())
    }

    fn branch(&self, branch: u64, out: &mut impl Write) -> std::io::Result<()> {
        let mut numbers = SeededRandom::from(self.seed ^ (0xB000 + branch));
        let home = numbers.below(self.folders);
        let mut seen = HashSet::new();
        for _ in 0..numbers.between(5, 30) {
            let file = match numbers.below(100) {
                share if share < self.hot_share => numbers.below(self.hot),
                share if share < 75 => {
                    let near = numbers.below(self.files / self.folders * 4);
                    (home + near % 4) % self.folders + near / 4 * self.folders
                }
                _ => numbers.below(self.files),
            };
            if file >= self.files || !seen.insert(file) {
                continue;
            }
            let path = self.path(file);
            let kind = numbers.below(100);
            if kind < 6 {
                writeln!(out, "D {path}")?;
            }
            if kind < 3 {
                continue;
            }
            let path = if kind < 6 { format!("src/moved/f{file:05}_b{branch}.rs") } else { path };
            let text = self.changed(file, &mut numbers);
            writeln!(out, "M 100644 inline {path}\ndata {}\n{text}", text.len())?;
        }
        for new in 0..numbers.below(4) {
            let text: String = (0..60).map(|_| line(&mut numbers)).collect();
            writeln!(out, "M 100644 inline src/new/d{home}/n{branch}_{new}.rs\ndata {}\n{text}", text.len())?;
        }
        Ok(())
    }

    fn changed(&self, file: u64, numbers: &mut SeededRandom) -> String {
        let mut lines = self.content(file);
        for _ in 0..numbers.between(1, 3) {
            let at = usize::try_from(numbers.below(lines.len() as u64)).unwrap_or(0);
            let end = (at + usize::try_from(numbers.between(1, 4)).unwrap_or(1)).min(lines.len());
            let new: Vec<String> = (0..numbers.between(1, 5)).map(|_| line(numbers)).collect();
            lines.splice(at..end, new);
        }
        lines.concat()
    }
}

impl World {
    /// Returns, for each pair of commits, whether git reports a conflict. Objects that git writes go to a
    /// temporary directory.
    ///
    /// # Panics
    /// Git fails.
    pub fn git_conflicts<C: std::fmt::Display>(&self, path: &Path, pairs: &[(C, C)]) -> Vec<bool> {
        let scratch = self.dir().join("scratch");
        std::fs::create_dir_all(&scratch).expect("a folder");
        let questions: String = pairs.iter().map(|(a, b)| format!("{a} {b}\n")).collect();
        let file = self.dir().join("questions");
        std::fs::write(&file, questions).expect("written");
        let mut command = self.command("git", path);
        command.args(["merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages"]);
        command.env("GIT_OBJECT_DIRECTORY", &scratch);
        command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", path.join(".git/objects"));
        let said = Ran::of(command.stdin(std::fs::File::open(&file).expect("a file"))).succeeded().stdout();
        let mut words = said.split('\0');
        let mut all = Vec::new();
        while let Some(word) = words.next().filter(|word| !word.is_empty()) {
            all.push(word == "0");
            let _tree = words.next();
            while words.next().is_some_and(|word| !word.is_empty()) {}
        }
        assert_eq!(all.len(), pairs.len());
        all
    }
}
