//! `sessions`: the sessions of opencode, from recorded answers of the real program; `tests/real` runs the
//! real one.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::{Value, json};
use testkit::{TestRepo, World};

use crate::{
    completions,
    sessions::{copy, listed, one},
    world,
};

const WRITER: &str = "ses_e002c9deaffeaa51JXacGUVD2D";
const NAMED: &str = "ses_e002c6e7cffeLsEm4QRe74zcJv";
const INNER: &str = "ses_e002c661cffe6TNNKErNjoh9nq";
/// Replies with the recorded answers, and logs its arguments.
const PROGRAM: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$1" >>asked
case $1 in
db) if test -e broken; then echo 'no such column' >&2; exit 1; fi; cat db.tsv ;;
export) cat "$2.json" ;;
import) cat "$2" >>imported ;;
*) echo "$@"; cat ;;
esac
"#;

/// A fake opencode with its answers, in its own directory.
struct Opencode(PathBuf);

impl Opencode {
    fn set(world: &World, repo: &TestRepo<'_>) -> Self {
        let folder = world.dir().join("opencode");
        let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/opencode");
        copy(&fixtures, &folder, &repo.path().to_string_lossy());
        let program = folder.join("opencode");
        fs::write(&program, PROGRAM).expect("a file");
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("a mode");
        repo.git(["config", "orchestra.agent.opencode.program", &program.to_string_lossy()]);
        let data = world.home().join(".local/share/opencode");
        fs::create_dir_all(&data).expect("a folder");
        fs::write(data.join("opencode.db"), "a database").expect("a file");
        Self(folder)
    }

    /// Returns the arguments that were logged since the last call.
    fn asked(&self) -> String {
        let asked = fs::read_to_string(self.0.join("asked")).unwrap_or_default();
        fs::write(self.0.join("asked"), "").expect("a file");
        asked
    }

    /// Changes the database: its log grows.
    fn change(world: &World) {
        let log = world.home().join(".local/share/opencode/opencode.db-wal");
        let before = fs::read(&log).unwrap_or_default();
        fs::write(log, [before, b"more".to_vec()].concat()).expect("a file");
    }
}

#[test]
fn every_field_is_what_the_program_reports() {
    let world = world();
    let repo = world.repo();
    let opencode = Opencode::set(&world, &repo);
    let here = repo.path().to_string_lossy().into_owned();
    let copies = world.home().join(".cache/git-orchestra/opencode");
    assert_eq!(listed(&repo, &[]).len(), 2, "a subagent is not listed as a session");
    let found = one(&repo, WRITER);
    let path = copies.join(format!("{WRITER}.jsonl"));
    for (field, value) in [
        ("program", json!("opencode")),
        ("title", json!("Scripted task")),
        ("first_prompt", json!("FAKE-WRITE hello.txt")),
        ("last_prompt", json!("FAKE-SAY again")),
        ("cwd", json!(here)),
        ("repository", json!(here)),
        ("branch", Value::Null),
        ("messages", json!(6)),
        ("started_at", json!("2026-11-21T20:36:45.717Z")),
        ("last_active_at", json!("2026-11-21T20:36:55.512Z")),
        ("model", json!("fake-model")),
        ("input_tokens", json!(7769 + 7864 + 7960 + 7990)),
        ("output_tokens", json!(35 + 37 + 9 + 4)),
        ("live", json!(false)),
        ("pid", Value::Null),
        ("size", json!(fs::metadata(&path).expect("a copy").len())),
        ("path", json!(path)),
        ("agent", Value::Null),
        ("kept", json!(false)),
        ("subagents", json!([])),
    ] {
        assert_eq!(found[field], value, "{field}");
    }
    let cost = found["cost_usd"].as_f64().expect("a cost");
    let export: Value =
        serde_json::from_slice(&fs::read(opencode.0.join(format!("{WRITER}.json"))).expect("an export"))
            .expect("JSON");
    assert!((cost - export["info"]["cost"].as_f64().expect("a cost")).abs() < 1e-5, "{cost}");
    let named = one(&repo, NAMED);
    assert_eq!((&named["title"], &named["messages"]), (&json!("a name"), &json!(3)));
    let inner = &named["subagents"][0];
    assert_eq!(
        (&inner["id"], &inner["kind"], &inner["description"]),
        (&json!(INNER), &json!("general"), &json!("say something (@general subagent)"))
    );
    let mode = fs::metadata(&path).expect("a copy").permissions().mode();
    assert_eq!(mode & 0o077, 0, "the copy is readable only by its owner");
    let stats = repo.orchestra(["sessions", "stats", "--json"]).succeeded().json();
    assert_eq!((&stats["total"]["sessions"], &stats["total"]["messages"]), (&json!(2), &json!(9)), "{stats}");
}

#[test]
fn opencode_is_called_only_for_what_may_be_new() {
    let world = world();
    let repo = world.repo();
    let opencode = Opencode::set(&world, &repo);
    repo.orchestra(["sessions", "--program", "claude"]).succeeded();
    repo.orchestra(["sessions", "show", "10000000-0000"]).exits(3);
    let completed = || completions::asked(&repo, 3, &["git-orchestra", "sessions", "show", ""]);
    assert_eq!(completed(), [""; 0], "who presses a key does not wait for a program");
    assert_eq!(opencode.asked(), "");
    listed(&repo, &[]);
    assert_eq!(completed(), [NAMED, WRITER]);
    listed(&repo, &[]);
    assert_eq!(opencode.asked(), "db\n");
    Opencode::change(&world);
    listed(&repo, &[]);
    assert_eq!(opencode.asked(), "db\n");
    // A session that was deleted there is no longer listed.
    let answer = fs::read_to_string(opencode.0.join("db.tsv")).expect("a file");
    let without: Vec<&str> = answer.lines().filter(|line| !line.contains(WRITER)).collect();
    fs::write(opencode.0.join("db.tsv"), without.join("\n") + "\n").expect("a file");
    Opencode::change(&world);
    assert_eq!(listed(&repo, &[]).len(), 1);
    // If the answer is incomplete or missing, the known sessions stay, and a warning is printed.
    let cut = answer.rfind("FAKE-SAY again").expect("it is in it");
    fs::write(opencode.0.join("db.tsv"), &answer[..cut]).expect("a file");
    Opencode::change(&world);
    let ran = repo.orchestra(["sessions", "--verbose"]).succeeded();
    assert!(ran.stderr().contains("the output of opencode is incomplete"), "{}", ran.stderr());
    // The same answer is not requested again for a minute.
    opencode.asked();
    let ran = repo.orchestra(["sessions", "--verbose"]).succeeded();
    assert!(ran.stderr().contains("the output of opencode is incomplete"), "{}", ran.stderr());
    assert_eq!(opencode.asked(), "");
    fs::remove_file(world.home().join(".cache/git-orchestra/opencode/failed")).expect("a note");
    fs::write(opencode.0.join("broken"), "").expect("a file");
    let ran = repo.orchestra(["sessions", "--verbose"]).succeeded();
    assert!(ran.stderr().contains("opencode failed: no such column"), "{}", ran.stderr());
    assert_eq!(listed(&repo, &[]).len(), 1);
    repo.git(["config", "orchestra.agent.opencode.program", "no-such-program"]);
    let ran = repo.orchestra(["sessions", "--verbose"]).succeeded();
    assert!(ran.stderr().contains("the program 'opencode' is not installed"), "{}", ran.stderr());
}

#[test]
fn a_session_is_shown_searched_kept_restored_and_resumed() {
    let world = world();
    let repo = world.repo();
    let opencode = Opencode::set(&world, &repo);
    let shown = repo.orchestra(["sessions", "show", WRITER]).succeeded().stdout();
    let told =
        format!("I will create hello.txt and commit it.\n  → write {}/hello.txt", repo.path().display());
    for line in ["> FAKE-WRITE hello.txt\n", &told] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let full = repo.orchestra(["sessions", "show", "--full", WRITER]).succeeded().stdout();
    assert!(full.contains("Wrote file successfully."), "what tools gave is asked for: {full}");
    assert_eq!(
        repo.orchestra(["sessions", "search", "-l", "created hello", "-i"]).succeeded().line(),
        WRITER
    );
    repo.orchestra(["sessions", "keep", WRITER, NAMED]).succeeded();
    assert_eq!(
        repo.orchestra(["sessions", "keep", NAMED]).succeeded().stdout(),
        format!("{NAMED} is up to date\n")
    );
    let kept =
        repo.git(["show", &format!("refs/orchestra-local/transcripts/{NAMED}:subagents/{INNER}.jsonl")]);
    assert!(kept.stdout().contains("from-subagent"), "{}", kept.stdout());
    // It is deleted there, and restored from the kept copy.
    fs::write(opencode.0.join("db.tsv"), "kind\tid\tline\n3\tend\t\n").expect("a file");
    Opencode::change(&world);
    let found = one(&repo, WRITER);
    assert_eq!((&found["kept"], &found["path"], &found["messages"]), (&json!(true), &Value::Null, &json!(6)));
    let again = repo.orchestra(["sessions", "show", "--full", WRITER]).succeeded().stdout();
    assert_eq!(again, full);
    let ran = repo.orchestra(["sessions", "resume", NAMED, "--print", "-m", "more"]).succeeded();
    assert_eq!(ran.stdout(), format!("run --session {NAMED}\nmore"));
    let given = fs::read_to_string(opencode.0.join("imported")).expect("what it was given");
    let given: Vec<Value> =
        serde_json::Deserializer::from_str(&given).into_iter().map(|one| one.expect("JSON")).collect();
    let exported = |id: &str| -> Value {
        let bytes = fs::read(opencode.0.join(format!("{id}.json"))).expect("an export");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    assert_eq!(given, [exported(NAMED), exported(INNER)]);
    let ran = repo.orchestra(["sessions", "resume", WRITER, "--fork", "-m", "go on"]).succeeded();
    assert_eq!(ran.line(), format!("--session {WRITER} --fork --prompt go on"));
}

#[test]
fn an_orphan_subagent_is_listed_in_place_of_its_session() {
    // Deleted from the database, or part of a cycle.
    for parent in ["ses_gone", INNER] {
        let world = world();
        let repo = world.repo();
        let opencode = Opencode::set(&world, &repo);
        let answer = fs::read_to_string(opencode.0.join("db.tsv")).expect("an answer");
        let of_inner = |line: &str| match line.split('\t').nth(1) {
            Some(INNER) => line.replace(NAMED, parent),
            _ => line.to_owned(),
        };
        let answer: Vec<String> = answer.lines().map(|line| of_inner(line) + "\n").collect();
        fs::write(opencode.0.join("db.tsv"), answer.concat()).expect("a file");
        let found = one(&repo, INNER);
        assert_eq!((&found["subagent_of"], &found["messages"]), (&json!(parent), &json!(2)), "{found}");
        assert_eq!(listed(&repo, &[]).len(), 3, "{parent}");
    }
}
