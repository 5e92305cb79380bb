//! `git orchestra ui`: agents on the whole screen of a terminal. What is pure is tested beside it; here keys are pressed in a real
//! terminal, and git says what came of them.

use std::fs;

use testkit::{Screen, TestRepo, World};

use crate::world;

/// The end of the last line while nothing is typed or asked.
const KEYS: &str = "? keys  q quit";
/// What the shell shows after the window.
pub(crate) const CLOSED: &str = "the agents keep running";
/// Prints `icanon echo` if the terminal has its own modes.
const MODES: &str = "stty -a | grep -o -w -E -e '-?(icanon|echo)' | xargs echo modes:";
const OWN_MODES: &str = "modes: icanon echo";

pub(crate) fn scripted(world: &World) -> TestRepo<'_> {
    let repo = world.repo().with_scripted_claude();
    repo.git(["config", "core.pager", "cat"]);
    repo
}

/// Opens the window, and waits until it shows what it read.
pub(crate) fn opened<'a>(screen: &Screen<'a>, first: &str) -> String {
    screen.types("clear; git orchestra ui");
    screen.until_window("the window", |shown| shown.starts_with("git orchestra") && shown.contains(first))
}

pub(crate) fn has_own_modes(screen: &Screen<'_>, when: &str) {
    screen.types("clear");
    screen.types(MODES);
    screen.until_window(when, |shown| shown.lines().any(|line| line.ends_with(OWN_MODES)));
}

/// Chooses an agent by the end of its name.
pub(crate) fn choose(screen: &Screen<'_>, id: &str) {
    screen.press(&["/"]);
    screen.press(&["-l", id]);
    screen.press(&["Enter"]);
    screen.until_window("the chosen agent", |shown| shown.lines().any(|line| line.starts_with('>')));
}

/// Shows all agents again.
fn all(screen: &Screen<'_>) {
    screen.press(&["Escape"]);
    screen.until_window("all agents", |shown| !shown.lines().next().unwrap_or_default().contains("  /"));
}

#[test]
fn an_agent_is_started_answered_reviewed_and_landed_by_keys_alone() {
    let world = world();
    let repo = scripted(&world);
    repo.git(["config", "orchestra.onPrompt", "ask"]);
    let Some(screen) = Screen::open(&world, &repo, 120, 30) else { return };
    opened(&screen, "no agents yet: N starts one");
    // A task as a scripted agent performs it, written in the editor.
    let task = "ask cargo test --workspace && git push\nwrite made.txt new\nsay over\n";
    fs::write(world.dir().join("task"), task).expect("written");
    screen.press(&["q"]);
    screen.until("the shell", |shown| shown.contains(CLOSED));
    screen.types(&format!("export GIT_EDITOR='cp {}'", world.dir().join("task").display()));
    opened(&screen, "no agents yet");
    screen.press(&["N"]);
    screen.until_window("the task", |shown| shown.contains("new task"));
    screen.press(&["Enter"]);
    screen.until_window("what it asks for", |shown| {
        shown.contains("cargo test --workspace && git push") && shown.contains("a allows")
    });
    let id = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(repo.agent(&id)["phase"], "waiting");
    screen.press(&["a"]);
    screen.until_window("the answer", |shown| shown.contains(&format!("allowed what {id} asked for")));
    repo.end_of(&id);
    screen.press(&["l"]);
    screen.until_window("its log", |shown| shown.contains("over") && shown.contains("· log"));
    screen.press(&["m"]);
    screen.until_window("the monitor", |shown| shown.contains("monitor"));
    // The whole diff, and a remark on its last line.
    screen.press(&["d"]);
    screen.until_window("its diff", |shown| shown.contains("+new") && shown.contains("0 of 1 files read"));
    screen.press(&["Right"]);
    screen.press(&["G"]);
    screen.press(&["Space"]);
    screen.until_window("a file that was read", |shown| shown.contains("1 of 1 files read"));
    screen.press(&["v"]);
    screen.until_window("a question", |shown| shown.contains(&format!("review {id}: a approves")));
    screen.press(&["a"]);
    screen.until_window("the verdict", |shown| shown.contains("done: git orchestra review"));
    assert_eq!(repo.agent(&id)["verdict"], "approve");
    let before = repo.tip("main");
    screen.press(&["L"]);
    screen.until_window("the plan", |shown| shown.contains("land this? y does"));
    assert_eq!(repo.tip("main"), before);
    screen.press(&["y"]);
    screen.until_window("the landing", |shown| shown.contains("done: git orchestra merge-ranked"));
    assert_eq!(repo.file_at("main", "made.txt"), "new\n");
    // And back.
    screen.press(&["u"]);
    screen.until_window("the undo", |shown| shown.contains("undo this? y does"));
    screen.press(&["y"]);
    screen.until_window("what was undone", |shown| shown.contains("done: git orchestra undo"));
    assert_eq!(repo.tip("main"), before);
    screen.press(&["q"]);
    screen.until("the shell", |shown| shown.contains(CLOSED));
    has_own_modes(&screen, "its own modes");
}

#[test]
fn what_is_typed_before_a_question_is_shown_does_not_answer_it() {
    let world = world();
    let repo = scripted(&world);
    let Some(screen) = Screen::open(&world, &repo, 80, 10) else { return };
    let long = format!("echo {} && git push", "word ".repeat(150).trim_end());
    let id = repo.spawn_claude(&["--on-prompt", "ask"], &format!("ask {long}\nask rm x\nhang"));
    repo.wait_for(&id, "waiting");
    opened(&screen, "a shows all of it");
    screen.press(&["-l", "aay"]);
    let shown = screen.until_window("a part", |shown| shown.contains("space shows more"));
    assert!(!shown.contains("git push"), "{shown}");
    assert_eq!(repo.agent(&id)["phase"], "waiting");
    while !screen.window().contains("a allows it") {
        screen.press(&["Space"]);
        std::thread::yield_now();
    }
    screen.press(&["a"]);
    screen.until_window("the next question", |shown| {
        shown.contains("rm x") && shown.contains("a allows, A always")
    });
    screen.press(&["x"]);
    screen.until_window("a reason", |shown| shown.contains("the reason"));
    screen.press(&["-l", "never remove"]);
    screen.press(&["Enter"]);
    screen.until_window("the denial", |shown| shown.contains(&format!("denied what {id} asked for")));
    let answers: Vec<_> = repo.events(&id).into_iter().filter(|fact| fact["t"] == "send").collect();
    assert_eq!((&answers[0]["allow"], &answers[1]["allow"]), (&true.into(), &false.into()));
    assert_eq!(answers[1]["text"], "never remove");
    screen.press(&["S"]);
    screen.until_window("a question", |shown| shown.contains(&format!("stop {id} and what it started?")));
    screen.press(&["y"]);
    screen.until_window("the end", |shown| shown.contains(&format!("{id} is stopped")));
    assert_eq!(repo.agent(&id)["phase"], "stopped");
    screen.press(&["q"]);
    screen.until("the shell", |shown| shown.contains(CLOSED));
}

#[test]
fn the_terminal_is_lent_to_a_shell_and_to_any_command() {
    let world = world();
    let repo = scripted(&world);
    let one = repo.spawn_claude(&[], "write a.txt a\nhang");
    repo.wait_for_file(&one, "a.txt");
    let two = repo.spawn_claude(&["--again"], "write b.txt b\nhang");
    repo.wait_for_file(&two, "b.txt");
    let Some(screen) = Screen::open(&world, &repo, 120, 24) else { return };
    screen.types("export SHELL=/bin/sh");
    opened(&screen, &one);
    choose(&screen, &two);
    screen.press(&["t"]);
    screen.until_window("the shell", |shown| !shown.contains(KEYS) && shown.contains('%'));
    screen.types("pwd > in; exit");
    screen.until_window("the window again", |shown| shown.contains("git orchestra") && shown.contains(&two));
    let said = fs::read_to_string(repo.worktree(&two).join("in")).expect("the folder");
    assert_eq!(fs::canonicalize(said.trim()).ok(), fs::canonicalize(repo.worktree(&two)).ok());
    all(&screen);
    screen.press(&[":"]);
    screen.press(&["-l", &format!("tag {one} --add 'of note'")]);
    screen.press(&["Enter"]);
    screen.until_window("its end", |shown| shown.contains("(any key returns)"));
    screen.press(&["z"]);
    screen.until_window("the window again", |shown| shown.contains(&two));
    screen.press(&[":"]);
    screen.press(&["-l", &format!("tag {one} --add note")]);
    screen.press(&["Enter"]);
    screen.until_window("its end", |shown| shown.matches("(any key returns)").count() == 2);
    screen.press(&["z"]);
    screen.until_window("the window again", |shown| shown.contains(&two));
    assert_eq!(repo.agent(&one)["tags"], serde_json::json!(["note"]));
    screen.press(&["p"]);
    screen.until_window("a pause", |shown| shown.contains(" is paused"));
    screen.press(&["r"]);
    screen.until_window("a resumption", |shown| shown.contains(" is resumed"));
    for id in [&one, &two] {
        repo.orchestra(["stop", id]).succeeded();
    }
    screen.press(&["q"]);
    screen.until("the shell", |shown| shown.contains(CLOSED));
    has_own_modes(&screen, "its own modes");
}

#[test]
fn the_terminal_has_its_own_modes_again_however_the_window_ends() {
    let world = world();
    let repo = scripted(&world);
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "ask ls\nhang");
    repo.wait_for(&id, "waiting");
    let Some(screen) = Screen::open(&world, &repo, 80, 24) else { return };
    let screens = [
        ("", "C-c"),
        ("", "C-z"),
        ("?", "-TERM"),
        (":", "-TERM"),
        ("S", "-HUP"),
        ("m", "-TERM"),
        ("ihello", "-TERM"),
    ];
    for (keys, how) in screens {
        opened(&screen, &id);
        if !keys.is_empty() {
            screen.press(&["-l", keys]);
        }
        let is_there = |shown: &str| match keys {
            "?" => shown.contains("any other key returns"),
            ":" => shown.contains(":git orchestra"),
            "S" => shown.contains("y stops it"),
            "m" => shown.contains("monitor"),
            "ihello" => shown.contains("hello"),
            _ => shown.contains("asks: a allows"),
        };
        screen.until_window(keys, is_there);
        if how.starts_with('-') {
            repo.command("kill").args([how, &window_of(&repo)]).status().expect("kill");
        } else {
            screen.press(&[how]);
        }
        screen.until_window(how, |shown| !shown.contains("git orchestra ·"));
        if keys == "ihello" {
            let unsent = format!("what you typed was not sent, to {id}: hello");
            screen.until_window("what was typed", |shown| shown.contains(&unsent));
        }
        has_own_modes(&screen, how);
        if how == "C-z" {
            screen.types("fg");
            screen.until_window("the window again", |shown| shown.starts_with("git orchestra ·"));
            screen.press(&["?"]);
            screen.until_window("the keys", |shown| shown.contains("keys: any other key returns"));
            screen.press(&["z"]);
            screen.until_window("the window again", |shown| shown.contains(&id));
            screen.press(&["q"]);
            screen.until_window("the shell", |shown| shown.contains(CLOSED));
            has_own_modes(&screen, "after fg");
        }
    }
    assert_eq!(repo.agent(&id)["phase"], "waiting");
}

#[test]
fn a_window_of_any_size_shows_the_agents() {
    let world = world();
    let repo = scripted(&world);
    let id = repo.spawn_claude(&[], "write made.txt new\nhang");
    repo.wait_for_file(&id, "made.txt");
    let Some(screen) = Screen::open(&world, &repo, 200, 40) else { return };
    opened(&screen, "+new");
    for (columns, rows) in [(20, 5), (60, 24), (3, 2), (80, 24), (120, 10), (1, 1), (200, 50), (60, 20)] {
        screen.resize(columns, rows);
    }
    let shown = screen.until_window("the agents alone", |shown| {
        shown.contains(&id[id.len() - 5..]) && !shown.contains("+new")
    });
    assert!(shown.lines().all(|line| line.chars().count() <= 60), "{shown}");
    screen.press(&["Enter"]);
    screen.until_window("the diff alone", |shown| shown.contains("+new"));
    screen.press(&["Escape"]);
    screen.press(&["Left"]);
    screen.until_window("the agents again", |shown| !shown.contains("+new"));
    // What it asks for is answered in a narrow window as well.
    let asks = repo.spawn_claude(&["--on-prompt", "ask", "--again"], "ask ls\nhang");
    repo.wait_for(&asks, "waiting");
    screen.until_window("that it waits", |shown| {
        shown.lines().any(|line| line.contains(&asks[asks.len() - 5..]) && line.contains('?'))
    });
    screen.press(&["w"]);
    screen.until_window("what it asks for", |shown| shown.contains("Bash ls") && shown.contains("a allows"));
    screen.press(&["a"]);
    screen.until_window("the answer", |shown| shown.contains(&format!("allowed what {asks} asked for")));
    for id in [&id, &asks] {
        repo.orchestra(["stop", id]).succeeded();
    }
    screen.press(&["q"]);
    screen.until("the shell", |shown| shown.contains(CLOSED));
}

#[test]
fn keys_are_those_of_the_configuration_and_agents_have_none() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.ui.keys.quit", "Z"]);
    let Some(screen) = Screen::open(&world, &repo, 100, 20) else { return };
    opened(&screen, "Z quit");
    screen.press(&["q"]);
    screen.press(&["Z"]);
    screen.until("the shell", |shown| shown.contains(CLOSED));
    for (name, value, why) in [
        ("quit", "ZZ", "one character"),
        ("leave", "Z", "is not a key of the window"),
        ("stop", "Z", "has the same value"),
    ] {
        repo.git(["config", "orchestra.ui.keys.quit", "Z"]);
        repo.git(["config", &format!("orchestra.ui.keys.{name}"), value]);
        screen.types("clear; git orchestra ui");
        screen.until_window(why, |shown| shown.replace('\n', " ").contains(why));
        repo.git(["config", "--unset", &format!("orchestra.ui.keys.{name}")]);
    }
    let said = repo.orchestra(["ui"]).exits(2).stderr();
    assert!(said.contains("needs a terminal"), "{said}");
    let task = "git orchestra ui 2> said; echo $? >> said";
    let id = repo.spawn(task);
    repo.end_of(&id);
    let said = repo.file_in_head(&id, "said");
    assert!(said.contains("an agent cannot use the window of a person") && said.ends_with("3\n"), "{said}");
}

/// Returns the process id of the window in a repository.
pub(crate) fn window_of(repo: &TestRepo<'_>) -> String {
    let own = fs::canonicalize(repo.path()).expect("a path");
    let is_window = |folder: &std::path::Path| {
        fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd == own)
            && fs::read_link(folder.join("exe")).is_ok_and(|exe| exe.ends_with("git-orchestra-ui"))
    };
    let found = fs::read_dir("/proc").expect("processes").filter_map(Result::ok).map(|entry| entry.path());
    let found = found.into_iter().find(|folder| is_window(folder)).expect("a window");
    found.file_name().expect("a number").to_string_lossy().into_owned()
}
