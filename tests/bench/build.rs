//! What an installation costs, and what a developer waits for after a change: CPU seconds, seconds, and megabytes, which have no anchor.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The goals for an installation: CPU seconds with the crates downloaded, and megabytes of programs.
const INSTALL_GOAL: (f64, f64) = (360.0, 70.0);
/// The ticks of the times in `/proc`, per second.
const TICKS: f64 = 100.0;
/// How often the loop of a developer is measured.
const LOOPS: usize = 3;

/// Prints what all programs in a directory take.
pub(crate) fn sizes(bins: &Path) {
    let is_ours = |name: &str| name.starts_with("git-orchestra") && !name.contains('.');
    let files = fs::read_dir(bins).expect("a directory").flatten();
    let sizes: Vec<u64> = files
        .filter(|file| file.file_name().to_str().is_some_and(is_ours))
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .collect();
    let (all, most) = (sizes.iter().sum::<u64>(), sizes.iter().max().copied().unwrap_or_default());
    println!(
        "{} programs: {:.1} MB in all (goal {}), the largest {:.1} MB",
        sizes.len(),
        megabytes(all),
        INSTALL_GOAL.1,
        megabytes(most)
    );
}

/// Installs the suite into a new directory with nothing compiled before, and prints its cost.
pub(crate) fn install() {
    let scratch = tempfile::tempdir().expect("a directory");
    let mut command = cargo(&["install", "--path", ".", "--locked", "--quiet"]);
    command.arg("--root").arg(scratch.path().join("root"));
    command.arg("--target-dir").arg(scratch.path().join("target"));
    let (cpu, wall) = cost(&mut command);
    println!("an installation: {cpu:.0} CPU s (goal {}), {:.0} s", INSTALL_GOAL.0, wall.as_secs_f64());
    sizes(&scratch.path().join("root/bin"));
}

/// Prints what it costs to compile and run one test after an operation was touched.
pub(crate) fn developer_loop() {
    let mut test = cargo(&["test", "--locked", "--quiet", "--test", "suite", "--", "status::nothing"]);
    cost(&mut test);
    let operation = root().join("shared/src/ops/status.rs");
    let mut turns: Vec<(Duration, f64)> = (0..LOOPS)
        .map(|_| {
            let file = fs::File::options().append(true).open(&operation).expect("an operation");
            file.set_modified(std::time::SystemTime::now()).expect("touched");
            let (cpu, wall) = cost(&mut test);
            (wall, cpu)
        })
        .collect();
    turns.sort_by_key(|turn| turn.0);
    let (wall, cpu) = turns[LOOPS / 2];
    println!("an operation touched, one test run: {:.1} s, {cpu:.1} CPU s", wall.as_secs_f64());
}

/// Runs a command, and returns its CPU time in seconds, with all processes that it waited for, and its time.
fn cost(command: &mut Command) -> (f64, Duration) {
    let (before, begun) = (children_seconds(), Instant::now());
    assert!(command.status().expect("cargo").success(), "{command:?}");
    (children_seconds() - before, begun.elapsed())
}

/// Returns the CPU time of all ended children of this process and their children, in seconds.
fn children_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("the system's figures");
    // The name in parentheses may contain anything; the first field after it is the third of all.
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |field: usize| fields[field - 3].parse::<f64>().expect("ticks");
    (ticks(16) + ticks(17)) / TICKS
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root()).stdout(Stdio::null());
    command
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[expect(clippy::cast_precision_loss, reason = "a size that is shown")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
