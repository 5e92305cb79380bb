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

/// Measures lists and searches, of sessions of 1.25 GB or a tenth of it.
pub(crate) fn rows(lab: &Lab, short: bool, show: &mut impl FnMut(Row)) {
    let files: u64 = if short { 200 } else { 2_000 };
    let repo = lab.repo("sessions", 1);
    let projects = lab.claude_projects();
    let bytes: u64 = (0..files).map(|number| write(&projects, number)).sum();
    // Otherwise the disk would be busy with them while others are measured.
    lab.run(&mut lab.command("sync"), &repo);
    let what = format!("{files} conversations, {} MB", bytes / 1_000_000);
    let index = repo.join(".git/orchestra/conversations");
    let turns = if short { 5 } else { 9 };
    let shell = |script: &str| {
        let mut command = lab.command("sh");
        command.args(["-c", script]).arg(&projects);
        command
    };
    let all = || {
        let mut command = lab.ours("git-orchestra-sessions");
        command.args(["--all", "--json"]);
        command
    };
    let mut read = || lab.run(&mut shell("cat \"$0\"/*/*.jsonl"), &repo);
    let mut cold = || {
        let _ = fs::remove_file(&index);
        lab.run(&mut all(), &repo)
    };
    // The goals apply to many sessions; with few, the cost of starting a process dominates.
    let (without, with) = if short { (0.5, 0.25) } else { (0.2, 0.06) };
    let (ours, anchor) = median_of_turns(turns, &mut cold, &mut read);
    show(Row::new(&format!("list of {what}, no index"), ours, anchor, without));
    let (ours, anchor) = median_of_turns(turns, &mut || lab.run(&mut all(), &repo), &mut read);
    show(Row::new(&format!("list of {what}, index"), ours, anchor, with));
    let mut grep = || lab.run(&mut shell("grep -c 'queue limit the' \"$0\"/*/*.jsonl | tail -n 1"), &repo);
    let mut search = || {
        let mut command = lab.ours("git-orchestra-sessions");
        lab.run(command.args(["search", "--all", "--ids", "queue limit the"]), &repo)
    };
    let (ours, anchor) = median_of_turns(turns, &mut search, &mut grep);
    show(Row::new(&format!("search in {what}, to grep -c"), ours, anchor, 2.0));
    let _ = fs::remove_file(&index);
    println!("list of {what}: at most {} KiB resident (goal 30720)", peak(&mut all(), &repo));
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
    fs::write(folder.join(format!("{id}.jsonl")), &text).expect("a file");
    text.len() as u64
}

fn line(dice: &mut SeededRandom) -> String {
    let words: Vec<&str> = (0..4 + dice.below(10)).map(|_| WORDS[dice.below(16) as usize]).collect();
    format!("    {};\n", words.join(" "))
}
