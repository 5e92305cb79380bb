//! Landings and runs from a page: planned, carried out while the browser may leave, and continued after the server was killed.

use serde_json::{Value, json};
use testkit::{TestRepo, until};

use super::{Browser, Server};
use crate::{merge_ranked, world};

const ALL: [&str; 4] = ["b1", "b2", "b3", "b4"];

/// Makes a call that begins something, and returns its answer when it has ended.
fn carried_out(browser: &Browser, path: &str, body: &Value) -> Value {
    let answer = browser.post(path, body, "");
    if answer.status == 202 { ended(browser, &answer.json()["number"]) } else { answer.json() }
}

/// Returns the code of the error that a call answers.
fn refused(browser: &Browser, path: &str, body: &Value) -> String {
    let answer = carried_out(browser, path, body);
    assert_eq!(answer["kind"], "error", "{path} {body}: {answer}");
    answer["code"].as_str().expect("a code").to_owned()
}

/// Waits until what was begun has ended, and returns its answer.
fn ended(browser: &Browser, number: &Value) -> Value {
    let mut answer = Value::Null;
    until("it ends", || {
        let list = browser.get("/api/v1/background").json();
        let all = list["calls"].as_array().expect("a list");
        let one = all.iter().find(|one| one["number"] == *number).expect("the call");
        answer = one["answer"].clone();
        (one["running"] == false).then_some(())
    });
    answer
}

fn order(report: &Value) -> Vec<(Value, Value)> {
    let rows = report["order"].as_array().expect("an order").iter();
    rows.map(|row| (row["branch"].clone(), row["outcome"].clone())).collect()
}

fn unfinished(browser: &Browser) -> Vec<Value> {
    browser.get("/api/v1/landing").json()["landings"].as_array().expect("a list").clone()
}

#[test]
fn a_landing_is_planned_and_carried_out_as_the_command_does() {
    let world = world();
    let repo = merge_ranked::four(&world);
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let before = repo.tip("main");
    let plan = browser.post("/api/v1/landing", &json!({"dry_run": true, "branches": ALL}), "");
    assert_eq!(plan.status, 200, "{plan:?}");
    let printed =
        repo.orchestra(["merge-ranked", "--dry-run", "--json", "b1", "b2", "b3", "b4"]).succeeded().json();
    for field in ["kind", "into", "base", "order", "dry_run"] {
        assert_eq!(plan.json()[field], printed[field], "{field}");
    }
    assert!(plan.json()["order"].as_array().expect("rows").iter().any(|row| row["conflicts"] != json!([])));
    assert_eq!(repo.tip("main"), before);
    // A page names no command, and only a target that there is.
    for (body, code) in [
        (json!({"branches": ALL, "test": "touch evil"}), "usage"),
        (json!({"branches": ALL, "into": "nosuch"}), "branch-unknown"),
        (json!({"branches": ["nosuch"]}), "branch-unknown"),
    ] {
        assert_eq!(refused(&browser, "/api/v1/landing", &body), code, "{body}");
    }
    let landed = carried_out(
        &browser,
        "/api/v1/landing",
        &json!({"branches": ALL, "only": ["lines.txt", "three.txt"]}),
    );
    assert_eq!((&landed["kind"], &landed["moved"]), (&json!("merge-ranked"), &json!(true)), "{landed}");
    assert!(!order(&landed).contains(&(json!("b2"), json!("merged"))), "{landed}");
    assert_eq!(landed["result"], repo.tip("main"));
    assert_eq!(repo.file_at("main", "lines.txt"), "A1\nb\nc\nd\nE4\n");
    assert_eq!(repo.git(["status", "--porcelain"]).stdout(), "");
    let kept = browser.get("/api/v1/background").json();
    assert!(kept["calls"].as_array().expect("a list").iter().any(|call| call["answer"] == landed), "{kept}");
    assert!(server.end());
}

/// A repository whose check waits until a file exists.
fn with_slow_check<'w>(world: &'w testkit::World) -> TestRepo<'w> {
    let repo = merge_ranked::four(world);
    let go = repo.path().join("../go");
    let begun = repo.path().join("../begun");
    let check = format!("touch '{}'; until test -e '{}'; do sleep 0.05; done", begun.display(), go.display());
    repo.git(["config", "orchestra.test", &check]).succeeded();
    repo
}

#[test]
fn a_landing_whose_server_was_killed_is_seen_and_continued() {
    let world = world();
    let repo = with_slow_check(&world);
    let before = repo.tip("main");
    let body = json!({"branches": ["b1", "b3"]});
    let mut server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let asking = std::thread::spawn(move || browser.post("/api/v1/landing", &body, "").status);
    until("its check begins", || repo.path().join("../begun").exists().then_some(()));
    server.program.kill().expect("killed");
    server.program.wait().expect("ended");
    assert_eq!(asking.join().expect("an end"), 0, "nobody answered");
    assert_eq!(repo.tip("main"), before);
    repo.write("../go", "");

    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let is_free = || unfinished(&browser).iter().all(|one| one["running"] == false);
    until("its lock is free", || is_free().then_some(()));
    let seen = unfinished(&browser);
    assert_eq!((seen.len(), &seen[0]["into"]), (1, &json!("main")), "{seen:?}");
    let body = json!({"branches": ["b4"]});
    assert_eq!(refused(&browser, "/api/v1/landing", &body), "landing-in-progress");
    let landed = carried_out(&browser, "/api/v1/landing/continue", &json!({}));
    assert_eq!(landed["moved"], true, "{landed}");
    assert_eq!(order(&landed), [(json!("b1"), json!("merged")), (json!("b3"), json!("merged"))]);
    assert!(unfinished(&browser).is_empty() && repo.has("main", "three.txt"));
    assert!(server.end());
}

#[test]
fn a_landing_continues_while_nobody_looks_and_is_interrupted_with_the_server() {
    let world = world();
    let repo = with_slow_check(&world);
    let before = repo.tip("main");
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let begun = browser.post("/api/v1/landing", &json!({"branches": ["b1", "b3"]}), "");
    assert_eq!((begun.status, &begun.json()["running"]), (202, &json!(true)), "{begun:?}");
    assert_eq!(unfinished(&browser)[0]["running"], true);
    let body = json!({"branches": ["b4"]});
    assert_eq!(refused(&browser, "/api/v1/landing", &body), "conflict");
    assert!(server.end(), "it ends, and its landing with it");
    assert_eq!(repo.tip("main"), before);

    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let aborted = carried_out(&browser, "/api/v1/landing/abort", &json!({"into": "main"}));
    assert_eq!((&aborted["moved"], repo.tip("main")), (&json!(false), before), "{aborted}");
    assert!(unfinished(&browser).is_empty());
    assert_eq!(refused(&browser, "/api/v1/landing/continue", &json!({})), "landing-absent");
    assert!(server.end());
}

#[test]
fn a_plan_is_read_and_carried_out() {
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.test", "test ! -e red"]).succeeded();
    let text = "# Numbers\n\n- [ ] `one` echo 1 > one\n- [ ] `two` cat one > two (after: one)\n";
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let plan = browser.post("/api/v1/plan", &json!({"text": text}), "").json();
    assert_eq!((&plan["kind"], &plan["levels"]), (&json!("plan"), &json!([["one"], ["two"]])), "{plan}");
    let run = |more: Value| {
        let mut body = json!({"plan": text, "agent": "sh"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let dry = browser.post("/api/v1/runs", &run(json!({"dry_run": true})), "").json();
    assert_eq!((&dry["dry_run"], repo.agents().len()), (&json!(true), 0), "{dry}");
    assert_eq!(browser.post("/api/v1/runs", &run(json!({"check": "true"})), "").status, 400);
    let ran = carried_out(&browser, "/api/v1/runs", &run(json!({})));
    assert_eq!((&ran["kind"], &ran["phase"]), (&json!("run"), &json!("done")), "{ran}");
    assert!(repo.has("main", "one") && repo.has("main", "two"));
    let id = ran["run"].as_str().expect("an id");
    let again = carried_out(&browser, &format!("/api/v1/runs/{id}/continue"), &json!({}));
    assert_eq!(again["tasks"], ran["tasks"]);
    assert_eq!(refused(&browser, "/api/v1/runs/nosuch/abort", &json!({})), "run-unknown");
    assert!(server.end());
}
