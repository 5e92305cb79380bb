//! Simulates a person who works in the main checkout with plain git while agents run and land.

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use testkit::{SeededRandom, TestRepo};

/// How many times a git command is retried while another process holds a lock.
const TRIES: u32 = 400;

/// The person, and what they have done.
pub(crate) struct Person<'repo> {
    repo: &'repo TestRepo<'repo>,
    numbers: SeededRandom,
    next: u64,
    /// The branch and subject of every commit.
    committed: Vec<(String, String)>,
    /// Untracked files with their contents.
    loose: BTreeMap<String, String>,
    branch: String,
}

impl<'repo> Person<'repo> {
    pub(crate) fn new(repo: &'repo TestRepo<'repo>, seed: u64) -> Self {
        Self {
            repo,
            numbers: SeededRandom::from(seed),
            next: 0,
            committed: Vec::new(),
            loose: BTreeMap::new(),
            branch: "main".to_owned(),
        }
    }

    pub(crate) fn commits(&self) -> usize {
        self.committed.len()
    }

    /// Does one random thing that people do.
    pub(crate) fn works(&mut self) {
        match self.numbers.below(10) {
            0..=3 => self.commits_a_file(),
            4 => self.switches(),
            5 | 6 => self.stashes_and_pops(),
            7 => self.rebases_topic(),
            8 => self.writes("ignored"),
            _ => self.writes("untracked"),
        }
        std::thread::sleep(Duration::from_millis(self.numbers.below(20)));
    }

    fn commits_a_file(&mut self) {
        let number = self.number();
        let (file, subject) = (format!("users/file-{number}"), format!("person-{number:05}"));
        self.write(&file, &subject);
        if self.git(&["add", "--", &file]) && self.git(&["commit", "-q", "-m", &subject]) {
            self.committed.push((self.branch.clone(), subject));
        }
    }

    fn switches(&mut self) {
        let to = if self.branch == "main" { "topic" } else { "main" };
        if self.git(&["switch", "-q", to]) {
            to.clone_into(&mut self.branch);
        }
    }

    fn stashes_and_pops(&mut self) {
        let number = self.number().to_string();
        self.write("users/shared.txt", &number);
        if self.git(&["stash", "push", "-q"]) {
            assert!(self.git(&["stash", "pop", "-q"]), "the stash was popped");
        }
        assert_eq!(self.read("users/shared.txt"), number, "the stashed changes are back");
        if !self.git(&["commit", "-q", "-m", &format!("shared-{number}"), "--", "users/shared.txt"]) {
            return;
        }
        self.committed.push((self.branch.clone(), format!("shared-{number}")));
    }

    fn rebases_topic(&mut self) {
        if self.branch != "topic" {
            return;
        }
        // Both branches change the shared file: on topic, topic's own lines win.
        self.git(&["rebase", "-q", "-X", "theirs", "main"]);
    }

    fn writes(&mut self, folder: &str) {
        let number = self.number();
        let file = format!("{folder}/note-{number}");
        let text = format!("note {number}");
        self.write(&file, &text);
        self.loose.insert(file, text);
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.repo.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.repo.path().join(file)).unwrap_or_default()
    }

    /// Runs plain git, and retries while another process holds a lock; a lock that remains is removed by
    /// the next command of ours.
    fn git(&self, arguments: &[&str]) -> bool {
        let mut said = String::new();
        for round in 0..TRIES {
            let mut git: Command = self.repo.command("git");
            let output = git.args(arguments).env("ORCHESTRA_TEST_PERSON", "1").output().expect("git");
            if output.status.success() {
                return true;
            }
            said = String::from_utf8_lossy(&output.stderr).into_owned();
            if round % 100 == 99 {
                let mut mend = self.repo.orchestra_command(["merge-ranked", "--abort"]);
                let _ = mend.env("ORCHESTRA_TEST_PERSON", "1").output();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("git {arguments:?} never succeeded: {said}");
    }

    /// Checks that none of the person's work is lost or changed.
    pub(crate) fn has_everything(&self) {
        let mut log = BTreeMap::new();
        for branch in ["main", "topic"] {
            let subjects = self.repo.git(["log", "--format=%s", branch]).stdout();
            log.insert(branch, subjects);
        }
        for (branch, subject) in &self.committed {
            let there = log[branch.as_str()].lines().any(|line| line == subject);
            assert!(there, "the person's commit '{subject}' is not on {branch}");
        }
        for (file, text) in &self.loose {
            assert_eq!(&self.read(file), text, "the person's file '{file}'");
        }
        let status = self.repo.git(["status", "--porcelain", "--untracked-files=all"]).stdout();
        for line in status.lines() {
            let file = line.get(3..).unwrap_or_default();
            assert!(self.loose.contains_key(file), "'{line}': the person did not change this file");
        }
        let stashed = self.repo.git(["stash", "list"]).stdout();
        assert_eq!(stashed, "", "the stash is empty");
        assert_eq!(self.repo.git(["symbolic-ref", "--short", "HEAD"]).line(), self.branch);
    }
}
