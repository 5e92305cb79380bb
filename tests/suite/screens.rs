//! What a terminal shows, of any width: tables fit, and a watch draws one table in one place.

use testkit::{Screen, TestRepo};

use crate::world;

const UNTIL_GO: &str = "until test -e go; do sleep 0.05; done; echo 1 > made";

/// Returns the lines that begin with a word, which are one for each table if nothing was left behind.
fn lines_with<'a>(shown: &'a str, word: &str) -> Vec<&'a str> {
    // Where keys are taken, a mark stands before each row.
    shown.lines().filter(|line| line.trim_start().starts_with(word)).collect()
}

fn two_agents(repo: &TestRepo<'_>) -> Vec<String> {
    let names = ["a-rather-long-agent-name", "another-long-agent-name"];
    names
        .iter()
        .map(|name| {
            let ran = repo.orchestra(["spawn", "--agent", "sh", "--detach", "--name", name, UNTIL_GO]);
            let id = ran.succeeded().stdout().trim().to_owned();
            repo.wait_for(&id, "running");
            id
        })
        .collect()
}

#[test]
fn a_watch_draws_one_table_in_one_place_also_when_the_window_changes() {
    let world = world();
    let repo = world.repo();
    let ids = two_agents(&repo);
    let Some(screen) = Screen::open(&world, &repo, 120, 24) else { return };
    screen.types("git orchestra status --watch --wait");
    let is_drawn = |shown: &str| shown.contains("2 running");
    screen.until("the table", is_drawn);
    // Ctrl-Z returns the terminal to the shell, and what was shown before.
    screen.tmux(&["send-keys", "C-z"]);
    screen.until("the shell", |shown| !is_drawn(shown) && shown.contains("status --watch"));
    screen.types("fg");
    screen.until("the table again", is_drawn);
    for columns in [80, 60, 41, 100, 30] {
        screen.resize(columns, 24);
        let fits = |shown: &str| {
            let table = lines_with(shown, "AGENT").len() == 1 && is_drawn(shown);
            table && shown.contains("hidden") == (columns < 70)
        };
        let shown = screen.until(&format!("one table, {columns} wide"), fits);
        assert!(shown.lines().all(|line| line.chars().count() <= columns), "{shown}");
        assert_eq!(shown.lines().filter(|line| line.contains("running  ")).count(), 2, "{shown}");
    }
    // In a window in which not all fits, the rest is counted.
    screen.resize(60, 5);
    screen.until("a low table", |shown| shown.contains("+1 more"));
    screen.resize(120, 24);
    for id in &ids {
        std::fs::write(repo.worktree(id).join("go"), "").expect("a file");
    }
    let shown = screen.until("the end", |shown| shown.contains("2 done"));
    for id in &ids {
        // Its name may still be shortened, as the last window was narrow; its end is its own.
        let own = &id[id.len() - 5..];
        assert_eq!(shown.lines().filter(|line| line.contains(own)).count(), 1, "{shown}");
    }
}

#[test]
fn tables_fit_a_narrow_terminal_and_a_pipe_gets_everything() {
    let world = world();
    let repo = world.repo();
    let ids = two_agents(&repo);
    for id in &ids {
        std::fs::write(repo.worktree(id).join("go"), "").expect("a file");
        repo.end_of(id);
    }
    for command in ["status", "worktrees", "cleanup -n", "merge-ranked -n", "undo --list"] {
        let piped = repo.orchestra(command.split(' ')).succeeded().stdout();
        assert!(command.starts_with("undo") || piped.contains(&ids[0]), "{piped}");
        assert!(!piped.contains('…') && !piped.contains("hidden"), "{piped}");
    }
    let Some(screen) = Screen::open(&world, &repo, 60, 40) else { return };
    for command in ["status", "worktrees", "cleanup -n", "merge-ranked -n"] {
        screen.types(&format!("clear; git orchestra {command}; echo end of $?"));
        let shown = screen.until(command, |shown| shown.lines().any(|line| line == "end of 0"));
        // Only sentences are wrapped by the terminal.
        let unwrapped = screen.tmux(&["capture-pane", "-p", "-J"]);
        let mut table =
            unwrapped.lines().filter(|line| !line.starts_with("hint:") && !line.contains("echo end of"));
        assert!(table.all(|line| line.trim_end().chars().count() <= 60), "{shown}");
        assert!(shown.contains("a-rathe"), "{shown}");
    }
}

#[test]
fn after_a_watched_run_the_screen_shows_who_did_and_said_what() {
    let world = world();
    let repo = world.repo();
    let Some(screen) = Screen::open(&world, &repo, 80, 24) else { return };
    let task = "echo 1 > made; echo I rewrote the parser, which now reads each of its files once";
    screen.types(&format!("git orchestra spawn --agent sh --name tidy '{task}'"));
    let next = "hint: 'git orchestra merge-ranked --dry-run' shows how it lands";
    let shown = screen.until("the next command", |shown| shown.contains(next));
    let did = "done: 1 commit, +1 -0\n  I rewrote the parser, which now reads each of its files once\n";
    assert!(shown.contains(did), "{shown}");
    // In a low window the sums take the place of the agents.
    screen.resize(80, 8);
    screen.types("clear; git orchestra status --wait");
    let shown = screen.until("the sums", |shown| shown.contains("1 done: 1 commit, +1 -0\n"));
    assert!(!shown.rsplit("--wait").next().is_some_and(|end| end.contains(did)), "{shown}");
}
