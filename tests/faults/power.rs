//! A loss of power: files that were written in the last moment, and not synced to the disk, are empty, cut, or full of zeros.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use testkit::{Mode, SeededRandom, TestRepo};

use crate::{
    Job, Suite, lab,
    lab::Lab,
    operations::LOCKED,
    table::{Column, Finding},
};

/// The name of this fault on the command line.
pub(crate) const WORD: &str = "power";
/// How many of the damages by kind the short form tries.
const SHORT: u64 = 9;
/// How many trials of one operation the full form makes.
const MANY: u64 = 12;

/// What becomes of a file.
#[derive(Clone, Copy)]
pub(crate) enum Damage {
    Empty,
    Cut,
    Zeros,
}

impl Damage {
    const fn word(self) -> &'static str {
        match self {
            Self::Empty => "is empty",
            Self::Cut => "is cut",
            Self::Zeros => "is full of zeros",
        }
    }

    pub(crate) const ALL: [Self; 3] = [Self::Empty, Self::Cut, Self::Zeros];

    pub(crate) fn apply(self, path: &Path) {
        let Ok(content) = fs::read(path) else { return };
        let content = match self {
            Self::Empty => Vec::new(),
            Self::Cut => content[..content.len() / 2].to_vec(),
            Self::Zeros => vec![0; content.len()],
        };
        // Git makes its objects read-only, which does not hinder a disk.
        let permissions = fs::metadata(path).map(|found| found.permissions());
        let mut open = permissions.as_ref().expect("a file").clone();
        std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o600);
        fs::set_permissions(path, open).expect("its permissions");
        fs::write(path, content).expect("damaged");
        fs::set_permissions(path, permissions.expect("a file")).expect("its permissions");
    }
}

/// Runs an operation to its end; then the power fails. What was there before is not lost, and what the operation reported as done
/// is done.
pub(crate) fn after_operation(suite: &Suite<'_>, lab: &Lab<'_>, only: Option<u64>) {
    // The other end of a sync is another machine, and an agent that still runs has written nothing that was promised.
    let most = if suite.is_full { MANY } else { 2 };
    let numbers = only.map_or_else(|| (0..most).collect(), |one| vec![one]);
    for number in numbers {
        let damaged = std::sync::Mutex::new(Vec::new());
        let (_, found) = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            lab.attempt_then(Mode::Count, 0, &|lab, begun| {
                *damaged.lock().expect("a lock") = fail(lab, begun, suite.seed ^ number, number);
            })
        })) {
            Ok(done) => done,
            Err(panic) => {
                let why = Column::Stuck.says(format!("broke off: {}", crate::words(&*panic)));
                (crate::lab::Trial::default(), vec![why])
            }
        };
        let damaged = damaged.into_inner().expect("a lock");
        let found: Vec<Finding> =
            found.into_iter().map(|one| one.column.says(format!("{one} [damaged: {damaged:?}]"))).collect();
        suite.table.add("power fails after it", &format!("{} {WORD} {number}", lab.operation.name), &found);
    }
}

/// Damages the files of git and of ours that were written since `begun` and not synced: all of them, or a random half.
fn fail(lab: &Lab<'_>, begun: SystemTime, seed: u64, number: u64) -> Vec<String> {
    for (pid, _) in testkit::processes_in(&lab.world) {
        crate::supervisors::kill(pid);
    }
    let synced = lab.state.synced();
    let mut numbers = SeededRandom::from(seed);
    let damage = Damage::ALL[usize::try_from(number % 3).unwrap_or(0)];
    let mut damaged = Vec::new();
    for path in newest(&lab.world.dir().join(lab.operation.place).join(".git"), begun) {
        let Ok(found) = fs::metadata(&path) else { continue };
        if synced.contains(&found.ino()) || number >= 3 && numbers.below(2) == 0 {
            continue;
        }
        damage.apply(&path);
        damaged.push(path.strip_prefix(lab.world.dir()).unwrap_or(&path).display().to_string());
    }
    damaged
}

/// The files that are damaged one kind at a time, although they may have been synced: a disk that lies. `{id}` is the newest agent.
const KINDS: &[&str] = &[
    "index",
    "packed-refs",
    "refs/orchestra/agents/{id}",
    "refs/orchestra/heads/{id}",
    "refs/heads/orchestra/{id}",
    "worktrees/{id}/index",
    "worktrees/{id}/HEAD",
    "logs/HEAD",
    "objects",
    "orchestra/accepted.json",
    "orchestra/writer",
    "orchestra/diary",
    "orchestra/reserve",
    "orchestra/trash-clock",
    "orchestra",
];

/// Damages kinds of files.
pub(crate) fn jobs<'a>(suite: &'a Suite<'_>) -> Vec<Job<'a>> {
    vec![Job::new("power", move || {
        let lab = Lab::new(&LOCKED, suite.injector);
        let mut usual = None;
        let all = (KINDS.len() * 3) as u64;
        let mut numbers = SeededRandom::from(suite.seed);
        let mut any = |n: u64| numbers.between(n * all / SHORT, (n + 1) * all / SHORT - 1);
        let is_sample = !suite.is_full && suite.only().is_none();
        for number in suite.trials(SHORT, all) {
            let number = if is_sample { any(number) } else { number };
            let at = usize::try_from(number).expect("a number");
            let (kind, damage) = (KINDS[at / 3], Damage::ALL[at % 3]);
            let found = lab::caught_value(|| damaged(&lab, kind, damage, &mut usual));
            let found = found.unwrap_or_else(|why| vec![Column::Stuck.says(why)]);
            let found: Vec<Finding> = found
                .into_iter()
                .map(|one| one.column.says(format!("{kind} {}: {one}", damage.word())))
                .collect();
            suite.table.add("damaged files", &format!("power {number}"), &found);
        }
    })]
}

/// Damages the newest files of a kind, and uses the repository: what is older stays, what is damaged is said, and after the repair
/// everything works.
fn damaged(lab: &Lab<'_>, kind: &str, damage: Damage, usual: &mut Option<String>) -> Vec<Finding> {
    lab.restore();
    let repo = TestRepo::new(&lab.world, lab.world.dir().join("repo"));
    let doctor = || lab::run(&mut repo.orchestra_command(["doctor"]), &|| {}).said;
    let usual = usual.get_or_insert_with(doctor);
    let old: Vec<String> = repo.git(["rev-list", "--all"]).stdout().lines().map(str::to_owned).collect();
    let moment = SystemTime::now();
    repo.orchestra(["spawn", "--agent", "sh", "--name", "c", "--", "echo 3 > new"]).succeeded();
    let id = repo.agent("c")["id"].as_str().expect("an id").to_owned();
    if kind == "packed-refs" {
        repo.git(["pack-refs", "--all"]).succeeded();
    }
    let target = repo.path().join(".git").join(kind.replace("{id}", &id));
    let files = if target.is_dir() { newest(&target, moment) } else { BTreeSet::from([target]) };
    // Long-lived settings in the same folder are not of the last moment.
    let files = files
        .into_iter()
        .filter(|path| path.is_file() && fs::metadata(path).is_ok_and(|file| file.len() > 0));
    let files: Vec<PathBuf> = files.collect();
    for path in &files {
        damage.apply(path);
    }
    let mut wrong = Vec::new();
    let mut stuck = Vec::new();
    let mut run = |words: &[&str]| {
        let ended = lab::run(&mut repo.orchestra_command(words), &|| {});
        let is_bounded =
            ended.took < lab::AFTER_FAULT_LIMIT && ended.code.is_some() && !ended.said.contains("panicked");
        stuck.extend(Column::Stuck.unless(is_bounded, || format!("{words:?}: {ended:?}")));
        ended
    };
    let status = run(&["status"]);
    let diagnosis = run(&["doctor"]).said;
    // Our own files are caches, locks, and records that are made again.
    let must_be_said = !files.is_empty() && !kind.starts_with("orchestra") && !kind.starts_with("logs");
    let is_said = status.said.contains("warning") || status.said.contains("error") || diagnosis != *usual;
    run(&["doctor", "--fix", "--yes"]);
    if kind == "packed-refs" {
        // Git reads nothing any more, or the branch of the checkout is gone: this file can be restored by a person only.
        let is_refused = status.said.contains("error: ");
        wrong.extend(
            Column::Untrue.unless(is_refused || is_said, || format!("nothing says so: {}", status.said)),
        );
        return wrong;
    }
    let task = ["spawn", "--agent", "sh", "--name", "d", "--", "echo 4 > last"];
    let mut spawned = run(&task);
    // Whether the configuration was accepted is not known any more: a person has to say so again.
    if let Some(accept) = spawned.said.split_whitespace().find(|word| word.starts_with("--accept=")) {
        run(&["init", accept]);
        spawned = run(&task);
    }
    let listed = run(&["status", "--all", "--json"]);
    let landed = run(&["merge-ranked", "d-", "--dry-run"]);
    run(&["stop", "--all"]);
    wrong.extend(
        Column::Untrue.unless(is_said || !must_be_said, || format!("nothing says so: {}", status.said)),
    );
    for ended in [&spawned, &listed, &landed] {
        wrong.extend(Column::Stuck.unless(ended.code == Some(0), || {
            format!("after 'doctor --fix': {:?}; doctor said: {diagnosis}", ended.said)
        }));
    }
    wrong.extend(gone(&repo, &old, kind));
    wrong
}

/// Returns what was there before the last moment and is gone.
fn gone(repo: &TestRepo<'_>, old: &[String], kind: &str) -> Vec<Finding> {
    let mut wrong = Vec::new();
    for commit in old {
        let there = repo.command("git").args(["cat-file", "-e", commit]).status().expect("git").success();
        wrong.extend(Column::Lost.unless(there, || format!("commit {commit}")));
    }
    // A file with all packed refs takes the older ones with it.
    for name in ["a", "b"].into_iter().filter(|_| kind != "packed-refs") {
        let ran = repo.orchestra(["status", "--json", name]);
        let agent = if ran.code() == 0 { ran.json()["agents"][0].clone() } else { serde_json::Value::Null };
        let is_there = agent["phase"] == "done" && agent["liveness"] == "ended" && agent["commits"] == 1;
        wrong.extend(Column::Lost.unless(is_there, || format!("agent {name}: {agent} {}", ran.stderr())));
    }
    let file = repo.file_at("main", "landed");
    wrong.extend(Column::Lost.unless(file == "2\n", || "the file that had landed".to_owned()));
    wrong
}

/// Returns the files below a folder that were written since a moment.
pub(crate) fn newest(folder: &Path, since: SystemTime) -> BTreeSet<PathBuf> {
    let (mut found, mut open) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(about) = entry.metadata() else { continue };
            // Git touches an object that it would write again.
            let is_older = folder_of_objects(&entry.path()) && about.created().is_ok_and(|made| made < since);
            if about.is_dir() {
                open.push(entry.path());
            } else if about.is_file()
                && !is_older
                && SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(changed(&about)) >= since
            {
                found.insert(entry.path());
            }
        }
    }
    found
}

fn folder_of_objects(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "objects")
}

fn changed(about: &fs::Metadata) -> u64 {
    u64::try_from(about.ctime() * 1_000_000_000 + about.ctime_nsec()).unwrap_or(0)
}
