//! The ref of an agent's work is damaged or names something else: every command reports the same, with the
//! repair, and all other agents work as if nothing were damaged.

use std::fs;

use testkit::{Ran, TestRepo};

use crate::{
    sync::{first, shared_of_hub},
    world,
};

const NOWHERE: &str = "1234567890123456789012345678901234567890\n";

/// A kind of damage: its name, the content of the ref's file, and the reported reason.
type Damage = (&'static str, fn(&TestRepo<'_>) -> String, &'static str);

const DAMAGES: &[Damage] = &[
    ("empty", |_| String::new(), "is empty"),
    ("torn", |_| "12345".to_owned(), "contains no object id"),
    ("dangling", |_| NOWHERE.to_owned(), "names 1234567890, which is not in this repository"),
    ("a tree", |repo| format!("{}\n", repo.tip("main^{tree}")), "which is not a commit"),
    ("foreign", |repo| format!("{}\n", repo.tip("main")), "which is not the work that its events name"),
];

fn two(repo: &TestRepo<'_>) -> (String, String) {
    let (bad, good) = (repo.spawn("echo 1 > one.txt"), repo.spawn("echo 2 > two.txt"));
    repo.end_of(&bad);
    repo.end_of(&good);
    repo.commit("later", &[("later.txt", "x\n")]);
    (bad, good)
}

fn stderr_has(ran: &Ran, id: &str, why: &str, what: &str) {
    let said = ran.stderr();
    let sentence = format!("the work of agent '{id}' cannot be read: its ref 'refs/orchestra/heads/{id}' ");
    assert!(said.contains(&sentence) && said.contains(why), "{what}: {said}");
    assert!(said.contains("hint: rm -f ") && said.contains(" && git update-ref "), "{what}: {said}");
}

#[test]
fn every_command_reports_unreadable_work_the_same_way() {
    let world = world();
    let repo = world.repo();
    let (bad, good) = two(&repo);
    let path = repo.path().join(".git/refs/orchestra/heads").join(&bad);
    let whole = fs::read_to_string(&path).expect("a ref");
    let lists: &[&[&str]] =
        &[&["status"], &["worktrees"], &["cleanup", "-n"], &["review"], &["merge-ranked", "-n"]];
    let named: &[&[&str]] =
        &[&["status", &bad], &["review", &bad], &["merge-ranked", "-n", &bad], &["cleanup", "-n", &bad]];
    let refused: &[&[&str]] = &[&["diff", "--committed", &bad], &["review", &bad, "--approve"]];
    for (name, content, why) in DAMAGES {
        fs::write(&path, content(&repo)).expect("damaged");
        for command in lists.iter().chain(named) {
            let what = format!("{name} {command:?}");
            let ran = repo.orchestra(*command);
            assert!([0, 1].contains(&ran.code()), "{what}: {}", ran.stderr());
            stderr_has(&ran, &bad, why, &what);
            assert!(named.contains(command) || ran.stdout().contains(&good), "{what}: {}", ran.stdout());
            let json = repo.orchestra([command, &["--json"] as &[&str]].concat()).json();
            let unreadable = json["unreadable"].as_array().cloned().unwrap_or_default();
            assert_eq!(unreadable.len(), 1, "{what}: {json}");
            assert_eq!(unreadable[0]["id"], *bad, "{what}: {json}");
            assert!(
                unreadable[0]["remedy"].as_str().is_some_and(|text| text.contains("update-ref")),
                "{what}"
            );
        }
        for command in refused {
            stderr_has(&repo.orchestra(*command).exits(3), &bad, why, &format!("{name} {command:?}"));
        }
        let plan = repo.orchestra(["merge-ranked", "-n", "--json"]).succeeded().json();
        let order = plan["order"].as_array().expect("an order");
        let of =
            |id: &str| order.iter().find(|step| step["branch"] == id).expect("a step")["outcome"].clone();
        assert_eq!((of(&bad), of(&good)), ("blocked".into(), "lands".into()), "{name}");
        repo.orchestra(["stop", "--all"]).succeeded();
        if ["empty", "torn"].contains(name) {
            let ran = repo.orchestra(["resume", "-d", &bad, "-m", "true"]).exits(3);
            stderr_has(&ran, &bad, why, &format!("{name} resume"));
        }
        fs::write(&path, &whole).expect("restored");
    }
    // The hinted command repairs it.
    fs::write(&path, "").expect("damaged");
    let json = repo.orchestra(["status", "--json"]).json();
    let remedy = json["unreadable"][0]["remedy"].as_str().expect("a remedy").to_owned();
    assert!(repo.command("sh").args(["-c", &remedy]).status().expect("a shell").success());
    assert_eq!(fs::read_to_string(&path).expect("a ref"), whole);
}

#[test]
fn collect_saves_the_work_again_if_its_ref_names_something_else() {
    let world = world();
    let repo = world.repo();
    let (bad, _) = two(&repo);
    let path = repo.path().join(".git/refs/orchestra/heads").join(&bad);
    let whole = fs::read_to_string(&path).expect("a ref");
    for (name, content, why) in DAMAGES {
        fs::write(&path, content(&repo)).expect("damaged");
        let ran = repo.orchestra(["collect", &bad]);
        if ["empty", "torn"].contains(name) {
            stderr_has(&ran, &bad, why, name);
            assert_eq!(ran.code(), 3, "{name}: {}", ran.stderr());
        } else {
            assert_eq!((ran.code(), fs::read_to_string(&path).expect("a ref")), (0, whole.clone()), "{name}");
            assert_eq!(repo.orchestra(["status", "--json"]).json()["unreadable"], serde_json::json!([]));
        }
        fs::write(&path, &whole).expect("restored");
    }
}

#[test]
fn unreadable_agents_are_reported_by_commands_on_all_agents() {
    let world = world();
    let repo = world.repo();
    let (bad, _) = two(&repo);
    fs::write(repo.path().join(".git/refs/orchestra/agents").join(&bad), NOWHERE).expect("damaged");
    for command in ["stop", "pause", "resume"] {
        let said = repo
            .orchestra([command, "--all"])
            .succeeded()
            .stderr_has(&format!("agent '{bad}' cannot be read"));
        assert!(!said.stderr().contains("no agent"), "{command}: {}", said.stderr());
        let json = repo.orchestra([command, "--all", "--json"]).succeeded().json();
        assert_eq!(
            (&json["kind"], &json["unreadable"][0]["id"]),
            (&command.into(), &bad.clone().into()),
            "{command}"
        );
    }
}

#[test]
fn refs_that_are_not_agents_are_not_sent_and_block_nothing() {
    let world = world();
    let repo = first(&world);
    let (bad, good) = two(&repo);
    let path = repo.path().join(".git/refs/orchestra/agents").join(&bad);
    let whole = fs::read_to_string(&path).expect("a ref");
    for (name, content) in [
        ("foreign", format!("{}\n", repo.tip("main"))),
        ("a tree", format!("{}\n", repo.tip("main^{tree}"))),
        ("dangling", NOWHERE.to_owned()),
    ] {
        fs::write(&path, content).expect("damaged");
        let dry = repo.orchestra(["sync", "-n"]);
        assert!([0, 1, 3].contains(&dry.code()), "{name}: {}", dry.stderr());
        assert!(
            dry.stderr().contains(&bad) && !dry.stderr().contains("this is a bug"),
            "{name}: {}",
            dry.stderr()
        );
        let ran = repo.orchestra(["sync"]);
        assert!([0, 1].contains(&ran.code()), "{name}: {}", ran.stderr());
        let sent: Vec<String> = shared_of_hub(&world).into_iter().map(|(name, _)| name).collect();
        assert!(sent.contains(&format!("refs/orchestra/agents/{good}")), "{name}: {sent:?}");
        assert!(!sent.contains(&format!("refs/orchestra/agents/{bad}")), "{name}: {sent:?}");
        fs::write(&path, &whole).expect("restored");
    }
}
