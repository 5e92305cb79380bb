//! With `--json`, a command prints exactly one object, whatever happens.

use orchestra_terminal::catalog;
use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::world;

/// Returns the single object on standard output.
fn object(ran: &Ran) -> Value {
    assert_eq!(ran.stdout().lines().count(), 1, "{}", ran.stdout());
    let object = ran.json();
    assert_eq!(object["version"], 1, "{object}");
    object
}

#[test]
fn an_error_is_one_object_besides_the_message() {
    let world = world();
    let repo = world.repo();
    for (arguments, code, word, said) in [
        (&["status", "--json", "nosuch"] as &[&str], 3, "refused", "no agent 'nosuch'"),
        (&["merge-ranked", "--json"], 3, "refused", "nothing to land"),
        (&["merge-ranked", "--json", "nosuch"], 3, "refused", "'nosuch' is "),
        (&["undo", "--json"], 3, "refused", "nothing to undo"),
        (&["review", "--json", "nosuch", "--approve"], 3, "refused", "no agent 'nosuch'"),
        (&["status", "--json", "--nosuch"], 2, "usage", "unexpected argument '--nosuch'"),
        (&["sessions", "show", "--json", "nosuch"], 3, "refused", "nosuch"),
    ] {
        let ran = repo.orchestra(arguments).exits(code);
        let object = object(&ran);
        assert_eq!(
            (&object["kind"], &object["error"], &object["exit"]),
            (&"error".into(), &word.into(), &code.into())
        );
        let message = object["message"].as_str().expect("a message");
        assert!(message.contains(said) && ran.stderr().contains(message), "{arguments:?}: {object}");
        assert!(object["hints"].is_array() && object["causes"].is_array(), "{object}");
    }
    let nowhere = testkit::TestRepo::new(&world, world.home());
    let ran = nowhere.orchestra(["status", "--json"]).exits(128);
    assert_eq!(object(&ran)["error"], "not_a_repository");
    // Without the option, no object is printed.
    assert_eq!(repo.orchestra(["status", "nosuch"]).exits(3).stdout(), "");
    assert_eq!(repo.orchestra(["status", "--nosuch", "--", "--json"]).exits(2).stdout(), "");
}

#[test]
fn a_report_stays_the_only_object() {
    let world = world();
    let repo = world.repo();
    repo.commit("more", &[("lines.txt", "a\n")]);
    repo.branch("b1", &[("lines.txt", "b\n"), ("new.txt", "1\n")]);
    repo.write("new.txt", "mine\n");
    let ran = repo.orchestra(["merge-ranked", "--json", "b1"]).exits(3).stderr_has("the landing waits");
    assert_eq!(
        (&object(&ran)["kind"], &object(&ran)["order"][0]["outcome"]),
        (&"merge-ranked".into(), &"passed".into())
    );
}

#[test]
fn nothing_to_do_is_an_object_too() {
    let world = world();
    let repo = world.repo();
    for command in
        [&["resume", "--all"] as &[&str], &["stop", "--all"], &["pause", "--all"], &["stop"], &["pause"]]
    {
        let ran = repo.orchestra([command, &["--json"] as &[&str]].concat()).succeeded();
        let object = object(&ran);
        assert_eq!(
            (&object["kind"], &object["agents"]),
            (&command[0].into(), &serde_json::json!([])),
            "{command:?}"
        );
    }
}

/// Arguments with which each command needs a repository; `None` for those that need none.
fn arguments(command: &str) -> Option<&'static [&'static str]> {
    Some(match command {
        "spawn" => &["--agent", "sh", "true"],
        "run" => &["--continue"],
        "decide" => &["nosuch"],
        "send" => &["nosuch", "text"],
        "pr" => &["nosuch"],
        "tag" => &["nosuch", "--add", "x"],
        "blame" => &["file.txt"],
        "rewind" => &["nosuch", "1"],
        "attach" => &["nosuch", "--print"],
        "designer" => &["--continue=nosuch", "--print"],
        "spec" => &["show", "nosuch"],
        "pause" | "resume" | "stop" | "logs" | "diff" | "compare" | "try" => &["nosuch"],
        "status" | "inbox" | "collect" | "worktrees" | "review" | "merge-ranked" | "undo" | "cleanup"
        | "sync" | "init" => &[],
        "config" => &["set", "orchestra.jobs", "2"],
        "plan" | "mcp" | "ui" | "web" | "sessions" | "slot" | "doctor" | "demo" | "setup" | "completions"
        | "man" | "schema" | "help" => {
            return None;
        }
        other => panic!("say how {other} is called"),
    })
}

#[test]
fn every_command_reports_an_error_as_one_object_and_has_a_version() {
    let world = world();
    let repo = world.repo();
    let nowhere = TestRepo::new(&world, world.home());
    for command in catalog::COMMANDS {
        let name = command.name;
        let wrong = object(&repo.orchestra([name, "--json", "--no-such-option"]).exits(2));
        assert_eq!((&wrong["kind"], &wrong["error"]), (&"error".into(), &"usage".into()), "{name}: {wrong}");
        let version = repo.orchestra([name, "--version"]).succeeded().stdout();
        assert!(version.starts_with("git") && version.lines().count() == 1, "{name}: {version}");
        let Some(arguments) = arguments(name) else { continue };
        let ran = nowhere.orchestra([&[name], arguments, &["--json"]].concat());
        let outside = object(&ran);
        let found = (outside["kind"].as_str(), outside["code"].as_str(), ran.code());
        assert_eq!(found, (Some("error"), Some("not-a-repository"), 128), "{name}: {outside}");
    }
}

/// One rule: what is asked for of all agents succeeds with an empty list; what moves a branch, or takes something back, is refused if
/// there is nothing to move, so that a script does not go on as if there had been.
#[test]
fn nothing_to_do_follows_one_rule() {
    let world = world();
    let repo = world.repo();
    for (arguments, kind, list) in [
        (&["status"] as &[&str], "status", "agents"),
        (&["cleanup"], "cleanup", "agents"),
        (&["collect"], "collect", "agents"),
        (&["review"], "review", "waiting"),
        (&["worktrees"], "worktrees", "worktrees"),
        (&["undo", "--list"], "undo", "operations"),
        (&["resume", "--all", "--dry-run"], "resume-plan", "agents"),
    ] {
        let answer = object(&repo.orchestra([arguments, &["--json"]].concat()).succeeded());
        assert_eq!((&answer["kind"], &answer[list]), (&kind.into(), &serde_json::json!([])), "{answer}");
    }
    for (arguments, code) in
        [(&["merge-ranked"] as &[&str], "nothing-to-land"), (&["undo"], "nothing-to-undo")]
    {
        for dry in [&[] as &[&str], &["--dry-run"]] {
            let answer = object(&repo.orchestra([arguments, dry, &["--json"]].concat()).exits(3));
            assert_eq!((&answer["kind"], &answer["code"]), (&"error".into(), &code.into()), "{answer}");
        }
    }
}

#[test]
fn every_answer_of_a_dry_run_says_so() {
    let world = world();
    let repo = world.repo();
    let ran = |arguments: &[&str]| object(&repo.orchestra([arguments, &["--json"]].concat()));
    let planned = ran(&["spawn", "-n", "--agent", "sh", "true"]);
    assert_eq!((&planned["kind"], &planned["dry_run"]), (&"spawn-plan".into(), &true.into()));
    let id = repo.spawn("echo 1 > one");
    repo.end_of(&id);
    assert_eq!(ran(&["resume", "-n", &id])["dry_run"], true);
    for command in ["merge-ranked", "undo", "cleanup"] {
        if command == "undo" {
            // A landing to undo, and then to clean up after.
            repo.orchestra(["merge-ranked"]).succeeded();
        }
        let answer = ran(&[command, "--dry-run"]);
        assert_eq!((&answer["kind"], &answer["dry_run"]), (&command.into(), &true.into()), "{answer}");
    }
    assert_eq!(ran(&["cleanup"])["dry_run"], false);
}
