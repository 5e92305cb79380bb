//! Compares lists and searches of thousands of sessions with programs that only read the bytes.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use testkit::SeededRandom;

use crate::{
    anchor::{Row, median_of_turns},
    data::Lab,
};

/// The words of which the sessions are composed.
const WORDS: [&str; 16] = [
    "error", "rate", "queue", "limit", "the", "parser", "returns", "a", "value", "when", "file", "test",
    "fails", "branch", "merge", "again",
];

/// The number of sessions of which one contains the rare phrase.
const RARE: u64 = 50;

/// What is measured: sessions, and the programs that only read their bytes.
struct Archive<'a> {
    lab: &'a Lab,
    repo: PathBuf,
    projects: PathBuf,
    index: PathBuf,
}

impl Archive<'_> {
    fn ours(&self, arguments: &[&str]) -> Command {
        let mut command = self.lab.ours("git-orchestra-sessions");
        command.args(arguments);
        command
    }

    /// Returns the time of one of our commands.
    fn run(&self, arguments: &[&str]) -> Duration {
        self.lab.run(&mut self.ours(arguments), &self.repo)
    }

    /// Returns the time of one of our commands without the index.
    fn run_cold(&self, arguments: &[&str]) -> Duration {
        let _ = fs::remove_file(&self.index);
        self.run(arguments)
    }

    /// Returns the time of a shell command on the files of all sessions, whose folder is `$0`.
    fn shell(&self, script: &str) -> Duration {
        let mut command = self.lab.command("sh");
        self.lab.run(command.args(["-c", script]).arg(&self.projects), &self.repo)
    }
}

/// Measures lists and searches, of sessions of 600 MB or a tenth of it.
pub(crate) fn rows(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let files: u64 = if short { 100 } else { 1_000 };
    let repo = lab.repo("sessions", 1);
    let projects = lab.claude_projects();
    let bytes: u64 = (0..files).map(|number| write(&projects, number)).sum();
    // Otherwise the disk would be busy with them while others are measured.
    lab.run(&mut lab.command("sync"), &repo);
    let what = format!("{files} conversations, {} MB", bytes / 1_000_000);
    let index = repo.join(".git/orchestra/conversations");
    let archive = Archive { lab, repo, projects, index };
    let turns = if short { 3 } else { 7 };
    lists(&archive, &what, turns, short, show);
    searches(&archive, &what, turns, short, show);
    let commands: [(&str, &[&str]); 4] = [
        ("list", &["--all", "--json"]),
        ("whole list", &["--all", "--json", "--limit", "0"]),
        ("search of a rare phrase", &["search", "--all", "a rare needle"]),
        ("search of a common word", &["search", "--all", "--ids", "error"]),
    ];
    for (name, arguments) in commands {
        let _ = fs::remove_file(&archive.index);
        let peak = peak(&mut archive.ours(arguments), &archive.repo);
        println!("{name} of {what}: at most {peak} KiB resident (goal 30720)");
    }
}

fn lists(archive: &Archive<'_>, what: &str, turns: usize, short: bool, show: &mut impl FnMut(Row)) {
    // The goals apply to many sessions; with few, the cost of starting a process dominates.
    let goal = |many: f64, few: f64| if short { few } else { many };
    let mut read = || archive.shell("cat \"$0\"/*/*.jsonl");
    let commands: [(&str, &[&str], f64, f64); 2] = [
        ("list", &["--all", "--json"], goal(0.2, 0.5), goal(0.06, 0.25)),
        ("whole list", &["--all", "--json", "--limit", "0"], goal(0.9, 1.2), goal(0.1, 0.5)),
    ];
    for (name, arguments, cold, indexed) in commands {
        let (ours, anchor) = median_of_turns(turns, &mut || archive.run_cold(arguments), &mut read);
        show(Row::new(&format!("{name} of {what}, no index"), ours, anchor, cold));
        let (ours, anchor) = median_of_turns(turns, &mut || archive.run(arguments), &mut read);
        show(Row::new(&format!("{name} of {what}, index"), ours, anchor, indexed));
    }
}

fn searches(archive: &Archive<'_>, what: &str, turns: usize, short: bool, show: &mut impl FnMut(Row)) {
    // A search that stops at the first match reads little, so that starting the process and reading the index dominate.
    let first = if short { 4.0 } else { 2.5 };
    let searches: [(&str, &[&str], &str, f64); 4] = [
        ("a rare phrase", &["a rare needle"], "grep -c 'a rare needle'", 2.0),
        ("the same in any case", &["-i", "A Rare Needle"], "grep -ci 'a rare needle'", 2.0),
        ("a common word, only ids", &["--ids", "error"], "grep -l error", first),
        ("the same in any case", &["--ids", "-i", "Error"], "grep -li error", first),
    ];
    for (name, arguments, script, goal) in searches {
        let arguments = [&["search", "--all"] as &[&str], arguments].concat();
        let script = format!("{script} \"$0\"/*/*.jsonl | tail -n 1");
        let mut grep = || archive.shell(&script);
        let (ours, anchor) = median_of_turns(turns, &mut || archive.run(&arguments), &mut grep);
        show(Row::new(&format!("search for {name}, {what}"), ours, anchor, goal));
    }
}

/// Returns the peak memory of a command, in KiB.
fn peak(command: &mut Command, directory: &Path) -> u64 {
    let mut child = command
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process");
    let mut peak = 0;
    while child.try_wait().expect("a state").is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = now.unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_micros(200));
    }
    peak
}

/// Writes a session of 200 KB to 2 MB in the format of Claude Code; returns its size in bytes.
fn write(projects: &Path, number: u64) -> u64 {
    let mut dice = SeededRandom::from(0x5E55 + number);
    let folder: PathBuf = projects.join(format!("-home-u-proj{}", number % 40));
    fs::create_dir_all(&folder).expect("a folder");
    let most =
        if dice.below(10) < 8 { 200_000 + dice.below(500_000) } else { 700_000 + dice.below(1_300_000) };
    let id = format!("{number:08x}-0000-4000-8000-{:012x}", dice.next() & 0xffff_ffff_ffff);
    let mut text = String::with_capacity(most as usize + 50_000);
    let (cwd, branch) = (format!("/home/u/proj{}", number % 40), format!("feature/x{}", number % 7));
    for at in 0_u64.. {
        if text.len() as u64 >= most {
            break;
        }
        let lines = match dice.below(10) {
            0 => 60 + dice.below(160),
            1..=3 => 10 + dice.below(30),
            _ => 1 + dice.below(5),
        };
        let said: String = (0..lines).map(|_| line(&mut dice)).collect();
        let said = serde_json::to_string(&said).expect("JSON");
        let kind = if at % 2 == 0 { "user" } else { "assistant" };
        let message = match at % 4 {
            0 => format!("{{\"role\":\"user\",\"content\":{said}}}"),
            2 => format!(
                "{{\"role\":\"user\",\"content\":[{{\"tool_use_id\":\"t{at}\",\"type\":\"tool_result\",\"content\":{said}}}]}}"
            ),
            _ => format!(
                "{{\"id\":\"msg_{at}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{{\"type\":\"text\",\
                 \"text\":{said}}},{{\"type\":\"tool_use\",\"id\":\"t{at}\",\"name\":\"Bash\",\"input\":{{\"command\":\"cargo test\"}}}}],\
                 \"usage\":{{\"input_tokens\":{},\"output_tokens\":{}}}}}",
                dice.below(100),
                dice.below(2000)
            ),
        };
        let _ = writeln!(
            text,
            "{{\"isSidechain\":false,\"userType\":\"external\",\"cwd\":\"{cwd}\",\"sessionId\":\"{id}\",\"version\":\"2.0.1\",\
             \"gitBranch\":\"{branch}\",\"type\":\"{kind}\",\"message\":{message},\"uuid\":\"{:016x}\",\
             \"timestamp\":\"2026-01-{:02}T{:02}:{:02}:{:02}.123Z\"}}",
            dice.next(),
            1 + number % 28,
            at / 3600 % 24,
            at / 60 % 60,
            at % 60
        );
    }
    if number % RARE == 7 {
        let message = "{\"role\":\"user\",\"content\":\"a rare needle\"}";
        let _ = writeln!(
            text,
            "{{\"cwd\":\"{cwd}\",\"sessionId\":\"{id}\",\"type\":\"user\",\"message\":{message}}}"
        );
    }
    fs::write(folder.join(format!("{id}.jsonl")), &text).expect("a file");
    text.len() as u64
}

fn line(dice: &mut SeededRandom) -> String {
    let words: Vec<&str> = (0..4 + dice.below(10)).map(|_| WORDS[dice.below(16) as usize]).collect();
    format!("    {};\n", words.join(" "))
}
