//! Wraps git while git's own tests run: before each merge, and for every pair of branches and tags in the
//! repository, it asks the library and plain `git merge-tree` for their results, logs both, and then lets
//! git do what it was called for.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a program of the tests: it is started by scripts, and starts git"
)]

use std::{
    collections::hash_map::DefaultHasher,
    ffi::OsString,
    fs::OpenOptions,
    hash::{Hash, Hasher},
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use orchestra::{
    git::{
        Oid, Repo,
        merging::{Judgement, MergePlace, MergeRules, merge_on_trial},
        worktrees::Checkout,
    },
    world::Environment,
};

/// The variables that name the real git, the log, and the running script.
const REAL: &str = "JUDGING_GIT_REAL";
const LOG: &str = "JUDGING_GIT_LOG";
const SCRIPT: &str = "JUDGING_GIT_SCRIPT";
/// The first argument of a call that compares.
const JUDGE: &str = "--judge";
/// The time limit of one merge: some drivers in the tests block.
const LIMIT: Duration = Duration::from_secs(5);
/// The number of branches and tags that are compared with one another.
const MOST_TIPS: usize = 7;

fn main() {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == JUDGE) {
        let words: Vec<String> =
            arguments[1..].iter().map(|word| word.to_string_lossy().into_owned()).collect();
        if let Err(why) = judge(&words) {
            note(&format!("not judged\t{why}"));
        }
        return;
    }
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if let (Some(question), Ok(program)) = (Question::of(&words), std::env::current_exe()) {
        let mut command = Command::new(program);
        command.arg(JUDGE).args(&question.commits).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("GIT_CONFIG_COUNT", question.settings.len().to_string());
        for (at, setting) in question.settings.iter().enumerate() {
            let (key, value) = setting.split_once('=').unwrap_or((setting, "true"));
            command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        command.current_dir(question.directory.unwrap_or_else(|| PathBuf::from(".")));
        if let Ok(mut child) = command.process_group(0).spawn() {
            let _ = child.wait();
            // A blocking driver remains after the git that was killed.
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        }
    }
    let error = Command::new(std::env::var_os(REAL).unwrap_or_default()).args(arguments).exec();
    eprintln!("cannot run git: {error}");
    std::process::exit(127);
}

/// The commits that a call of git merges.
struct Question {
    settings: Vec<String>,
    directory: Option<PathBuf>,
    commits: [String; 2],
}

impl Question {
    /// Returns `None` if the call is not a merge of two commits by the usual strategy.
    fn of(words: &[String]) -> Option<Self> {
        let tied = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_CONFIG_COUNT"];
        if tied.iter().any(|name| std::env::var_os(name).is_some()) {
            return None;
        }
        let (mut settings, mut directory, mut words) = (Vec::new(), None, words.iter());
        let verb = loop {
            match words.next()?.as_str() {
                "-c" => settings.push(words.next()?.clone()),
                "-C" => directory = Some(PathBuf::from(words.next()?)),
                option if option.starts_with('-') => return None,
                verb => break verb,
            }
        };
        let mut named: Vec<&String> = Vec::new();
        while let Some(word) = words.next() {
            match word.as_str() {
                "-m" | "-F" | "--file" | "--into-name" => drop(words.next()),
                "-s" | "--strategy" if !matches!(words.next()?.as_str(), "ort" | "recursive") => return None,
                "-s" | "--strategy" => {}
                other
                    if ["-X", "--strategy", "--merge-base", "--trivial", "--stdin"]
                        .iter()
                        .any(|no| other.starts_with(no)) =>
                {
                    return None;
                }
                option if option.starts_with('-') => {}
                _ => named.push(word),
            }
        }
        let commits = match (verb, named.as_slice()) {
            ("merge", [theirs]) => ["HEAD".to_owned(), (*theirs).clone()],
            ("merge-tree", [ours, theirs]) => [(*ours).clone(), (*theirs).clone()],
            _ => return None,
        };
        Some(Self { settings, directory, commits })
    }
}

fn judge(words: &[String]) -> Result<(), String> {
    let said = |arguments: &[&str]| -> Result<String, String> {
        let output = git().args(arguments).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!(
                "git {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            ));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let mut tips: Vec<Oid> = Vec::new();
    for word in words {
        let name = format!("{word}^{{commit}}");
        // Git itself reports a name that it cannot resolve.
        let Ok(id) = said(&["rev-parse", "--quiet", "--verify", &name]) else { return Ok(()) };
        tips.extend(Oid::parse(&id));
    }
    let format = "--format=%(objecttype) %(objectname) %(*objecttype) %(*objectname)";
    for line in said(&["for-each-ref", format, "refs/heads", "refs/tags"])?.lines() {
        let found: Vec<&str> = line.split(' ').collect();
        let commit =
            found.chunks(2).find(|pair| pair[0] == "commit").and_then(|pair| Oid::parse(pair.get(1)?));
        tips.extend(commit.filter(|commit| tips.len() < MOST_TIPS && !tips.contains(commit)));
    }
    let git_dir = PathBuf::from(said(&["rev-parse", "--absolute-git-dir"])?);
    let path = PathBuf::from(said(&["rev-parse", "--show-toplevel"])?);
    let repo = Repo::discover(&Environment::of_this_process().at(Path::new(".")))
        .map_err(|error| error.one_line())?;
    let settings = said(&["config", "--list"]).unwrap_or_default();
    let attributes = [path.join(".gitattributes"), git_dir.join("info/attributes")];
    let attributes: Vec<Vec<u8>> =
        attributes.iter().map(|file| std::fs::read(file).unwrap_or_default()).collect();
    if !is_new(&(format!("{tips:?}"), settings, attributes)) {
        return Ok(());
    }
    let pairs: Vec<(usize, usize)> = (0..tips.len())
        .flat_map(|b| (0..b).map(move |a| (a, b)))
        .filter(|&(a, b)| tips[a] != tips[b])
        .collect();
    let place = MergePlace::of_checkout(&repo, Checkout { git_dir, path: path.clone() }, LIMIT);
    let place = place.map_err(|error| error.one_line())?;
    let mut rules = MergeRules::read(&repo, &place).map_err(|error| error.one_line())?;
    let found =
        merge_on_trial(&repo, &place, &mut rules, &tips, &pairs).map_err(|error| error.one_line())?.found;
    for (&(a, b), trial) in pairs.iter().zip(found) {
        let ours = match &trial.judgement {
            Judgement::Merges => "clean".to_owned(),
            Judgement::Conflicts(clash) => format!("conflict {}", clash.files),
            Judgement::Unknown(_) => "none".to_owned(),
        };
        let gits = by_git(tips[a], tips[b]);
        let asked = if (a, b) == (0, 1) { "merge" } else { "pair" };
        let (here, how) = (path.display(), trial.method);
        note(&format!("{asked}\t{how:?}\t{ours}\t{gits}\t{}\t{}\t{here}", tips[a], tips[b]));
    }
    Ok(())
}

fn git() -> Command {
    let mut command = Command::new(std::env::var_os(REAL).unwrap_or_default());
    command.stdin(Stdio::null());
    command
}

/// Returns the result of plain git on two commits, in the same format; `none` if it fails or blocks.
fn by_git(ours: Oid, theirs: Oid) -> String {
    let Ok(scratch) = tempfile::tempdir() else { return "no temporary folder".to_owned() };
    let objects = git().args(["rev-parse", "--path-format=absolute", "--git-path", "objects"]).output();
    let objects =
        objects.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).unwrap_or_default();
    let mut command = Command::new("timeout");
    command.arg(LIMIT.as_secs().to_string()).arg(std::env::var_os(REAL).unwrap_or_default());
    command.args(["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z"]);
    command.args([ours.to_string(), theirs.to_string()]).stdin(Stdio::null());
    command.env("GIT_OBJECT_DIRECTORY", scratch.path()).env("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects);
    // The output goes to a file: a blocking driver could keep a pipe open forever.
    let answer = scratch.path().join("answer");
    let Ok(file) = std::fs::File::create(&answer) else { return "no temporary file".to_owned() };
    let Ok(status) = command.stdout(file).stderr(Stdio::null()).status() else {
        return "git does not run".to_owned();
    };
    let said = std::fs::read(answer).unwrap_or_default();
    let files = said.split(|byte| *byte == 0).filter(|word| !word.is_empty()).skip(1).count();
    match status.code() {
        Some(0) => "clean".to_owned(),
        Some(1) => format!("conflict {files}"),
        _ => "none".to_owned(),
    }
}

/// Whether this situation has not been compared in this script yet.
fn is_new(situation: &impl Hash) -> bool {
    let mut hasher = DefaultHasher::new();
    situation.hash(&mut hasher);
    let mut name = std::env::var_os(LOG).unwrap_or_default();
    name.push(format!(".{}.{:016x}", std::env::var(SCRIPT).unwrap_or_default(), hasher.finish()));
    OpenOptions::new().write(true).create_new(true).open(name).is_ok()
}

fn note(text: &str) {
    let line = format!("{}\t{text}\n", std::env::var(SCRIPT).unwrap_or_default());
    let log = OpenOptions::new().append(true).create(true).open(std::env::var_os(LOG).unwrap_or_default());
    let _ = log.and_then(|mut log| log.write_all(line.as_bytes()));
}
