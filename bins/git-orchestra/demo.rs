//! `git orchestra demo`: runs the main workflow in a scratch repository, with the commands that a user
//! types.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use orchestra::{
    Code, Error, Kind, Result, error::ErrorContext, git::Git, model::quote, ops::status, process, world,
};
use orchestra_terminal::{Exit, Terminal, here, style::Role};

use crate::cli::Demo;

/// The name and the script of each task. The first two change the same line, so that they conflict when
/// they land.
const TASKS: &[(&str, &str)] = &[
    (
        "greet",
        "# Greet politely\nsed -i.bak 's/Hello/Good morning/' greeting.txt && rm greeting.txt.bak\necho 'greeting.txt changed'\n",
    ),
    (
        "shout",
        "# Greet in capitals\nsed -i.bak 's/Hello/HELLO/' greeting.txt && rm greeting.txt.bak\necho 'greeting.txt changed'\n",
    ),
    (
        "count",
        "# Count the words\nfor n in 1 2 3; do echo \"pass $n of 3\"; sleep 0.4; done\nwc -w *.txt > words.txt\n",
    ),
    (
        "notes",
        "# Write notes and commit them itself\necho '* agents work side by side' > NOTES.md\ngit add NOTES.md\ngit commit -q -m 'Add notes'\n",
    ),
];

pub(crate) fn run(options: &Demo, terminal: &Terminal) -> Result<Exit> {
    let demo = DemoRepo::create(options)?;
    let say = |text: &str| terminal.eprintln(&terminal.painter_err().as_role(Role::Head, text));
    say(&format!("A scratch repository: {}", demo.repo.display()));
    demo.make_repository()?;
    say("\nFour agents, each in its own worktree and branch (the tasks are shell scripts):");
    let mut arguments =
        vec!["spawn".to_owned(), "--agent".to_owned(), "sh".to_owned(), "-j".to_owned(), "4".to_owned()];
    arguments.extend(TASKS.iter().map(|(_, script)| (*script).to_owned()));
    terminal.eprintln("  $ git orchestra spawn --agent sh -j 4 '# Greet politely …' '# Greet in capitals …' '# Count …' '# Write notes …'");
    let done = demo.orchestra(&arguments)? == Some(0);
    say("\nTheir branches, in plain git:");
    demo.show(terminal, &["log", "--oneline", "--graph", "--branches"])?;
    say("\nTheir histories are refs; the newest commit of each holds its state:");
    let format = "--format=%(contents:trailers:key=Orchestra-State,valueonly,separator=) %(refname)";
    demo.show(terminal, &["for-each-ref", format, status::AGENT_REFS])?;
    say("\nOne history, event by event:");
    demo.show(terminal, &["log", "--format=%h %s", "--reverse", &demo.first_agent()?])?;
    say("\nYour own checkout was not touched:");
    demo.show(terminal, &["status", "--short", "--branch"])?;
    say("\nLand what fits together, fewest conflicts first, testing each step; your branch moves once:");
    terminal.eprintln("  $ git orchestra merge-ranked --test 'test -s greeting.txt'");
    // Two of them change the same line: one is set aside, and the exit status is 1.
    let landing = ["merge-ranked", "--test", "test -s greeting.txt"].map(str::to_owned);
    let done = done && demo.orchestra(&landing)? == Some(1);
    demo.show(terminal, &["log", "--oneline", "--graph", "--first-parent", "main"])?;
    demo.finish(terminal);
    Ok(if done { Exit::Done } else { Exit::No })
}

/// The directory of the demo.
struct DemoRepo {
    folder: PathBuf,
    repo: PathBuf,
    keep: bool,
}

impl DemoRepo {
    fn create(options: &Demo) -> Result<Self> {
        let (folder, keep) = match &options.dir {
            Some(dir) => (here::environment().directory().join(dir), true),
            None => (
                std::env::temp_dir().join(format!("git-orchestra-demo-{}", world::random_hex::<4>()?)),
                options.keep,
            ),
        };
        let cannot = || format!("cannot make the demo in '{}'", folder.display());
        if fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::new(Code::PathTaken, cannot())
                .because("the directory is not empty")
                .hint("name a new directory: --dir DIR"));
        }
        fs::create_dir_all(folder.join("greetings")).context(Kind::Refused, cannot)?;
        let repo = folder.join("greetings");
        Ok(Self { folder, repo, keep })
    }

    fn make_repository(&self) -> Result<()> {
        let git = |verb: &str, arguments: &[&str]| {
            Git::new(here::environment(), &self.repo, verb).args(arguments).run().map(|_| ())
        };
        git("init", &["--quiet", "--initial-branch=main"])?;
        git("config", &["user.name", "Demo"])?;
        git("config", &["user.email", "demo@example.com"])?;
        git("config", &["commit.gpgSign", "false"])?;
        for (name, text) in [
            ("greeting.txt", "Hello, world\n"),
            ("readme.txt", "A greeting for the demo of git orchestra.\n"),
        ] {
            fs::write(self.repo.join(name), text)
                .context(Kind::External, || format!("cannot write '{name}'"))?;
        }
        git("add", &["."])?;
        git("commit", &["--quiet", "-m", "Say hello"])
    }

    /// Runs a command of the suite as a user would, with the user's terminal as its output.
    fn orchestra(&self, arguments: &[String]) -> Result<Option<i32>> {
        let program = world::this_program();
        let mut command: Command = process::own_command(here::environment(), &program);
        command.args(arguments).current_dir(&self.repo).stdin(Stdio::null());
        let status = process::status(&mut command)
            .context(Code::ProgramFailed, || format!("cannot run '{}'", program.display()))?;
        Ok(status.code())
    }

    /// Prints a git command and its output.
    fn show(&self, terminal: &Terminal, arguments: &[&str]) -> Result<()> {
        let typed: Vec<String> = arguments.iter().map(quote::word).collect();
        terminal.eprintln(&format!("  $ git {}", typed.join(" ")));
        let text = Git::new(here::environment(), &self.repo, arguments[0]).args(&arguments[1..]).run()?;
        for line in String::from_utf8_lossy(&text).lines() {
            terminal.print(&format!("  {line}\n"));
        }
        Ok(())
    }

    fn first_agent(&self) -> Result<String> {
        let arguments = ["--count=1", "--format=%(refname)", status::AGENT_REFS];
        Git::new(here::environment(), &self.repo, "for-each-ref").args(arguments).line()
    }

    fn finish(&self, terminal: &Terminal) {
        if self.keep {
            terminal.eprintln("");
            terminal.hint(&format!("the repository is kept; try: {}", quote::command(&[&"cd", &self.repo])));
            terminal.hint("git orchestra status; git orchestra logs count; git orchestra worktrees");
            return;
        }
        terminal.eprintln("");
        if remove(&self.folder).is_ok() {
            terminal.eprintln("The scratch repository was removed; --keep keeps it.");
        }
        terminal.hint("in your own repository: git orchestra spawn --agent sh 'make test > report.txt'");
        terminal.hint("'git orchestra setup' installs man pages and completions");
    }
}

/// Removes the directory that the demo created.
fn remove(folder: &Path) -> std::io::Result<()> {
    fs::remove_dir_all(folder)
}
