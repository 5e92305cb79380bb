//! What a person noted about work before the verdict outlives the window in which it was typed, and goes with the verdict.

use std::fs;

use testkit::{Screen, TestRepo};

use crate::{
    ui::{CLOSED, opened, window_of},
    world,
};

/// Returns the drafts in the private folder of the clone, which plain git never sends.
fn drafts(repo: &TestRepo<'_>) -> Vec<String> {
    let folder = repo.path().join(".git/orchestra/drafts");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| fs::read_to_string(entry.path()).expect("a draft")).collect()
}

#[test]
fn remarks_and_marks_outlive_the_window_and_go_with_the_verdict() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "core.pager", "cat"]);
    let id = repo.spawn("seq 3 > a.txt; seq 4 > b.txt");
    repo.end_of(&id);
    let Some(screen) = Screen::open(&world, &repo, 120, 30) else { return };
    opened(&screen, "0 of 2 files read");
    screen.press(&["Right"]);
    screen.press(&["Space"]);
    screen.until_window("a file that was read", |shown| shown.contains("1 of 2 files read"));
    screen.press(&["G"]);
    screen.press(&["C"]);
    screen.until_window("the prompt", |shown| shown.contains("remark on b.txt:4:"));
    screen.press(&["-l", "why four?"]);
    screen.press(&["Enter"]);
    screen.until_window("a remark", |shown| shown.contains(&format!("1 remark on {id}")));
    // However the window ends.
    repo.command("kill").args(["-KILL", &window_of(&repo)]).status().expect("kill");
    screen.types("stty sane; printf '\\033[?1049l'; clear; echo gone");
    screen.until_window("the shell", |shown| shown.lines().any(|line| line == "gone"));
    opened(&screen, "1 of 2 files read · 1 remark");
    // The program of this agent takes no messages: what was typed for it is there again.
    screen.press(&["v"]);
    screen.until_window("a question", |shown| shown.contains("a approves"));
    screen.press(&["c"]);
    screen.until_window("a text", |shown| shown.contains("what should change"));
    screen.press(&["-l", "count less"]);
    screen.press(&["Enter"]);
    screen.until_window("the refusal", |shown| shown.contains("failed: git orchestra review"));
    screen.press(&["d"]);
    screen.until_window("the diff", |shown| shown.contains("1 of 2 files read · 1 remark"));
    screen.press(&["q"]);
    screen.until("the shell", |shown| shown.contains(CLOSED));
    assert_eq!(drafts(&repo).len(), 1);
    assert!(repo.git(["for-each-ref"]).stdout().lines().all(|line| !line.contains("draft")));
    // The list of `review` has the same draft, and says before anything is typed that the agent is not told.
    screen.types(&format!("clear; git orchestra review {id}"));
    screen.until_window("what was noted", |shown| {
        shown.contains("not sent yet: b.txt:4: why four?")
            && shown.contains("not sent yet: count less")
            && shown.contains("> skip")
    });
    // The fifth of the choices.
    screen.press(&["Down", "Down", "Down", "Down", "Enter"]);
    screen.until_window("what was typed before", |shown| {
        shown.replace('\n', " ").contains("the verdict is only recorded")
            && shown.replace('\n', " ").contains("Enter alone: what you typed before")
    });
    screen.press(&["Enter"]);
    screen.until_window("the verdict", |shown| shown.contains(&format!("{id} changes requested")));
    let fact = repo.events(&id).into_iter().find(|fact| fact["t"] == "verdict").expect("a verdict");
    assert_eq!(fact["text"], "count less");
    assert_eq!(fact["comments"], serde_json::json!([{"file": "b.txt", "line": 4, "text": "why four?"}]));
    assert_eq!(drafts(&repo), Vec::<String>::new());
}
