//! `status` says which running agents are about to conflict.

use serde_json::{Value, json};
use testkit::{Ran, TestRepo};

use crate::world;

/// Starts an agent that changes one line of the file, commits, and works on.
fn working(repo: &TestRepo<'_>, name: &str, line: u32) -> String {
    let script = format!(
        "sed -i '{line}s/.*/  {name}/' login.c; git commit -qam {name}; touch ready-{name}; while :; do sleep 0.1; done"
    );
    let id = repo.orchestra(["spawn", "-d", "--agent", "sh", "--name", name, "--", &script]);
    let id = id.succeeded().line();
    repo.wait_for_file(&id, &format!("ready-{name}"));
    id
}

fn overlaps(repo: &TestRepo<'_>) -> Value {
    repo.orchestra(["status", "--json"]).succeeded().json()["overlaps"].clone()
}

#[test]
fn running_agents_that_change_the_same_lines_are_named_while_both_work() {
    let world = world();
    let repo = world.repo();
    let body: String = (2..12).map(|n| format!("  line {n}\n")).collect();
    repo.commit("code", &[("login.c", &format!("int login(void)\n{body}"))]);
    let (one, two, apart) = (working(&repo, "one", 4), working(&repo, "two", 5), working(&repo, "apart", 9));
    let found = overlaps(&repo);
    let file = json!({"path": "login.c", "functions": ["int login(void)"]});
    let named: Vec<&str> = ["agent", "other"].iter().filter_map(|key| found[0][key].as_str()).collect();
    assert_eq!((named, &found[0]["files"]), (vec![one.as_str(), &two], &json!([file])));
    assert_eq!(found.as_array().map(Vec::len), Some(1), "{found}");
    assert!(found[0]["saved_at"].as_str().is_some_and(|at| at.starts_with("20")), "{found}");
    let shown = repo.orchestra(["status"]).succeeded();
    shown
        .stderr_has(&format!(
            "'{one}' and '{two}' are about to conflict: login.c (int login(void)); as saved "
        ))
        .stderr_has(&format!("git orchestra diff {one} {two}"));
    // What is known is not asked again.
    let trace = world.dir().join("trace");
    let ran =
        Ran::of(repo.orchestra_command(["status", "--json"]).env("ORCHESTRA_TRACE", &trace)).succeeded();
    assert_eq!(ran.json()["overlaps"], found);
    let started = std::fs::read_to_string(&trace).unwrap_or_default();
    assert!(!started.contains("program: git "), "{started}");
    // A configuration that may name programs is not used before it is accepted.
    repo.git(["config", "merge.mine.driver", "touch \"$HOME/ran\""]);
    assert_eq!(overlaps(&repo), Value::Null);
    repo.git(["config", "--unset", "merge.mine.driver"]);
    repo.orchestra(["stop", &two]).succeeded();
    assert_eq!(overlaps(&repo), Value::Null, "one of them works no longer");
    repo.orchestra(["stop", &one, &apart]).succeeded();
}

#[test]
fn without_a_branch_or_with_a_broken_cache_the_list_is_shown() {
    let world = world();
    let repo = world.repo();
    repo.commit("code", &[("login.c", "a\nb\nc\n")]);
    let ids = [working(&repo, "one", 2), working(&repo, "two", 2)];
    std::fs::write(repo.path().join(".git/orchestra/overlaps.json"), "{not JSON").expect("a file");
    assert_eq!(overlaps(&repo)[0]["files"], json!([{"path": "login.c", "functions": ["a"]}]));
    repo.git(["checkout", "-q", "--detach"]);
    assert_eq!(overlaps(&repo), Value::Null);
    repo.orchestra(["stop", &ids[0], &ids[1]]).succeeded();
}
