//! The window of `ui` with real agent programs, by keys alone: a spec, a designer that delegates, the monitor, a review with a remark, and
//! the landing. What the window shows on the way is kept in `target/ui/screens`.

use std::{fs, time::Duration};

use testkit::{Screen, TestRepo, until};

use crate::{
    codex::codex,
    designer::{answer_first_questions, child, designer, test_bed},
    test_bed::{TestBed, end_of_attempt},
};

/// How often a line is typed into a program that may not read keys yet, and how many seconds it has each time.
const TRIES: (usize, usize) = (15, 8);
const REMARK: &str = "the reader is not named";

/// A window, the names of its pictures, and their number.
struct Journey<'a> {
    screen: Screen<'a>,
    columns: usize,
    kept: usize,
}

impl Journey<'_> {
    fn sees(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        self.screen.until_window(what, is_so);
        self.kept += 1;
        let name = what.replace(' ', "-");
        self.screen.keep(&format!("real-{}-{:02}-{name}", self.columns, self.kept));
    }

    fn press(&self, keys: &[&str]) {
        for key in keys {
            self.screen.press(&[key]);
        }
    }

    fn types(&self, text: &str) {
        self.screen.press(&["-l", text]);
        self.screen.press(&["Enter"]);
    }

    /// Types a line into another program until something has come of it: what is typed before it reads keys is dropped.
    fn types_until<T>(&self, what: &str, line: &str, found: impl Fn() -> Option<T>) -> T {
        for _ in 0..TRIES.0 {
            self.press(&["C-u"]);
            self.screen.press(&["-l", line]);
            std::thread::park_timeout(Duration::from_millis(500));
            for _ in 0..TRIES.1 {
                self.press(&["Enter"]);
                std::thread::park_timeout(Duration::from_secs(1));
                if let Some(found) = found() {
                    return found;
                }
            }
        }
        panic!("waited in vain: {what}")
    }

    /// Shows the diff of an agent alone, and all of it.
    fn shows_diff_of(&mut self, id: &str, what: &str, text: &str) {
        self.press(&["Escape", "Escape", "Escape", "/"]);
        self.types(id);
        self.press(&["d", "Right", "Enter"]);
        self.sees(what, |shown| shown.contains(&format!("{id} · diff")) && shown.contains(text));
    }

    fn approves(&mut self, repo: &TestRepo<'_>, id: &str) {
        self.press(&["v"]);
        self.sees("a verdict", |shown| shown.contains(&format!("review {id}: a approves")));
        self.press(&["a"]);
        until("the approval", || (repo.agent(id)["verdict"] == "approve").then_some(()));
        self.sees("an approval", |shown| shown.contains("done: git orchestra review"));
    }
}

/// Returns a repository with both programs, and with an editor that writes a spec.
fn prepared(test_bed: &TestBed) -> Option<TestRepo<'_>> {
    let repo = test_bed.repo();
    codex(test_bed, &repo, &[])?;
    repo.git(["config", "orchestra.allow", "Bash"]);
    repo.git(["config", "core.pager", "cat"]);
    let spec = test_bed.world().dir().join("spec");
    fs::write(&spec, "# Two files\n").expect("written");
    repo.git(["config", "core.editor", &format!("cp {}", spec.display())]);
    answer_first_questions(test_bed, &repo);
    Some(repo)
}

fn a_designer_delegates_and_its_work_lands(columns: usize) {
    let Some(test_bed) = test_bed() else { return };
    let Some(repo) = prepared(&test_bed) else { return };
    let Some(screen) = Screen::open(test_bed.world(), &repo, columns, 24) else { return };
    let mut window = Journey { screen, columns, kept: 0 };
    window.types("clear; git orchestra ui");
    window.sees("no agents", |shown| shown.contains("no agents yet: N starts one"));
    // The design: a spec in the editor, and a designer that reads it.
    window.press(&[":"]);
    window.types("spec new files");
    window.sees("a spec", |shown| shown.contains("(any key returns)"));
    assert_eq!(repo.orchestra(["spec", "show"]).succeeded().stdout(), "# Two files\n");
    assert!(repo.git(["log", "--format=%s", "refs/orchestra/specs/files"]).stdout().contains("created"));
    window.press(&["z"]);
    window.sees("the window again", |shown| shown.contains("no agents yet"));
    window.press(&[":"]);
    window.types("designer --agent claude");
    let me = designer(&repo)["id"].as_str().expect("an id").to_owned();
    // It delegates to two programs, and leaves the terminal to the window.
    let polite =
        window.types_until("it delegates", "FAKE-WINDOW with me", || child(&repo, &me, "FAKE-POLITE"));
    let right = until("Codex was started", || child(&repo, &me, "FAKE-WRITE right.txt"));
    assert_eq!((&polite["profile"], &right["profile"]), (&"claude".into(), &"codex".into()));
    window.sees("the designer", |shown| shown.contains("delegated"));
    window.types_until("it exits", "/exit", || (repo.agent(&me)["phase"] == "done").then_some(()));
    window.sees("the end of the designer", |shown| shown.contains("(any key returns)"));
    window.press(&["z", "m"]);
    let ids = [&polite, &right].map(|agent| agent["id"].as_str().expect("an id").to_owned());
    for id in &ids {
        assert_eq!(repo.end_of(id)["phase"], "done");
    }
    window.sees("the monitor", |shown| shown.contains("monitor") && shown.contains("✓ 3 done"));
    let [polite, right] = ids;
    // A remark on a line is heard by the agent, which works on it; then only the new work is shown.
    window.shows_diff_of(&polite, "a diff", "+hello");
    window.press(&["G", "C"]);
    window.sees("a remark", |shown| shown.contains("remark on a.txt:1"));
    window.types(REMARK);
    window.sees("a remark that waits", |shown| shown.contains(&format!("1 remark on {polite}")));
    window.press(&["v", "c", "Enter"]);
    window.sees("requested changes", |shown| shown.contains("done: git orchestra review"));
    assert_eq!(end_of_attempt(&repo, &polite, 2)["phase"], "done");
    let verdict = repo.events(&polite).into_iter().find(|fact| fact["t"] == "verdict").expect("a verdict");
    assert_eq!((&verdict["verdict"], &verdict["comments"][0]["text"]), (&"changes".into(), &REMARK.into()));
    window.press(&["Escape", "e", "Right", "Enter"]);
    window.sees("the work since then", |shown| {
        shown.contains("diff since your review")
            && shown.contains("+hello dear reader")
            && !shown.contains("a.txt")
    });
    window.approves(&repo, &polite);
    window.shows_diff_of(&right, "the other diff", "right.txt");
    window.approves(&repo, &right);
    // The integration.
    let before = repo.tip("main");
    window.press(&["L"]);
    window.sees("the plan", |shown| shown.contains("land this? y does"));
    assert_eq!(repo.tip("main"), before, "a plan changes nothing");
    window.press(&["y"]);
    window.sees("the landing", |shown| shown.contains("done: git orchestra merge-ranked"));
    for (file, text) in [
        ("a.txt", "hello\n"),
        ("b.txt", "hello dear reader\n"),
        ("right.txt", "hello from the scripted agent\n"),
    ] {
        assert_eq!(repo.file_at("main", file), text, "{file}");
    }
    window.press(&["q"]);
    window.sees("the shell", |shown| shown.contains("the agents keep running"));
}

#[test]
fn the_whole_workflow_by_keys_in_80_columns() {
    a_designer_delegates_and_its_work_lands(80);
}

#[test]
fn the_whole_workflow_by_keys_in_200_columns() {
    a_designer_delegates_and_its_work_lands(200);
}
