//! Journeys through the window of `ui` with a scripted agent, by keys alone, in a narrow and in a wide window; and that the terminal has
//! its own modes again after SIGTERM in each of its screens. What the window shows is kept in `target/ui/screens`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Stdio},
    sync::{Arc, Mutex},
};

use testkit::{Screen, TestRepo, until};

use crate::{
    sync,
    ui::{CLOSED, has_own_modes, opened, scripted, window_of},
    world,
};

/// A window, and the names of what is kept of it.
struct Journey<'a> {
    screen: Screen<'a>,
    columns: usize,
}

impl Journey<'_> {
    fn sees(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        self.screen.until_window(what, is_so);
        self.screen.keep(&format!("{}-{}", self.columns, what.replace(' ', "-")));
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
}

/// Waits until an attempt of an agent has ended.
fn end_of_attempt(repo: &TestRepo<'_>, id: &str, attempt: u64) {
    until("its attempt ends", || {
        let agent = repo.agent(id);
        (agent["attempt"] == attempt && agent["liveness"] == "ended").then_some(())
    });
}

fn a_workflow_by_keys(columns: usize) {
    let world = world();
    let repo = sync::first(&world).with_scripted_claude();
    repo.git(["config", "core.pager", "cat"]);
    let spec = world.dir().join("spec");
    fs::write(&spec, "# One file\n").expect("written");
    repo.orchestra(["spec", "new", "file", "--from", &spec.to_string_lossy()]).succeeded();
    fs::write(&spec, "# One file, twice\n").expect("written");
    let Some(screen) = Screen::open(&world, &repo, columns, 24) else { return };
    screen.types(&format!("export SHELL=/bin/sh GIT_EDITOR='cp {}'", spec.display()));
    opened(&screen, "no agents yet: N starts one");
    let window = Journey { screen, columns };
    window.press(&["s"]);
    let versions = || repo.git(["log", "--format=%s", "refs/orchestra/specs/file"]).stdout();
    until("another version", || versions().contains("version 2").then_some(()));
    assert_eq!(repo.orchestra(["spec", "show"]).succeeded().stdout(), "# One file, twice\n");
    window.sees("the window after the spec", |shown| shown.contains("no agents yet"));
    window.press(&["N"]);
    window.sees("a task", |shown| shown.contains("new task"));
    window.types("write made.txt new");
    window.sees("what was started", |shown| shown.contains("done: git orchestra spawn"));
    let id = repo.agents()[0]["id"].as_str().expect("an id").to_owned();
    repo.end_of(&id);
    window.press(&["t"]);
    window.sees("a shell", |shown| !shown.contains("git orchestra ·") && shown.trim_end().ends_with('%'));
    window.types("pwd > ~/in; exit");
    let folder = until("the folder of the shell", || {
        fs::read_to_string(world.home().join("in")).ok().filter(|said| said.ends_with('\n'))
    });
    assert_eq!(fs::canonicalize(folder.trim()).ok(), fs::canonicalize(repo.worktree(&id)).ok());
    // A remark goes with the verdict, and is heard.
    window.press(&["d", "Enter"]);
    window.sees("a diff", |shown| shown.contains("+new") && shown.contains("0 of 1 files read"));
    window.press(&["G", "C"]);
    window.sees("a remark", |shown| shown.contains("remark on made.txt:1"));
    window.types("say why");
    window.sees("a remark that waits", |shown| shown.contains(&format!("1 remark on {id}")));
    window.press(&["v", "c", "Enter"]);
    window.sees("requested changes", |shown| shown.contains("done: git orchestra review"));
    end_of_attempt(&repo, &id, 2);
    let verdict = repo.events(&id).into_iter().find(|fact| fact["t"] == "verdict").expect("a verdict");
    let remark = &verdict["comments"][0];
    assert_eq!((&verdict["verdict"], &remark["text"]), (&"changes".into(), &"say why".into()), "{verdict}");
    assert!(repo.orchestra(["logs", &id]).stdout().contains("say why"));
    window.press(&["v"]);
    window.sees("a verdict", |shown| shown.contains(&format!("review {id}: a approves")));
    window.press(&["a"]);
    window.sees("an approval", |shown| shown.contains("done: git orchestra review"));
    until("the approval", || (repo.agent(&id)["verdict"] == "approve").then_some(()));
    window.press(&["L"]);
    window.sees("what lands", |shown| shown.contains("land this? y does"));
    window.press(&["y"]);
    window.sees("what landed", |shown| shown.contains("done: git orchestra merge-ranked"));
    assert_eq!(repo.file_at("main", "made.txt"), "new\n");
    // It is removed, and is back.
    let agents = || repo.refs("refs/orchestra/agents/").len();
    window.press(&["D"]);
    window.sees("what is removed", |shown| shown.contains("remove it? y does"));
    assert_eq!(agents(), 1);
    window.press(&["y"]);
    window.sees("what was removed", |shown| shown.contains("done: git orchestra cleanup"));
    assert_eq!(agents(), 0);
    window.press(&["u"]);
    window.sees("what is undone", |shown| shown.contains("undo this? y does"));
    window.press(&["y"]);
    window.sees("what was undone", |shown| shown.contains("done: git orchestra undo"));
    assert_eq!(agents(), 1);
    window.press(&["Y"]);
    window.sees("what is exchanged", |shown| shown.contains("exchange this? y does"));
    assert_eq!(sync::shared_of_hub(&world), []);
    window.press(&["y"]);
    window.sees("what was exchanged", |shown| shown.contains("(any key returns)"));
    let shared = sync::shared_of_hub(&world);
    assert!(shared.iter().any(|(name, _)| *name == format!("refs/orchestra/agents/{id}")), "{shared:?}");
    window.press(&["z"]);
    window.sees("the window again", |shown| shown.starts_with("git orchestra"));
    window.press(&["q"]);
    window.screen.until("the shell", |shown| shown.contains(CLOSED));
}

#[test]
fn a_workflow_by_keys_in_60_columns() {
    a_workflow_by_keys(60);
}

#[test]
fn a_workflow_by_keys_in_120_columns() {
    a_workflow_by_keys(120);
}

#[test]
fn the_terminal_has_its_own_modes_after_sigterm_in_each_screen() {
    let world = world();
    let repo = scripted(&world);
    let id = repo.spawn_claude(&["--on-prompt", "ask"], "write made.txt new\nask ls\nhang");
    repo.wait_for(&id, "waiting");
    let Some(screen) = Screen::open(&world, &repo, 100, 24) else { return };
    for (keys, shows) in [
        ("d", "· diff"),
        ("e", "diff since your review"),
        ("l", "· log"),
        ("c", "· conversation"),
        ("f", "· facts"),
        ("R", "runs"),
        ("I", "inbox"),
        ("H", "sessions"),
        ("L", "git orchestra merge-ranked --dry-run"),
        ("D", "git orchestra cleanup --dry-run"),
        ("u", "git orchestra undo --dry-run"),
        ("N", "new task"),
        ("i", "Enter alone opens your editor"),
        ("x", "the reason (may be empty)"),
        ("v", "a approves"),
        ("A", "asks"),
        ("/", "  /q"),
    ] {
        opened(&screen, &id);
        screen.press(&["-l", keys]);
        if keys == "/" {
            screen.press(&["-l", "q"]);
        }
        screen.until_window(keys, |shown| shown.contains(shows));
        screen.keep(&format!("screen-{}", if keys == "/" { "filter" } else { keys }));
        repo.command("kill").args(["-TERM", &window_of(&repo)]).status().expect("kill");
        screen.until_window(keys, |shown| !shown.contains("git orchestra ·"));
        has_own_modes(&screen, keys);
    }
    assert_eq!(repo.agent(&id)["phase"], "waiting");
    repo.orchestra(["stop", &id]).succeeded();
}

/// Clicks at a column and a row of the window, which are counted from 1.
fn click(screen: &Screen<'_>, column: usize, row: usize) {
    screen.press(&["-l", &format!("\u{1b}[<0;{column};{row}M")]);
}

#[test]
fn colours_the_mouse_and_the_profile_are_the_users() {
    let world = world();
    let repo = scripted(&world);
    repo.git(["config", "orchestra.agent.small.program", "claude"]);
    repo.git(["config", "orchestra.agent.small.model", "small-1"]);
    repo.git(["config", "color.orchestra.good", "bold brightblue"]);
    repo.git(["config", "orchestra.ui.mouse", "true"]);
    let one = repo.spawn_claude(&[], "write a.txt a");
    let two = repo.spawn_claude(&["--again"], "write b.txt b");
    for id in [&one, &two] {
        repo.end_of(id);
    }
    // The same table of colours for all commands.
    let shown = repo.orchestra(["status", "--all", "--color=always"]).succeeded().stdout();
    assert!(shown.contains("\u{1b}[38;5;12m") || shown.contains("\u{1b}[94"), "{shown:?}");
    let Some(screen) = Screen::open(&world, &repo, 100, 20) else { return };
    opened(&screen, &two);
    let coloured = || screen.tmux(&["capture-pane", "-p", "-e"]);
    // A terminal has two ways to name it.
    let is_so = |shown: &str| shown.contains("94m✓") || shown.contains("38;5;12m✓");
    until("the colour of the user", || is_so(&coloured()).then_some(()));
    screen.until_window("the first", |shown| {
        shown.lines().any(|line| line.starts_with('>') && line.contains(&one))
    });
    click(&screen, 5, 3);
    screen.until_window("the second", |shown| {
        shown.lines().any(|line| line.starts_with('>') && line.contains(&two))
    });
    screen.press(&["N"]);
    screen.press(&["Tab"]);
    screen.until_window("the profiles", |shown| {
        shown.contains("claude (default)") && shown.contains("model small-1")
    });
    screen.keep("profiles");
    screen.press(&["End"]);
    screen.press(&["Enter"]);
    let shown = screen.until_window("the task", |shown| shown.contains("new task for "));
    assert!(shown.contains("new task for small"), "{shown}");
    screen.press(&["-l", "write c.txt c"]);
    screen.press(&["Enter"]);
    screen.until_window("the start", |shown| shown.contains("done: git orchestra spawn"));
    let agent = repo.agents().into_iter().find(|agent| agent["role"] == "small").expect("an agent");
    assert_eq!(repo.end_of(agent["id"].as_str().expect("an id"))["phase"], "done");
    screen.press(&["q"]);
    screen.until("the shell", |shown| shown.contains(CLOSED));
}

/// The window as lines, with what it said so far.
struct Lines {
    program: Child,
    input: ChildStdin,
    said: Arc<Mutex<String>>,
}

impl Lines {
    fn open(repo: &TestRepo<'_>) -> Self {
        let mut command = repo.orchestra_command(["ui", "--plain"]);
        let mut program =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the window as lines");
        let (input, output) = (program.stdin.take().expect("a pipe"), program.stdout.take().expect("a pipe"));
        let said = Arc::new(Mutex::new(String::new()));
        let all = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                all.lock().expect("what was said").push_str(&format!("{line}\n"));
            }
        });
        Self { program, input, said }
    }

    /// Waits until a line is said, and returns it.
    fn hears(&self, what: &str) -> String {
        let find = || {
            let said = self.said.lock().expect("what was said");
            said.lines().find(|line| line.contains(what)).map(str::to_owned)
        };
        until(&format!("{what} is said"), find)
    }

    /// Types a line.
    fn types(&mut self, line: &str) {
        writeln!(self.input, "{line}").and_then(|()| self.input.flush()).expect("typed");
    }

    /// Types the number of a choice.
    fn chooses(&mut self, words: &str) {
        let number = until(&format!("a number for {words}"), || {
            let said = self.said.lock().expect("what was said");
            let before = said.lines().filter_map(|line| Some(line.split_once(&format!(": {words}"))?.0));
            let mut numbers = before.filter_map(|before| before.rsplit(' ').next()?.parse::<usize>().ok());
            numbers.next_back()
        });
        self.types(&number.to_string());
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what was said:\n{}", self.said.lock().expect("what was said"));
            let _ = self.program.kill();
            let _ = self.program.wait();
        }
    }
}

#[test]
fn in_lines_an_agent_is_answered_approved_and_landed() {
    let world = world();
    let repo = scripted(&world);
    repo.git(["config", "orchestra.onPrompt", "ask"]);
    let mut window = Lines::open(&repo);
    window.hears("git orchestra, repo (main): 0 agents.");
    // An answer that was typed before it was asked for is none.
    window.types("1");
    window.hears("Nothing has the number 1.");
    let id = repo.spawn_claude(&[], "ask cargo test && git push\nwrite made.txt new");
    window.hears("asks: Bash cargo test && git push");
    assert_eq!(repo.agent(&id)["phase"], "waiting");
    window.chooses("allow.");
    window.hears(&format!("allowed what {id} asked for."));
    repo.end_of(&id);
    window.hears(&format!("{id} is done, 1 line added, 0 removed."));
    window.types("list");
    window.chooses(&id);
    window.chooses("diff.");
    window.hears("+new");
    window.chooses("approve.");
    window.hears("done: git orchestra review");
    assert_eq!(repo.agent(&id)["verdict"], "approve");
    let before = repo.tip("main");
    window.types("land");
    window.chooses("do this: git orchestra merge-ranked.");
    window.hears("done: git orchestra merge-ranked");
    assert_ne!(repo.tip("main"), before);
    assert_eq!(repo.file_at("main", "made.txt"), "new\n");
    window.types("quit");
    window.hears("The agents keep running.");
    assert!(window.program.wait().expect("an end").success());
    let said = window.said.lock().expect("what was said").clone();
    assert!(!said.contains('\u{1b}'), "no colour, and no move of the cursor: {said:?}");
}
