//! Locks that a killed program left behind, or that another program holds: every command finishes, or refuses in words with the one
//! command that helps, and that command does help.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use testkit::{SeededRandom, TestRepo};

use crate::{
    Job, Suite, lab,
    lab::{Ended, Lab},
    operations::LOCKED,
    table::{Column, Finding},
};

/// The longest time that a command may wait for a lock.
const LONGEST: Duration = Duration::from_secs(45);
/// How many pairs of a lock and a command the short form tries.
const SHORT: u64 = 40;

/// The locks, below the common git directory; `{id}` is the agent that has not landed. An entry `own` stands for all our own files.
const LOCKS: &[&str] = &[
    "HEAD.lock",
    "index.lock",
    "config.lock",
    "packed-refs.lock",
    "shallow.lock",
    "gc.pid",
    "gc.pid.lock",
    "refs/heads/main.lock",
    "refs/heads/orchestra/{id}.lock",
    "refs/orchestra/agents/{id}.lock",
    "refs/orchestra/heads/{id}.lock",
    "refs/orchestra-local/snapshots/{id}.lock",
    "refs/remotes/origin/main.lock",
    "worktrees/{id}/index.lock",
    "worktrees/{id}/HEAD.lock",
    "objects/maintenance.lock",
    "objects/info/commit-graphs/commit-graph-chain.lock",
    "own",
];

/// The commands; `{id}` is the same agent.
const COMMANDS: &[&[&str]] = &[
    &["status"],
    &["status", "--json"],
    &["logs", "{id}"],
    &["diff", "{id}"],
    &["worktrees"],
    &["sessions"],
    &["config"],
    &["doctor"],
    &["doctor", "--fix", "--yes"],
    &["init"],
    &["spawn", "--agent", "sh", "--name", "new", "--", "echo 3 > new"],
    &["collect", "{id}"],
    &["stop", "{id}"],
    &["stop", "--all"],
    &["pause", "--all"],
    &["send", "{id}", "a message"],
    &["resume", "{id}"],
    &["review", "{id}", "--approve"],
    &["merge-ranked", "--dry-run"],
    &["merge-ranked", "{id}"],
    &["cleanup"],
    &["cleanup", "--force", "{id}"],
    &["undo"],
    &["undo", "--list"],
    &["sync", "--yes"],
    &["sync", "--fetch"],
    &["slot", "--", "true"],
];

pub(crate) fn jobs<'a>(suite: &'a Suite<'_>) -> Vec<Job<'a>> {
    let all = (LOCKS.len() * COMMANDS.len() * 2) as u64;
    let mut wanted: Vec<u64> = match suite.only() {
        Some(only) => vec![only],
        None if suite.is_full => (0..all).collect(),
        None => {
            let mut numbers = SeededRandom::from(suite.seed);
            let most = SHORT.max(suite.most).min(all);
            (0..most).map(|n| numbers.between(n * all / most, (n + 1) * all / most - 1)).collect()
        }
    };
    // Two halves for two processors.
    let half = wanted.split_off(wanted.len() / 2);
    let halves = [wanted, half].into_iter().filter(|half| !half.is_empty());
    halves.map(|half| Job::new("locks", move || try_all(suite, &half))).collect()
}

fn try_all(suite: &Suite<'_>, numbers: &[u64]) {
    let lab = Lab::new(&LOCKED, suite.injector);
    let mut without = BTreeMap::new();
    for number in numbers {
        let at = usize::try_from(*number).expect("a number");
        let (lock, command) = (LOCKS[at / 2 / COMMANDS.len()], COMMANDS[at / 2 % COMMANDS.len()]);
        let is_held = at % 2 == 1;
        let found = lab::caught_value(|| attempt(&lab, lock, command, is_held, &mut without));
        let found = found.unwrap_or_else(|why| vec![Column::Stuck.says(why)]);
        let found: Vec<Finding> = found
            .into_iter()
            .map(|one| one.column.says(format!("{lock}, '{}': {one}", command.join(" "))))
            .collect();
        let row = if is_held { "locks of others" } else { "stale locks" };
        suite.table.add(row, &format!("locks {number}"), &found);
    }
}

fn attempt(
    lab: &Lab<'_>,
    lock: &str,
    command: &[&str],
    is_held: bool,
    without: &mut BTreeMap<String, Option<i32>>,
) -> Vec<Finding> {
    let repo = TestRepo::new(&lab.world, lab.world.dir().join("repo"));
    let id = |repo: &TestRepo<'_>| repo.agent("a")["id"].as_str().expect("an id").to_owned();
    lab.restore();
    let id = id(&repo);
    let words: Vec<String> = command.iter().map(|word| word.replace("{id}", &id)).collect();
    let run = || lab::run(&mut repo.orchestra_command(&words), &|| {});
    let usual = *without.entry(words.join(" ")).or_insert_with(|| {
        let usual = run().code;
        lab.restore();
        usual
    });
    let held = make(&repo, &lock.replace("{id}", &id), is_held);
    let before = fs::read(repo.path().join("file.txt")).expect("a file");
    let ended = run();
    let mut wrong = Vec::new();
    wrong.extend(Column::Stuck.unless(ended.took < LONGEST, || format!("took {} s", ended.took.as_secs())));
    drop(held);
    if ended.code != usual {
        wrong.extend(refused(lab, &repo, &ended, usual, &run));
    }
    let now = fs::read(repo.path().join("file.txt")).expect("a file");
    wrong.extend(Column::Untrue.unless(now == before, || "a file of the checkout changed".to_owned()));
    let _ = lab::run(&mut repo.orchestra_command(["stop", "--all"]), &|| {});
    wrong
}

/// Checks a refusal: it names a lock and a command, and after that command the refused one finishes.
fn refused(
    lab: &Lab<'_>,
    repo: &TestRepo<'_>,
    ended: &Ended,
    usual: Option<i32>,
    run: &dyn Fn() -> Ended,
) -> Option<Finding> {
    let said = ended.said.split_whitespace().collect::<Vec<_>>().join(" ");
    if !said.contains("lock") || said.contains("panicked") {
        return Some(
            Column::Untrue.says(format!("ended with {:?} without a word on the lock: {said}", ended.code)),
        );
    }
    let Some(helps) = helping(&ended.said) else {
        return Some(Column::Untrue.says(format!("names no command that helps: {said}")));
    };
    let mut shell = lab.world.command("sh", repo.path());
    let helped = lab::run(shell.args(["-c", &helps]), &|| {});
    // A landing that was refused in the middle is continued, as a second hint says.
    let next = "merge-ranked --continue";
    let again = match ended.said.contains(next) {
        true => lab::run(&mut repo.orchestra_command(next.split(' ')), &|| {}),
        false => run(),
    };
    Column::Stuck.unless(again.code == usual, || {
        format!(
            "refused with {:?}: {said}; after '{helps}' ({:?}) it ended with {:?} instead of {usual:?}: {}",
            ended.code, helped.code, again.code, again.said
        )
    })
}

/// Returns the command of the hint that helps.
fn helping(said: &str) -> Option<String> {
    let hints = said.lines().filter_map(|line| line.trim_start().strip_prefix("hint: "));
    let mut found = hints.filter_map(|hint| {
        let at = hint.find("rm ").or_else(|| hint.find("git orchestra "))?;
        // A command inside a sentence is quoted.
        let is_quoted = hint[..at].ends_with('\'');
        let command = &hint[at..];
        Some(if is_quoted { command.split('\'').next().unwrap_or(command) } else { command }.to_owned())
    });
    let first = found.next();
    first.or_else(|| said.contains("try again").then(|| "true".to_owned()))
}

/// Makes a lock an hour old; a held one is open in this process as long as what is returned.
fn make(repo: &TestRepo<'_>, name: &str, is_held: bool) -> Vec<File> {
    let git_dir = repo.path().join(".git");
    if name == "own" {
        return own(&git_dir.join("orchestra"));
    }
    let path = git_dir.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let content = if name == "gc.pid" { "4194303 elsewhere\n" } else { "" };
    fs::write(&path, content).expect("a lock");
    let file = File::options().write(true).open(&path).expect("a lock");
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).expect("a time");
    if is_held { vec![file] } else { Vec::new() }
}

/// Leaves our own lock files with the records of dead owners, or nonsense.
fn own(folder: &Path) -> Vec<File> {
    let mut open: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() {
                open.push(path);
            } else if name.contains("lock") || folder.ends_with("locks") || folder.ends_with("slots") {
                fs::write(&path, "{\"pid\":4194303}").expect("a lock");
            }
        }
    }
    Vec::new()
}
