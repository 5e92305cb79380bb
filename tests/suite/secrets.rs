//! Secrets are not sent by `sync`; other text is sent.

use std::{
    fs,
    path::{Path, PathBuf},
};

use orchestra::model::secret;
use testkit::{SeededRandom, TestRepo};

use crate::{
    sync::{clone, first, sync},
    world,
};

const PLAIN: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";

/// Secrets as vendors issue them: `{kind:length}` is that many characters of that kind.
const ISSUED: &[&str] = &[
    "AKIA{C:16}",
    "aws_secret_access_key = {P:40}",
    "ghp_{P:36}",
    "ghs_{P:36}",
    "github_pat_{P:22}_{P:59}",
    "glpat-{P:20}",
    "xoxb-{H:12}-{H:12}-{P:24}",
    "https://hooks.slack.com/services/T{C:8}/B{C:8}/{P:24}",
    "sk_live_{P:24}",
    "whsec_{P:32}",
    "sk-ant-api03-{P:93}-{P:6}AA",
    "sk-proj-{P:48}",
    "sk-{P:48}",
    "AIza{P:35}",
    "GOCSPX-{P:28}",
    "npm_{P:36}",
    "pypi-AgEIcHlwaS5vcmc{P:150}",
    "cio{P:32}",
    "SG.{P:22}.{P:43}",
    "dop_v1_{H:64}",
    "hf_{P:34}",
    "dapi{H:32}",
    "dckr_pat_{P:27}",
    "hvs.{P:90}",
    "glsa_{P:32}_{H:8}",
    "shpat_{H:32}",
    "ATATT3xFfGF0{P:180}",
    "lin_api_{P:40}",
    "PMAK-{H:24}-{H:34}",
    "figd_{P:40}",
    "AccountKey={P:86}==",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx{P:20}.{P:43}",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n{P:70}\n-----END OPENSSH PRIVATE KEY-----",
    "postgres://app:{P:16}@db.example.com/app",
    "Authorization: Bearer {P:40}",
    "DB_PASSWORD={P:20}",
    "api_key: \"{P:32}\"",
];

/// Contexts in which secrets appear.
const CONTEXTS: &[&str] =
    &["{}", "use {} for it", "export X='{}'", "{\"key\":\"{}\"}", "line\n{}\nline", "(`{}`)"];

pub(crate) fn from_pattern(pattern: &str, numbers: &mut SeededRandom) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (order, after) = after.split_once('}').expect("an end");
        let (kind, length) = order.split_once(':').expect("a length");
        let from = match kind {
            "P" => PLAIN,
            "C" => CAPITALS,
            _ => HEX,
        };
        out.push_str(before);
        for _ in 0..length.parse::<usize>().expect("a number") {
            let at = usize::try_from(numbers.below(from.len() as u64)).expect("small");
            out.push(char::from(from.as_bytes()[at]));
        }
        rest = after;
    }
    out + rest
}

#[test]
fn planted_secrets_are_found_and_clean_text_is_not() {
    let mut numbers = SeededRandom::from(7);
    let (mut planted, mut missed) = (0, Vec::new());
    for pattern in ISSUED {
        for around in CONTEXTS {
            for _ in 0..5 {
                let text = around.replacen("{}", &from_pattern(pattern, &mut numbers), 1);
                planted += 1;
                if secret::first_secret(&text).is_none() {
                    missed.push(text);
                }
            }
        }
    }
    let mut clean = lines(Path::new(env!("CARGO_MANIFEST_DIR")));
    for _ in 0..2000 {
        for pattern in [
            "commit {H:40}",
            "session {H:8}-{H:4}-4{H:3}-a{H:3}-{H:12}",
            "sha256-{P:43}=",
            "v1.2.{H:2}-rc{H:1}",
            "/tmp/x{P:10}/y",
        ] {
            clean.push(from_pattern(pattern, &mut numbers));
        }
    }
    for file in files(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        let bytes = fs::read(&file).unwrap_or_default();
        for reading in secret::decoding::decodings(&bytes) {
            assert_eq!(secret::find(&reading), [], "{}", file.display());
        }
    }
    let alarms: Vec<&String> = clean.iter().filter(|line| secret::first_secret(line).is_some()).collect();
    let found = planted - missed.len();
    println_numbers(found, planted, alarms.len(), clean.len());
    assert!(found * 100 >= planted * 99, "missed: {missed:?}");
    assert!(alarms.len() * 100 < clean.len(), "{alarms:?}");
}

#[expect(clippy::print_stdout, reason = "the numbers are what the test is for")]
fn println_numbers(found: usize, planted: usize, alarms: usize, clean: usize) {
    println!("secrets: {found} of {planted} found; {alarms} false alarms in {clean} clean lines");
}

/// Returns our own sources and man pages, except those about secrets.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut open: Vec<_> =
        ["bins", "shared", "tests", "man"].iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if let Ok(entries) = fs::read_dir(&path) {
            open.extend(entries.flatten().map(|entry| entry.path()));
        } else if !path.to_string_lossy().contains("secret") {
            files.push(path);
        }
    }
    files
}

/// Returns all their lines.
fn lines(root: &Path) -> Vec<String> {
    let text = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    files(root)
        .into_iter()
        .flat_map(|path| text(path).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Returns the word that follows some words in a text.
pub(crate) fn word_after(text: &str, words: &str) -> String {
    let rest = text.split_once(words).expect("those words").1;
    rest.split_whitespace().next().expect("a word").to_owned()
}

/// Whether any object of a repository contains a text.
fn holds(repo: &TestRepo<'_>, text: &str) -> bool {
    repo.git(["cat-file", "--batch", "--batch-all-objects", "--buffer"]).stdout().contains(text)
}

#[test]
fn a_secret_is_held_and_can_be_redacted() {
    let world = world();
    let (a, b) = (first(&world), clone(&world, "b"));
    let hub = TestRepo::new(&world, world.dir().join("hub.git"));
    let key = from_pattern("ghp_{P:36}", &mut SeededRandom::from(1));
    let id = a.spawn(&format!("echo ok > one.txt; git add one.txt; git commit -qm 'with {key}'"));
    a.end_of(&id);
    a.orchestra(["review", &id, "--approve"]).succeeded();
    a.orchestra(["collect"]).succeeded();
    let said = a
        .orchestra(["sync"])
        .exits(1)
        .stderr_has("looks like a GitHub token")
        .stderr_has("--redact")
        .stderr();
    assert!(hub.refs("refs/orchestra/agents").is_empty() && hub.refs("refs/orchestra/heads").is_empty());
    let event = word_after(&said, "event ");
    let before = a.agent(&id);
    a.orchestra(["sync", "--redact", &event]).succeeded();
    let after = a.agent(&id);
    assert!(after["title"].as_str().is_some_and(|title| title.contains("[taken out]")), "{after}");
    assert_eq!(
        (&after["phase"], &after["head"], &after["verdict"]),
        (&before["phase"], &before["head"], &before["verdict"])
    );
    // The agent committed it.
    a.orchestra(["sync"]).exits(1).stderr_has("commit ").stderr_has("git commit --amend");
    world.git(&a.worktree(&id), ["commit", "-q", "--amend", "-m", "without it"]);
    a.orchestra(["collect", &id]).succeeded();
    sync(&a);
    sync(&b);
    assert_eq!(
        (b.agent(&id)["phase"].clone(), b.file_in_head(&id, "one.txt")),
        ("done".into(), "ok\n".into())
    );
    assert!(!holds(&hub, &key) && !holds(&b, &key));
    a.orchestra(["sync", "--redact", "zzzz"]).exits(3).stderr_has("0 events have an id that begins with");
}

#[test]
fn a_token_of_a_task_gets_into_no_commit_that_is_pushed() {
    let world = world();
    let repo = world.repo();
    let key = from_pattern("ghp_{P:36}", &mut SeededRandom::from(2));
    let id = repo.spawn(&format!("export T={key}; echo ok > one.txt"));
    repo.end_of(&id);
    repo.orchestra(["merge-ranked", &id]).succeeded();
    let log = repo.git(["log", "--branches", "--format=%D%n%B"]).stdout();
    assert!(log.contains("export T=[taken out]; echo ok") && !log.contains("ghp_"), "{log}");
    assert!(log.contains(&format!("Orchestra-Agent: {id}")) && !id.contains("ghp"), "{log}");
}

#[test]
fn values_of_the_environment_and_earlier_commits_are_scanned() {
    let world = world();
    let a = first(&world);
    let id = a.spawn("echo ok > one.txt # use correct horse battery");
    a.end_of(&id);
    let with = |arguments: &[&str]| {
        testkit::Ran::of(a.orchestra_command(arguments).env("DEPLOY_TOKEN", "correct horse battery"))
    };
    let said = with(&["sync"]).exits(1).stderr_has("the value of $DEPLOY_TOKEN").stderr();
    let event = word_after(&said, "event ");
    // The user declares that it is not a secret: this also applies to the commit that repeats it. A remote
    // has it now, and it cannot be recalled.
    a.git(["config", "orchestra.notSecret", &event]);
    with(&["sync"]).succeeded();
    with(&["sync", "--redact", &event])
        .exits(3)
        .stderr_has("origin already has event")
        .stderr_has("revoke the secret");
    assert!(!holds(&a, "no such text at all"));
}
