//! The keys of a watch, on a real terminal: what they do, and that the terminal has its own modes again however the watch ends.

use testkit::{Screen, TestRepo, World};

use crate::world;

/// The last line of a window that shows the agents.
const KEYS: &str = "? help  q quit";
/// Prints `icanon echo` if the terminal has its own modes.
const MODES: &str = "stty -a | grep -o -w -E -e '-?(icanon|echo)' | xargs echo modes:";
const OWN_MODES: &str = "modes: icanon echo";

fn scripted(world: &World) -> TestRepo<'_> {
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "core.pager", "cat"]);
    repo
}

fn asking(repo: &TestRepo<'_>, task: &str) -> String {
    let id = repo.spawn_claude(&["--on-prompt", "ask", "--again"], task);
    repo.wait_for(&id, "waiting");
    id
}

fn has_own_modes(screen: &Screen<'_>, when: &str) {
    screen.types("clear");
    screen.types(MODES);
    screen.until_window(when, |shown| shown.lines().any(|line| line.ends_with(OWN_MODES)));
}

#[test]
fn what_is_shown_whole_can_be_allowed_and_denied() {
    let world = world();
    let repo = scripted(&world);
    let command = "python -m pytest tests/test_blueprints.py tests/test_cli.py && git push origin HEAD";
    let id = asking(&repo, &format!("ask {command}\nask rm x\nsay over\nhang"));
    let Some(screen) = Screen::open(&world, &repo, 80, 24) else { return };
    screen.types("git orchestra status --watch");
    screen.until_window("the keys", |shown| shown.contains(KEYS));
    // The answer to a question that was not shown yet is typed too early.
    screen.press(&["-l", "ay"]);
    let shown = screen.until_window("the question", |shown| shown.contains("y allows it"));
    assert!(shown.replace('\n', " ").contains(command), "{shown}");
    assert_eq!(repo.agent(&id)["phase"], "waiting");
    screen.press(&["y"]);
    screen.until_window("the next question", |shown| {
        shown.contains("asks for: Bash rm x") || shown.contains("Bash rm x")
    });
    let log = repo.orchestra(["logs", &id]).succeeded().stdout();
    assert!(log.contains(&format!("ran {command}")), "{log}");
    screen.press(&["x"]);
    screen.until_window("a reason", |shown| shown.contains("the reason"));
    screen.press(&["-l", "never remove"]);
    screen.press(&["Enter"]);
    screen.until_window("the denial", |shown| shown.contains(&format!("denied what {id} asked for")));
    let answers: Vec<_> = repo.events(&id).into_iter().filter(|fact| fact["t"] == "send").collect();
    assert_eq!((&answers[0]["allow"], &answers[1]["allow"]), (&true.into(), &false.into()));
    assert_eq!(answers[1]["text"], "never remove");
    // Its log, and back.
    screen.press(&["l"]);
    screen.until_window("the log", |shown| {
        shown.contains("✗ never remove") && shown.contains("any key returns")
    });
    screen.press(&["z"]);
    screen.until_window("the watch again", |shown| shown.contains(KEYS));
    screen.press(&["s"]);
    screen.until_window("a question", |shown| shown.contains(&format!("stop {id}?")));
    screen.press(&["y"]);
    screen.until_window("the end", |shown| shown.contains(&format!("{id} is stopped")));
    screen.press(&["q"]);
    screen.until("the shell", |shown| shown.contains("the agents keep running"));
    has_own_modes(&screen, "its own modes");
    assert_eq!(repo.agent(&id)["phase"], "stopped");
}

#[test]
fn in_a_low_window_nothing_is_allowed_that_does_not_fit() {
    let world = world();
    let repo = scripted(&world);
    let command = format!("echo {} && git push", "word ".repeat(80).trim_end());
    let id = asking(&repo, &format!("ask {command}"));
    asking(&repo, "ask ls");
    asking(&repo, "ask ls");
    let Some(screen) = Screen::open(&world, &repo, 40, 10) else { return };
    screen.types("git orchestra status --watch");
    let shown = screen.until_window("the keys", |shown| shown.contains(KEYS));
    assert!(shown.contains("+2 more wait"), "{shown}");
    // The agents are in the order in which they were started; the last ones first or last.
    let chosen =
        |shown: &str| shown.lines().any(|line| line.starts_with("> ") && line.contains(&id[id.len() - 5..]));
    for _ in 0..3 {
        if chosen(&screen.window()) {
            break;
        }
        screen.press(&["j"]);
        std::thread::yield_now();
    }
    screen.until_window("the long one", chosen);
    screen.press(&["a"]);
    screen.until_window("a part", |shown| shown.contains("space shows more") && !shown.contains("git push"));
    screen.press(&["y"]);
    screen.until_window("nothing", |shown| shown.contains("not allowed: its end was not shown yet"));
    assert_eq!(repo.agent(&id)["phase"], "waiting");
    while !screen.window().contains("y allows it") {
        screen.press(&["Space"]);
        std::thread::yield_now();
    }
    // In a window of another width, the lines are others, and all of them fit.
    screen.resize(80, 24);
    screen.until_window("all of it", |shown| shown.contains("word word") && shown.contains("y allows it"));
    screen.press(&["y"]);
    repo.end_of(&id);
    screen.press(&["q"]);
    screen.until("the shell", |shown| shown.contains("the agents keep running"));
}

#[test]
fn the_terminal_has_its_own_modes_again_however_the_watch_ends() {
    let world = world();
    let repo = scripted(&world);
    asking(&repo, "ask ls");
    let Some(screen) = Screen::open(&world, &repo, 80, 24) else { return };
    for how in ["C-c", "C-z", "-TERM", "-HUP"] {
        screen.types("clear; git orchestra status --watch");
        screen.until_window("the keys", |shown| shown.contains(KEYS));
        if how.starts_with('-') {
            let pid = watching(&repo);
            repo.command("kill").args([how, &pid]).status().expect("kill");
        } else {
            screen.press(&[how]);
        }
        screen.until_window(how, |shown| !shown.contains(KEYS));
        has_own_modes(&screen, how);
        if how == "C-z" {
            screen.types("fg");
            screen.until_window("the keys again", |shown| shown.contains(KEYS));
            screen.press(&["?"]);
            screen.until_window("help", |shown| shown.contains("any key returns"));
            screen.press(&["z"]);
            screen.until_window("the keys again", |shown| shown.contains(KEYS));
            screen.press(&["q"]);
            screen.until_window("the shell", |shown| shown.contains("the agents keep running"));
            has_own_modes(&screen, "after fg");
        }
    }
}

/// Returns the process id of the watch that runs in the repository.
fn watching(repo: &TestRepo<'_>) -> String {
    let own = std::fs::canonicalize(repo.path()).expect("a path");
    let is_watch = |folder: &std::path::Path| {
        std::fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd == own)
            && std::fs::read(folder.join("cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains("status\0--watch"))
    };
    let found =
        std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok).map(|entry| entry.path());
    let mut found: Vec<_> = found.filter(|folder| is_watch(folder)).collect();
    // A launcher may wait for the program that draws; the newest one is meant.
    found.sort_by_key(|folder| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    let last = found.last().expect("a watch");
    last.file_name().expect("a number").to_string_lossy().into_owned()
}

#[test]
fn without_keys_a_window_on_a_terminal_ends_by_itself() {
    let world = world();
    let repo = world.repo();
    let Some(screen) = Screen::open(&world, &repo, 80, 24) else { return };
    // What is typed is for something else: a pipe, a file, or the shell in front.
    let spawn = "git orchestra spawn --agent sh --again";
    let demo = world.dir().join("demo");
    for (how, line) in [
        ("file", format!("{spawn} true </dev/null")),
        ("pipe", format!("echo true | {spawn} -f -")),
        ("background", format!("{spawn} true & wait $!")),
        ("demo", format!("git orchestra demo --dir {}", demo.display())),
    ] {
        screen.types(&format!("{line}; echo {how} ended: $?"));
        let ended = format!("{how} ended: 0");
        screen.until(how, |shown| shown.lines().any(|line| line == ended));
        has_own_modes(&screen, how);
    }
}
