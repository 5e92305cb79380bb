//! The README and the tutorial are true: their commands are typed on a terminal, in order, and print what the documents show.
//! `ORCHESTRA_BLESS=1 cargo test --test suite fresh` writes the present outputs, and the picture of the README; the tutorial's man page
//! is generated from it by the next build.

use std::{fs, path::PathBuf, process::Stdio};

use orchestra_terminal::catalog;
use testkit::{Ran, TestRepo, Transcript, World, comparable, until};

use crate::{skip, world};

const README: &str = "README.md";
const TUTORIAL: &str = "bins/git-orchestra/tutorial.md";
/// The picture of a run, which the README shows.
const PICTURE: &str = ".github/run.svg";
/// The commands of the README that the picture shows, by their beginnings; of several the last one.
const IN_PICTURE: [&str; 3] =
    ["git orchestra spawn ", "git orchestra merge-ranked --test ", "git orchestra undo"];
/// The columns of the terminal: those of the README, and those of a page in a terminal of the usual width.
const README_COLUMNS: usize = 100;
const PAGE_COLUMNS: usize = 73;

/// A terminal with one shell, in which commands are typed one after the other; it ends with this value.
struct Typist<'a> {
    world: &'a World,
    repo: TestRepo<'a>,
}

/// What a terminal showed of one command.
struct Shown {
    text: String,
    /// The same with the colours, as the terminal wrapped it.
    coloured: String,
    exit: i32,
}

impl<'a> Typist<'a> {
    /// Begins in an empty directory; `None` if there is no tmux.
    fn new(world: &'a World, columns: usize) -> Option<Self> {
        let home = world.dir().join("you");
        fs::create_dir(&home).expect("a folder");
        let typist = Self { world, repo: TestRepo::new(world, home) };
        if typist.repo.command("tmux").arg("-V").stdout(Stdio::null()).status().is_err() {
            skip("no tmux");
            return None;
        }
        let typed = world.dir().join("typed").display().to_string();
        // Each time that Enter is pressed, the shell clears the terminal and runs what is in the file.
        let shell = format!(
            "bash -c 'while read -rs; do clear; . {typed}; printf \"\\n<exit %s>\" $?; mv {typed} {typed}.done; done'"
        );
        typist.tmux(&["new-session", "-d", "-x", &columns.to_string(), "-y", "200", &shell]);
        Some(typist)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let mut command = self.repo.command("tmux");
        command.env_remove("TMUX").env("GIT_PAGER", "cat");
        command.arg("-S").arg(self.world.dir().join("tmux")).args(["-f", "/dev/null"]);
        Ran::of(command.args(arguments)).succeeded().stdout()
    }

    /// Types a command.
    fn types(&self, command: &str) -> Shown {
        let typed = self.world.dir().join("typed");
        fs::write(&typed, command).expect("written");
        self.tmux(&["send-keys", "Enter"]);
        until(command, || (!typed.exists()).then_some(()));
        let capture = |options: &[&str]| self.tmux(&[&["capture-pane", "-p"], options].concat());
        let is_over = || {
            let shown = capture(&["-J"]);
            let (text, end) = shown.split_once("\n<exit ")?;
            let exit = end.split('>').next().and_then(|code| code.parse().ok())?;
            Some((text.to_owned(), exit))
        };
        let (text, exit) = until(command, is_over);
        let coloured = capture(&["-e"]);
        let coloured = coloured.split_once("\n<exit ").map_or("", |(before, _)| before).trim_end();
        let readable = |text: &str| text.replace(&self.repo.path().display().to_string(), "/home/you");
        let lines: String = text.trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect();
        Shown { text: readable(&lines), coloured: readable(coloured), exit }
    }
}

impl Drop for Typist<'_> {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
        // The repositories that the commands made end their agents.
        for entry in fs::read_dir(self.repo.path()).expect("a folder").flatten() {
            drop(TestRepo::new(self.world, entry.path()));
        }
    }
}

/// Types the commands of a document, and compares or writes what it shows. Returns each command with what the terminal showed, in
/// colour.
fn follow(document: &str, columns: usize) -> Option<Vec<(String, String)>> {
    let world = world();
    let typist = Typist::new(&world, columns)?;
    let mut transcript = Transcript::parse(&read(document));
    let (mut typed, mut wrong) = (Vec::new(), Vec::new());
    for step in transcript.steps() {
        let shown = typist.types(&step.command);
        let may_fail = shown.exit == 1 || step.output.contains("error: ");
        assert!(shown.exit == 0 || may_fail, "{} exits {}\n{}", step.command, shown.exit, shown.text);
        if !step.agrees_with(&shown.text) {
            wrong.push(format!("$ {}\n{}instead of\n{}", step.command, shown.text, step.output));
            step.output = shown.text;
        }
        typed.push((step.command.clone(), shown.coloured));
    }
    assert!(typed.len() >= 8, "{} commands in {document}", typed.len());
    if blesses() {
        fs::write(path(document), transcript.markdown()).expect("written");
    } else {
        assert!(
            wrong.is_empty(),
            "{document} is not fresh: ORCHESTRA_BLESS=1 cargo test --test suite fresh\n{}",
            wrong.join("\n")
        );
    }
    Some(typed)
}

fn path(document: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(document)
}

fn read(document: &str) -> String {
    fs::read_to_string(path(document)).expect("a document")
}

fn blesses() -> bool {
    std::env::var_os("ORCHESTRA_BLESS").is_some()
}

/// Returns the lines in which a person types a command: a long one continues in the next line, after a whole argument.
fn as_typed(command: &str, columns: usize) -> Vec<String> {
    let mut quoted = false;
    let arguments = command.split(|c: char| {
        quoted ^= c == '\'';
        c == ' ' && !quoted
    });
    let mut lines = vec!["$".to_owned()];
    for argument in arguments {
        let last = lines.last_mut().expect("a line");
        if last.chars().count() + argument.chars().count() + " \\ ".len() > columns {
            last.push_str(" \\");
            lines.push(format!("   {argument}"));
        } else {
            last.push_str(&format!(" {argument}"));
        }
    }
    lines
}

#[test]
fn a_long_command_continues_after_a_whole_argument() {
    assert_eq!(as_typed("git orchestra undo", 80), ["$ git orchestra undo"]);
    assert_eq!(as_typed("spawn 'echo one' 'echo two'", 20), ["$ spawn 'echo one' \\", "   'echo two'"]);
}

#[test]
fn the_tour_of_the_readme_prints_what_it_shows_and_its_picture_is_fresh() {
    let Some(typed) = follow(README, README_COLUMNS) else { return };
    let mut screen = String::new();
    for begins in IN_PICTURE {
        let (command, shown) = typed.iter().rfind(|(command, _)| command.starts_with(begins)).expect(begins);
        for line in as_typed(command, README_COLUMNS) {
            screen += &format!("\u{1b}[0;1m{line}\u{1b}[0m\n");
        }
        screen += &format!("{shown}\u{1b}[0m\n\n");
    }
    let made = testkit::svg("Three agents, and what landed of their work", screen.trim_end());
    let same = |svg: &str| testkit::text_of_svg(svg).lines().map(comparable).collect::<Vec<_>>();
    let known = fs::read_to_string(path(PICTURE)).unwrap_or_default();
    if same(&known) != same(&made) {
        assert!(blesses(), "{PICTURE} is not fresh: ORCHESTRA_BLESS=1 cargo test --test suite fresh");
        fs::create_dir_all(path(".github")).expect("a folder");
        fs::write(path(PICTURE), made).expect("written");
    }
}

#[test]
fn the_tutorial_prints_what_it_shows_and_is_fresh() {
    follow(TUTORIAL, PAGE_COLUMNS);
}

#[test]
fn commands_that_are_not_run_exist_with_their_options() {
    let world = world();
    for document in [README, TUTORIAL] {
        let text = read(document);
        for line in text.lines() {
            for command in line.split("git orchestra ").skip(1) {
                let mut words = command.split([' ', '`', ';', '|', ')', '"']);
                let name = words.next().unwrap_or_default();
                if !catalog::COMMANDS.iter().any(|entry| entry.name == name && !entry.built_in) {
                    continue;
                }
                let program = world.bins().join(format!("git-orchestra-{name}"));
                let help = Ran::of(world.command(program, world.dir()).arg("--help")).succeeded().stdout();
                for option in words.filter(|word| word.starts_with("--") && word.len() > 2) {
                    let option = option.split('=').next().unwrap_or_default();
                    let option = option.trim_end_matches(|c: char| !c.is_alphanumeric());
                    assert!(
                        help.contains(option),
                        "{document}: git orchestra {name} has no {option}: {line}"
                    );
                }
            }
        }
    }
}
