//! Hostile texts: whatever agents, other clones and requests say, a browser gets it as data.

use serde_json::{Value, json};
use testkit::TestRepo;

use super::{Answer, Browser, Server, payloads::PAYLOADS};
use crate::world;

/// Checks that a browser reads an answer as data alone, and that nothing in it deceives the eye.
fn is_data(answer: &Answer, about: &str) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{about}: {answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{about}");
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{about}: {policy}");
    assert!(!answer.head.to_lowercase().contains("set-cookie"), "{about}: {}", answer.head);
    let value = answer.json();
    assert!(value.is_object() || value.is_array(), "{about}");
    each_text(&value, &mut |text| {
        let deceives = |c: char| {
            (c.is_control() && c != '\n' && c != '\t')
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        };
        assert!(!text.chars().any(deceives), "{about}: {text:?}");
    });
}

fn each_text(value: &Value, look: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(all) => all.iter().for_each(|one| each_text(one, look)),
        Value::Object(fields) => fields.values().for_each(|one| each_text(one, look)),
        _ => {}
    }
}

/// Makes a query value of a text.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Adds a profile whose program says, writes and commits the payloads that it is given as its task.
fn with_parrot(repo: &TestRepo<'_>) {
    let script = "cat \"$1\"; git-orchestra inbox tell \"$(cat \"$1\")\"; cp \"$1\" said.txt; \
                  printf x > '<img src=x onerror=window.__pwned=1>.txt'; git add -A; git commit -qF \"$1\"";
    repo.write("../parrot.sh", script);
    let place = repo.path().parent().expect("a folder").join("parrot.sh");
    for (key, value) in
        [("command", format!("sh {} {{prompt_file}}", place.display())), ("reads", "prose".to_owned())]
    {
        repo.git(["config", &format!("orchestra.agent.parrot.{key}"), &value]).succeeded();
    }
}

/// Gets everything that a page shows of agents.
fn shown(browser: &Browser, ids: &[String]) -> String {
    let mut paths: Vec<String> =
        ["status", "inbox?all=true", "gates", "reviews", "worktrees", "history", "costs", "sessions"]
            .map(|path| format!("/api/v1/{path}"))
            .to_vec();
    for id in ids {
        paths.extend(
            ["", "/log?lines=500", "/diff", "/review"].map(|end| format!("/api/v1/agents/{id}{end}")),
        );
    }
    paths.extend(["/api/status", "/api/worktrees", "/api/teams"].map(str::to_owned));
    let mut all = String::new();
    for path in paths {
        let answer = browser.get(&path);
        // The output of an agent of another clone is not here.
        assert!(matches!(answer.status, 200 | 409), "{path}: {answer:?}");
        is_data(&answer, &path);
        all.push_str(&answer.body);
    }
    all
}

#[test]
fn what_agents_say_is_data_in_every_answer() {
    let world = world();
    let repo = world.repo();
    with_parrot(&repo);
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let mut ids = Vec::new();
    for some in PAYLOADS.chunks(20) {
        let body = json!({"tasks": [some.join("\n")], "profile": "parrot"});
        let started = browser.post("/api/v1/spawn", &body, "");
        assert_eq!(started.status, 200, "{started:?}");
        is_data(&started, "spawn");
        ids.push(started.json()["agents"][0]["id"].as_str().expect("an id").to_owned());
    }
    ids.iter().for_each(|id| drop(repo.end_of(id)));
    let all = shown(&browser, &ids);
    for payload in PAYLOADS {
        // Of each, the beginning that no filter changes arrives somewhere, as JSON writes it.
        let plain: String = payload.chars().take_while(|c| c.is_ascii_graphic() || *c == ' ').collect();
        let written = json!(plain).to_string();
        assert!(all.contains(written.trim_matches('"')), "{payload:?}");
    }
    assert!(!repo.path().join("evil").exists());
    assert!(server.end());
}

#[test]
fn what_a_request_says_comes_back_as_data() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("true");
    repo.end_of(&id);
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let agent = |end: &str| format!("/api/v1/agents/{id}/{end}");
    for payload in PAYLOADS {
        for (path, body) in [
            ("/api/v1/spawn".to_owned(), json!({"tasks": ["x"], "profile": payload})),
            ("/api/v1/spawn".to_owned(), json!({"tasks": ["x"], "team": payload})),
            ("/api/v1/undo".to_owned(), json!({"operation": payload})),
            ("/api/v1/inbox/read".to_owned(), json!({"messages": [payload]})),
            ("/api/v1/cleanup".to_owned(), json!({"agents": [payload]})),
            ("/api/v1/cleanup".to_owned(), json!({"dry_run": true, "into": payload})),
            ("/api/v1/landing".to_owned(), json!({"dry_run": true, "branches": [payload]})),
            ("/api/v1/gates".to_owned(), json!({"run": payload, "gate": 1, "option": payload})),
            (agent("tag"), json!({"add": [payload]})),
            (agent("review"), json!({"verdict": payload, "base": "x", "head": "x"})),
            (agent("stop"), json!({payload: payload})),
            ("/login".to_owned(), json!({"token": payload})),
        ] {
            let answer = browser.post(&path, &body, "");
            assert!((400..500).contains(&answer.status), "{path} {body}: {answer:?}");
            is_data(&answer, &path);
        }
        let payload = encoded(payload);
        for path in [
            format!("/api/v1/status?{payload}={payload}"),
            format!("/api/v1/status?all={payload}"),
            format!("/api/v1/compare?agents={payload}"),
            format!("/api/v1/{payload}"),
            format!("/api/v1/agents/{payload}"),
        ] {
            let answer = browser.get(&path);
            assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
            is_data(&answer, &path);
        }
    }
    assert_eq!(repo.agents().len(), 1);
    assert!(server.end());
}

#[test]
fn what_another_clone_wrote_is_data_and_drives_nothing() {
    let world = world();
    let theirs = world.repo_named("theirs");
    with_parrot(&theirs);
    theirs.branch("<img/src=x/onerror=window.__pwned=1>", &[("theirs.txt", "1\n")]);
    let spawn = |task: &str| {
        theirs
            .orchestra(["spawn", "-d", "--agent", "parrot", "--name", "theirs", "--", task])
            .succeeded()
            .line()
    };
    let id = spawn(&PAYLOADS[..40].join("\n"));
    theirs.end_of(&id);
    theirs.orchestra(["review", &id, "--approve", "-m", PAYLOADS[0]]).succeeded();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let mut frames = super::stream::Frames::open(&browser);
    frames.next(|event, _| event == "reset");
    let (main, path) = (repo.tip("main"), theirs.path().to_string_lossy().into_owned());
    repo.git([
        "fetch",
        "-q",
        &path,
        "+refs/orchestra/*:refs/orchestra/*",
        "+refs/heads/*:refs/heads/pulled/*",
    ])
    .succeeded();
    let frame = frames.next(|event, data| event == "agent" && data["id"] == id.as_str());
    assert_eq!(frame["phase"], "done", "{frame}");
    shown(&browser, std::slice::from_ref(&id));
    let agent = &browser.get(&format!("/api/v1/agents/{id}")).json()["agents"][0];
    let proposed = &agent["proposed_verdict"]["verdict"];
    assert_eq!((&agent["verdict"], proposed), (&Value::Null, &json!("approve")), "{agent}");
    let plan = json!({"dry_run": true, "branches": ["pulled/<img/src=x/onerror=window.__pwned=1>"]});
    let plan = browser.post("/api/v1/landing", &plan, "");
    is_data(&plan, "plan");
    // Nothing of it started, landed, or was asked for.
    assert_eq!((repo.tip("main"), repo.path().join("evil").exists()), (main, false));
    assert!(server.end());
}
