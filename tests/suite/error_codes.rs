//! Error codes, in every output in which an error appears: whole outputs.

use std::{collections::BTreeSet, fs, path::Path};

use insta::assert_snapshot;
use orchestra::Code;
use testkit::{Ran, TestRepo};

use crate::world;

/// Returns standard output, standard error and the exit status as one text, without what differs from run
/// to run.
fn whole_output(ran: &Ran, repo: &TestRepo<'_>) -> String {
    let folder = repo.path().display().to_string();
    let clean = |text: String| text.replace(&folder, "REPO");
    format!("{}---\n{}--- {}", clean(ran.stdout()), clean(ran.stderr()), ran.code())
}

#[test]
fn an_error_is_a_message_and_hints_on_stderr() {
    let world = world();
    let repo = world.repo();
    let ran = repo.orchestra(["status", "nosuch"]);
    assert_snapshot!(whole_output(&ran, &repo), @r#"
    ---
    error: no agent 'nosuch'
    hint: 'git orchestra status --all' lists the agents of this repository, --archived those that were removed
    --- 3
    "#);
}

#[test]
fn a_cause_is_printed_below_its_error() {
    let world = world();
    let repo = world.repo();
    let ran = repo.orchestra(["spawn", "--agent", "sh", "--file", "missing.txt"]);
    assert_snapshot!(whole_output(&ran, &repo), @r#"
    ---
    error: cannot read tasks from 'missing.txt'
      No such file or directory (os error 2)
    --- 3
    "#);
}

#[test]
fn outside_a_repository_the_message_is_that_of_git() {
    let world = world();
    let nowhere = TestRepo::new(&world, world.home());
    let ran = nowhere.orchestra(["status", "--json"]);
    assert_snapshot!(whole_output(&ran, &nowhere), @r#"
    {"version":1,"kind":"error","code":"not-a-repository","error":"not_a_repository","exit":128,"message":"not a git repository (or any of the parent directories): .git","causes":[],"hints":[]}
    ---
    fatal: not a git repository (or any of the parent directories): .git
    --- 128
    "#);
}

#[test]
fn the_json_object_contains_the_code() {
    let world = world();
    let repo = world.repo();
    let ran = repo.orchestra(["status", "--json", "nosuch"]);
    assert_snapshot!(whole_output(&ran, &repo), @r#"
    {"version":1,"kind":"error","code":"agent-unknown","error":"refused","exit":3,"message":"no agent 'nosuch'","causes":[],"hints":["'git orchestra status --all' lists the agents of this repository, --archived those that were removed"]}
    ---
    error: no agent 'nosuch'
    hint: 'git orchestra status --all' lists the agents of this repository, --archived those that were removed
    --- 3
    "#);
}

#[test]
fn a_wrong_command_line_has_a_code_as_well() {
    let world = world();
    let repo = world.repo();
    let ran = repo.orchestra(["status", "--json", "--wach"]);
    assert_snapshot!(whole_output(&ran, &repo), @r#"
    {"version":1,"kind":"error","code":"usage","error":"usage","exit":2,"message":"unexpected argument '--wach' found","causes":[],"hints":["did you mean '--watch'?","git orchestra status -h lists the options"]}
    ---
    error: unexpected argument '--wach' found
    hint: did you mean '--watch'?
    hint: git orchestra status -h lists the options
    --- 2
    "#);
    let ran = repo.orchestra(["spwan", "--json"]);
    assert_snapshot!(whole_output(&ran, &repo), @r#"
    {"version":1,"kind":"error","code":"command-unknown","error":"usage","exit":2,"message":"'spwan' is not a git orchestra command","causes":[],"hints":["did you mean 'git orchestra spawn'?","'git orchestra --list' shows all commands"]}
    ---
    error: 'spwan' is not a git orchestra command
    hint: did you mean 'git orchestra spawn'?
    hint: 'git orchestra --list' shows all commands
    --- 2
    "#);
}

#[test]
fn each_failed_agent_has_its_own_code() {
    let world = world();
    let repo = world.repo();
    let (one, two) = (repo.spawn("true"), repo.spawn("true"));
    repo.end_of(&one);
    repo.end_of(&two);
    let ran = repo.orchestra(["send", "--json", &one, &two, "-m", "hello"]);
    let whole_output = whole_output(&ran, &repo).replace(&one, "ONE").replace(&two, "TWO");
    assert_snapshot!(whole_output, @r#"
    {"version":1,"kind":"send","sent":[],"failed":[{"id":"ONE","error":"agent 'ONE' is not running: it is done","hints":["git orchestra resume ONE -m '…' continues its session"],"code":"agent-ended"},{"id":"TWO","error":"agent 'TWO' is not running: it is done","hints":["git orchestra resume TWO -m '…' continues its session"],"code":"agent-ended"}]}
    ---
    error: ONE: agent 'ONE' is not running: it is done
    hint: git orchestra resume ONE -m '…' continues its session
    error: TWO: agent 'TWO' is not running: it is done
    hint: git orchestra resume TWO -m '…' continues its session
    --- 3
    "#);
}

#[test]
fn every_code_is_used_and_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used = BTreeSet::new();
    let mut open = vec![root.join("shared/src"), root.join("bins")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.ends_with("error/code.rs")
            {
                let text = fs::read_to_string(&path).expect("a file");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let names = code.split("Code::").skip(1);
                let is_of_a_name = |c: char| c.is_ascii_alphanumeric();
                used.extend(
                    names.map(|rest| rest.split(|c| !is_of_a_name(c)).next().unwrap_or_default().to_owned()),
                );
            }
        }
    }
    // The general codes are given by their kind.
    let is_used = |code: &Code| *code == Code::from(code.kind()) || used.contains(code.variant());
    let unused: Vec<&Code> = Code::ALL.iter().filter(|code| !is_used(code)).collect();
    assert!(unused.is_empty(), "nothing gives {unused:?}");
    let manual = fs::read_to_string(root.join("man/git-orchestra.1")).expect("the manual");
    let manual = manual.replace("\\*(Aq", "'").replace('\\', "");
    for code in Code::ALL {
        let entry = format!(".TP\nfB{}fR\n{}", code.as_str(), code.meaning());
        assert!(manual.contains(&entry), "{} is not in the manual", code.as_str());
    }
}
