//! The calls about the work of agents: each does what its command does, and the repository shows it in plain git.

use serde_json::{Value, json};
use testkit::TestRepo;

use super::{Browser, Server};
use crate::{
    cleanup::{ended, landed, outcome_of},
    sessions, world,
};

/// Makes a call that must succeed, and returns its answer.
fn done(browser: &Browser, path: &str, body: &Value) -> Value {
    let answer = browser.post(path, body, "");
    assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
    answer.json()
}

/// Returns what a call answers that is refused.
fn refused(browser: &Browser, path: &str, body: &Value, status: u16) -> String {
    let answer = browser.post(path, body, "");
    assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
    answer.json()["message"].as_str().expect("a message").to_owned()
}

/// Returns the verdicts among the events of an agent.
fn verdicts(repo: &TestRepo<'_>, id: &str) -> Vec<Value> {
    repo.events(id).into_iter().filter(|event| event["t"] == "verdict").collect()
}

#[test]
fn a_verdict_is_on_the_work_that_the_page_showed() {
    let world = world();
    let repo = world.repo();
    let id = ended(&repo, "echo 1 > one.txt");
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let waiting = browser.get("/api/v1/reviews").json();
    assert_eq!((&waiting["kind"], &waiting["waiting"][0]["id"]), (&json!("review"), &json!(id)));
    let path = format!("/api/v1/agents/{id}/review");
    let work = browser.get(&path).json()["work"].clone();
    let (base, head) = (work["base"].as_str().expect("a base"), work["head"].as_str().expect("a head"));
    assert_eq!((base, head), (&*repo.tip("main"), &*repo.tip(&format!("refs/orchestra/heads/{id}"))));
    let give =
        |base: &str, head: &str| json!({"verdict": "approve", "base": base, "head": head, "text": "good"});
    // A page that does not say what it showed, or showed something else, gives no verdict.
    refused(&browser, &path, &json!({"verdict": "approve"}), 400);
    refused(&browser, &path, &json!({"verdict": "perhaps", "base": base, "head": head}), 400);
    for (base, head) in [(head, head), (base, base), ("", ""), (base, &head[..12])] {
        assert!(refused(&browser, &path, &give(base, head), 409).contains("has changed"), "{base} {head}");
    }
    assert_eq!(verdicts(&repo, &id).len(), 0);
    let given = done(&browser, &path, &give(base, head));
    assert_eq!((&given["kind"], &given["given"]), (&json!("review"), &json!("approve")));
    assert_eq!(repo.agent(&id)["verdict"], "approve");
    let recorded = verdicts(&repo, &id);
    assert_eq!(
        (recorded.len(), &recorded[0]["text"], &recorded[0]["head"]),
        (1, &json!("good"), &json!(head))
    );
    let remark = json!({"verdict": "reject", "base": base, "head": head, "comments": [{"file": "one.txt", "line": 1, "text": "why?"}]});
    assert_eq!(done(&browser, &path, &remark)["given"], "reject");
    assert_eq!(verdicts(&repo, &id)[1]["comments"][0]["text"], "why?");
    assert!(server.end());
}

#[test]
fn one_of_several_is_picked_if_all_are_as_the_page_showed_them() {
    let world = world();
    let repo = world.repo();
    let (first, second) = (ended(&repo, "echo 1 > one.txt"), ended(&repo, "echo 2 > one.txt"));
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let shown = browser.get(&format!("/api/v1/compare?agents={first},{second}")).json();
    assert_eq!(
        (&shown["kind"], shown["agents"].as_array().map(Vec::len)),
        (&json!("compare"), Some(2)),
        "{shown}"
    );
    let head = |at: usize| shown["agents"][at]["head"].clone();
    let pick = |heads: Value| json!({"agents": [first, second], "pick": second, "heads": heads, "reason": "shorter"});
    let path = "/api/v1/compare";
    let (id, other) = (first.as_str(), second.as_str());
    for heads in [json!({}), json!({id: head(0)}), json!({id: head(1), other: head(1)})] {
        assert!(refused(&browser, path, &pick(heads), 409).contains("has changed"));
    }
    assert_eq!(verdicts(&repo, &first).len() + verdicts(&repo, &second).len(), 0);
    let picked = done(&browser, path, &pick(json!({id: head(0), other: head(1)})));
    assert_eq!((&picked["picked"], &picked["rejected"]), (&json!(second), &json!([first])), "{picked}");
    assert_eq!(verdicts(&repo, &second)[0]["verdict"], "approve");
    assert!(server.end());
}

#[test]
fn work_is_saved_tagged_removed_and_brought_back() {
    let world = world();
    let repo = world.repo();
    let (gone, stays) = (landed(&repo, "echo 1 > one.txt"), ended(&repo, "echo 2 > two.txt"));
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let saved = done(&browser, &format!("/api/v1/agents/{stays}/collect"), &json!({}));
    assert_eq!((&saved["kind"], &saved["agents"][0]["saved"]), (&json!("collect"), &json!("nothing")));
    let tag = format!("/api/v1/agents/{stays}/tag");
    let tagged = done(&browser, &tag, &json!({"add": ["night", "web"]}));
    assert_eq!(tagged["agents"][0]["tags"], json!(["night", "web"]));
    done(&browser, &tag, &json!({"remove": ["web"]}));
    assert_eq!(repo.agent(&stays)["tags"], json!(["night"]));
    refused(&browser, &tag, &json!({"add": ["no tag!"]}), 400);
    refused(&browser, &tag, &json!({}), 400);

    let clean = "/api/v1/cleanup";
    let plan = done(&browser, clean, &json!({"dry_run": true}));
    assert_eq!((&plan["dry_run"], outcome_of(&plan, &gone).0), (&json!(true), "planned".to_owned()));
    assert_eq!(repo.agents().len(), 2);
    refused(&browser, clean, &json!({"force": true}), 400);
    let removed = done(&browser, clean, &json!({}));
    assert_eq!(outcome_of(&removed, &gone).0, "removed");
    assert_eq!(outcome_of(&removed, &stays), ("kept".to_owned(), "its work is not in main".to_owned()));
    assert_eq!(repo.refs("refs/orchestra/archive/").len(), 1);
    assert_eq!(repo.agents().len(), 1);
    let operation = removed["operation"].as_str().expect("an operation");
    let history = browser.get("/api/v1/history").json();
    assert_eq!(history["operations"][0]["id"], operation, "{history}");

    refused(&browser, "/api/v1/undo", &json!({}), 400);
    refused(&browser, "/api/v1/undo", &json!({"operation": "nosuch"}), 404);
    let preview = done(&browser, "/api/v1/undo", &json!({"operation": operation, "dry_run": true}));
    assert_eq!((&preview["undo"], repo.agents().len()), (&Value::Null, 1));
    let undone = done(&browser, "/api/v1/undo", &json!({"operation": operation}));
    assert!(undone["undo"].is_string(), "{undone}");
    assert_eq!(repo.agents().len(), 2);
    assert!(repo.worktree(&gone).join("one.txt").exists());
    assert!(server.end());
}

#[test]
fn messages_are_replied_to_and_read() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let id = repo.spawn_claude(&[], "write before 1\nawait reply");
    repo.wait_for_file(&id, "before");
    let mut command = repo.orchestra_command(["inbox", "tell", "--kind", "question", "which parser?"]);
    testkit::Ran::of(command.envs(repo.variables_of(&id))).succeeded();
    testkit::until("it asks", || (repo.agent(&id)["messages"] == 1).then_some(()));
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let inbox = browser.get("/api/v1/inbox").json();
    let message = inbox["messages"][0]["id"].as_str().expect("an id");
    assert_eq!(inbox["messages"][0]["text"], "which parser?", "{inbox}");
    refused(&browser, "/api/v1/inbox/reply", &json!({"message": "ffffffff", "text": "x"}), 404);
    let replied = done(&browser, "/api/v1/inbox/reply", &json!({"message": message, "text": "the second"}));
    assert_eq!(
        (&replied["kind"], &replied["message"]["reply"], &replied["message"]["reply_via"]),
        (&json!("inbox-reply"), &json!("the second"), &json!("web"))
    );
    repo.orchestra(["inbox", "read", message]).succeeded().stdout_has("reply (web):");
    let sent = repo.events(&id).into_iter().find(|event| event["re"] == message).expect("a reply");
    assert_eq!(sent["text"], "the second");
    assert_eq!(browser.get("/api/v1/inbox").json()["messages"], json!([]));
    repo.orchestra(["stop", &id]).succeeded();
    assert!(server.end());
}

#[test]
fn sessions_specs_and_teams_are_found() {
    let world = world();
    let repo = world.repo();
    sessions::with_fixtures(&world, repo.path());
    repo.write("text.md", "# Rate limit\n\none\n");
    repo.orchestra(["spec", "new", "rate-limit", "--from", "text.md"]).succeeded();
    repo.git(["config", "orchestra.agent.coder.prompt", "You write."]).succeeded();
    for (key, value) in [("program", "claude"), ("writes", "true")] {
        repo.git(["config", &format!("orchestra.agent.coder.{key}"), value]).succeeded();
    }
    repo.git(["config", "--add", "orchestra.team.solo.role", "coder"]).succeeded();
    let server = Server::start(&repo, &[]);
    let browser = server.browser(0);
    for (path, command) in [
        (
            "/api/v1/sessions/search?words=the&ignore_case=true&limit=500",
            &["sessions", "search", "-i", "the", "--json"][..],
        ),
        ("/api/v1/specs", &["spec", "--json"]),
        ("/api/v1/specs/rate-limit", &["spec", "show", "rate-limit", "--json"]),
    ] {
        let answer = browser.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.json(), repo.orchestra(command).succeeded().json(), "{path}");
    }
    assert_eq!(browser.get("/api/v1/specs/rate-limit?version=7").status, 404);
    let id = sessions::id("1");
    let shown = browser.get(&format!("/api/v1/sessions/{id}/command")).json();
    let printed = repo.orchestra(["sessions", "resume", &id, "--dry-run"]).succeeded().line();
    assert_eq!((&shown["kind"], &shown["command"]), (&json!("command"), &json!(printed)), "{shown}");
    let page = browser.get(&format!("/api/v1/sessions/{id}")).json();
    let first = &page["items"][0];
    assert_eq!((&first["role"], &page["next"]), (&json!("prompt"), &Value::Null), "{page}");
    let said = page["items"].as_array().expect("items").len();
    let rest = browser.get(&format!("/api/v1/sessions/{id}?from={}", said - 1)).json();
    assert_eq!(rest["items"].as_array().expect("items").len(), 1);
    assert_eq!(browser.get("/api/v1/sessions/nosuch").status, 404);
    let teams = browser.get("/api/v1/teams").json();
    let roles = json!([{"name": "coder", "writes": true}]);
    assert_eq!(
        (&teams["teams"][0]["name"], &teams["teams"][0]["roles"]),
        (&json!("solo"), &roles),
        "{teams}"
    );
    assert!(browser.get("/api/v1/profiles").json()["profiles"].is_array());
    assert!(server.end());
}

#[test]
fn a_spec_is_saved_and_its_designer_told_and_who_answers_is_known_to_be_a_page() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let path = "/api/v1/specs/rate-limit";
    let begun = done(&browser, path, &json!({"text": "# Limits\n\none\ntwo\nthree\n"}));
    assert_eq!((&begun["outcome"], &begun["spec"]["via"]), (&json!("saved"), &json!("web")), "{begun}");
    refused(&browser, path, &json!({"text": "other"}), 409);
    let shown = browser.get(path).json();
    let base = shown["id"].as_str().expect("a version").to_owned();
    // A person at a terminal saves meanwhile; both changes are kept.
    repo.write("spec.md", "# Limits\n\none\ntwo\nTHREE\n");
    repo.orchestra(["spec", "edit", "rate-limit", "--from", "spec.md"]).succeeded();
    let merged = done(&browser, path, &json!({"text": "# Limits\n\nONE\ntwo\nthree\n", "base": base}));
    assert_eq!((&merged["outcome"], &merged["number"]), (&json!("merged"), &json!(3)), "{merged}");
    let now = browser.get(path).json();
    assert_eq!(now["text"], "# Limits\n\nONE\ntwo\nTHREE\n");
    let via: Vec<&Value> =
        now["versions"].as_array().expect("versions").iter().map(|one| &one["via"]).collect();
    assert_eq!(via, [&json!("web"), &Value::Null, &json!("web")]);
    let log = repo.git(["log", "--format=%B", "refs/orchestra/specs/rate-limit"]).stdout();
    assert_eq!(log.matches("\"via\":\"web\"").count(), 2, "{log}");
    repo.orchestra(["spec", "show", "rate-limit", "--versions"]).succeeded().stdout_has("(web)");
    repo.orchestra(["spec"]).succeeded().stdout_has("(web)");
    // The same of an answer at a gate.
    repo.write("../todo.md", "- [ ] `one` false\n");
    let plan = repo.path().parent().expect("a folder").join("todo.md").to_string_lossy().into_owned();
    repo.orchestra(["run", "--agent", "sh", "--check", "true", &plan]);
    let run = browser.get("/api/v1/runs").json()["runs"][0]["run"].as_str().expect("a run").to_owned();
    done(&browser, "/api/v1/gates", &json!({"run": run, "gate": 1, "option": "skip", "note": "not needed"}));
    let answer = browser.get("/api/v1/runs").json()["runs"][0]["gates"][0]["answers"][0].clone();
    assert_eq!(
        (&answer["option"], &answer["via"], &answer["note"]),
        (&json!("skip"), &json!("web"), &json!("not needed"))
    );
    repo.orchestra(["decide"]).stdout_has(" (web)").stdout_has("not needed");
    assert!(server.end());
}

#[test]
fn a_plan_of_a_page_is_published_instead_of_landing_if_the_page_says_so() {
    let world = world();
    let (repo, forge) = crate::pr::on_forge(&world, testkit::ForgeFlavor::GitHub);
    repo.git(["config", "orchestra.check", "true"]).succeeded();
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let plan =
        |pr: bool| json!({"plan": "- [ ] `one` echo 1 > one\n", "agent": "sh", "pr": pr, "dry_run": true});
    let dry = done(&browser, "/api/v1/runs", &plan(true));
    assert_eq!(dry["publishes_to"]["repo"], "team/app", "{dry}");
    let dry = done(&browser, "/api/v1/runs", &plan(false));
    assert!(dry["publishes_to"].is_null(), "{dry}");
    // A forge that would refuse is named before anything starts.
    forge.renew_token("another");
    let said = refused(&browser, "/api/v1/runs", &plan(true), 409);
    assert!(said.contains("refuses the token"), "{said}");
    assert!(repo.agents().is_empty() && forge.pulls().is_empty());
    assert!(server.end());
}
