//! What the calls answer, and what they change.

use serde_json::{Value, json};

use super::Server;
use crate::world;

#[test]
fn calls_answer_what_commands_print() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("echo hello; echo line > new.txt");
    repo.end_of(&id);
    let server = Server::start(&repo, &[]);
    let browser = server.browser(0);
    let list = browser.get("/api/v1").json();
    let reading: Vec<String> = list["calls"]
        .as_array()
        .expect("calls")
        .iter()
        .filter(|call| call["method"] == "GET" && call["path"] != "/api/v1/events")
        // What these need is not in every repository; other tests make them.
        .filter(|call| {
            let path = call["path"].as_str().expect("a path");
            !["/command", "{name}", "{session}", "/compare", "/search"].iter().any(|end| path.ends_with(end))
        })
        .map(|call| call["path"].as_str().expect("a path").replace("{id}", &id))
        .collect();
    assert!(reading.len() >= 20, "{reading:?}");
    for path in reading.iter().filter(|path| !path.ends_with(".json")) {
        let answer = browser.get(path);
        assert_eq!((answer.status, &answer.json()["version"]), (200, &json!(1)), "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let mut printed = repo.orchestra(["status", "--json"]).succeeded().json();
    let mut shown = browser.get("/api/v1/status").json();
    for answer in [&mut printed, &mut shown] {
        answer["agents"][0]
            .as_object_mut()
            .expect("an agent")
            .retain(|name, _| name != "dirty" && name != "dirty_at");
    }
    assert_eq!(shown, printed);
    let diff = browser.get(&format!("/api/v1/agents/{id}/diff")).json();
    assert!(diff["text"].as_str().expect("a text").contains("+line"), "{diff}");
    let page = browser.get(&format!("/api/v1/agents/{id}/log")).json();
    assert_eq!(page["entries"][0]["event"], json!({"kind": "output", "text": "hello"}), "{page}");
    let next =
        format!("/api/v1/agents/{id}/log?attempt={}&from={}", page["next"]["attempt"], page["next"]["from"]);
    let rest = browser.get(&next).json();
    assert_eq!((&rest["entries"], &rest["more"]), (&json!([]), &json!(false)));
    for (path, status) in [
        ("/api/v1/agents/nosuch", 404),
        ("/api/v1/agents/nosuch/log", 404),
        ("/api/v1/agents/nosuch/diff", 404),
        ("/api/v1/status?all=perhaps", 400),
        ("/api/v1/sessions?limit=-1", 400),
        ("/api/v1/sessions/x?from=a", 400),
        ("/api/v1/agents/x/log?lines=3&attempt=1", 400),
        ("/api/v1/sessions/search", 400),
        ("/api/v1/sessions/search?words=x&regex=1", 400),
        ("/api/v1/compare?agents=nosuch,other", 404),
        ("/api/v1/specs/nosuch", 404),
        ("/api/v1/specs/nosuch?version=one", 400),
        ("/api/v1/agents/nosuch/command", 404),
        ("/api/v1/agents//log", 404),
        ("/api/v1/agents/%2e%2e/log", 404),
        ("/api/v2/status", 404),
    ] {
        let answer = browser.get(path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(answer.json()["kind"], "error", "{path}");
    }
    assert!(server.end());
}

#[test]
fn the_description_is_complete() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let browser = server.browser(0);
    let document = browser.get("/api/v1/openapi.json").json();
    let text = document.to_string();
    for at in text.match_indices("\"#/components/schemas/").map(|(at, word)| at + word.len()) {
        let name = text[at..].split('"').next().expect("a name");
        assert!(document["components"]["schemas"].get(name).is_some(), "{name} is not described");
    }
    assert!(!text.contains("$defs"));
    // Each call of another program is there, and names one of ours that is.
    let list = browser.get("/api/v1").json();
    for alias in list["aliases"].as_array().expect("aliases") {
        let (method, path) =
            (alias["method"].as_str().expect("a method"), alias["path"].as_str().expect("a path"));
        let described = &document["paths"][path][method.to_lowercase()];
        assert_eq!(described["deprecated"], true, "{method} {path}");
        let ours = described["description"]
            .as_str()
            .and_then(|text| text.split_once("In its place: "))
            .expect("ours")
            .1;
        let (of, at) = ours.split_once(' ').expect("a call");
        let is_ours = document["paths"][at][of.to_lowercase()]["deprecated"].is_null()
            && !document["paths"][at].is_null();
        assert!(is_ours || ours == "git push, which a person types", "{path}: {ours}");
    }
    let paths = serde_json::to_string_pretty(&document["paths"]).expect("JSON");
    insta::with_settings!({ snapshot_path => "../pages", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("web-paths", paths);
    });
    assert!(server.end());
}

#[test]
fn the_description_says_what_the_calls_accept() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let document = browser.get("/api/v1/openapi.json").json();
    let list = browser.get("/api/v1").json();
    let mut typed = 0;
    for call in list["calls"].as_array().expect("calls") {
        let (method, path) =
            (call["method"].as_str().expect("a method"), call["path"].as_str().expect("a path"));
        if path == "/api/v1/events" {
            continue;
        }
        let described = &document["paths"][path][method.to_lowercase()];
        assert_eq!(described["summary"], call["about"], "{method} {path}");
        let parameters: Vec<&Value> =
            described["parameters"].as_array().expect("parameters").iter().collect();
        let named = |place: &str| -> Vec<String> {
            let all = parameters.iter().filter(|one| one["in"] == place);
            all.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
        };
        let places: Vec<String> = path
            .split('/')
            .filter_map(|word| Some(word.strip_prefix('{')?.strip_suffix('}')?.to_owned()))
            .collect();
        assert_eq!(named("path"), places, "{path}");
        let takes: Vec<String> = call["takes"]
            .as_array()
            .expect("names")
            .iter()
            .map(|name| name.as_str().expect("a name").to_owned())
            .collect();
        if method == "POST" {
            let body = &described["requestBody"]["content"]["application/json"]["schema"];
            assert_eq!(body["additionalProperties"], false, "{path}");
            let fields = body["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
            assert_eq!(fields.collect::<Vec<_>>(), takes, "{path}");
            let unknown = browser.post(&path.replace(['{', '}'], ""), &json!({"nonsense": 1}), "");
            assert_eq!(unknown.status, 400, "{path}: {unknown:?}");
            continue;
        }
        assert_eq!(named("query"), takes, "{path}");
        for parameter in parameters.iter().filter(|one| one["in"] == "query") {
            let wrong: &[&str] = match parameter["schema"]["type"].as_str().expect("a type") {
                "boolean" => &["perhaps", "1", "", "TRUE"],
                "integer" => &["-1", "x", "1.5", "", "99999999999999999999"],
                "string" => &[],
                other => panic!("{path}: {other}"),
            };
            for value in wrong {
                let name = parameter["name"].as_str().expect("a name");
                // The other parameters that it needs are there.
                let needed: String = parameters
                    .iter()
                    .filter(|one| one["in"] == "query" && one["required"] == true && one["name"] != name)
                    .map(|one| format!("&{}=x", one["name"].as_str().expect("a name")))
                    .collect();
                let answer = browser.get(&format!("{}?{name}={value}{needed}", path.replace(['{', '}'], "")));
                assert_eq!(answer.status, 400, "{path} {name}={value}: {answer:?}");
                typed += 1;
            }
        }
    }
    assert!(typed > 30, "{typed}");
    assert!(server.end());
}

#[test]
fn texts_that_deceive_are_made_visible() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("printf 'a\\342\\200\\256b\\033[2J<script>c\\n'");
    repo.end_of(&id);
    let server = Server::start(&repo, &[]);
    let page = server.browser(0).get(&format!("/api/v1/agents/{id}/log")).json();
    let text = page["entries"][0]["event"]["text"].as_str().expect("a text");
    assert!(text.contains("a\\u{202e}b") && text.contains("<script>c") && !text.contains('\u{1b}'), "{text}");
    assert!(server.end());
}

#[test]
fn nothing_changes_for_guests_and_without_the_option() {
    let world = world();
    let repo = world.repo();
    let id = repo.spawn("touch ready; sleep 60");
    repo.wait_for_file(&id, "ready");
    let stop = format!("/api/v1/agents/{id}/stop");
    let reading = Server::start(&repo, &[]);
    let answer = reading.browser(0).post(&stop, &json!({}), "");
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.json()["hints"][0].as_str().expect("a hint").contains("--write"));
    assert!(reading.end());
    let writing = Server::start(&repo, &["--write", "--guest"]);
    let (owner, guest) = (writing.browser(0), writing.browser(1));
    assert_eq!(guest.get("/api/v1/status").status, 200);
    assert_eq!(guest.post(&stop, &json!({}), "").status, 403);
    assert_eq!(repo.agent(&id)["liveness"], "live");
    assert_eq!(owner.post(&stop, &json!({"nonsense": 1}), "").status, 400);
    assert_eq!(owner.post("/api/v1/agents/nosuch/stop", &json!({}), "").status, 404);
    let stopped = owner.post(&stop, &json!({"reason": "enough"}), "").json();
    assert_eq!(
        (&stopped["kind"], &stopped["agents"][0]["outcome"]),
        (&json!("stop"), &json!("stopped")),
        "{stopped}"
    );
    assert_eq!(repo.agent(&id)["phase"], "stopped");
    assert!(writing.end());
}

#[test]
fn a_question_is_answered_by_its_id_and_once() {
    let world = world();
    let repo = world.repo().with_scripted_claude();
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let script = json!({"tasks": ["touch evil"], "profile": "sh"});
    assert_eq!(browser.post("/api/v1/spawn", &script, "").status, 409);
    repo.git(["config", "orchestra.onPrompt", "ask"]);
    let started =
        browser.post("/api/v1/spawn", &json!({"tasks": ["ask git push\nhang"], "profile": "claude"}), "");
    assert_eq!((started.status, &started.json()["kind"]), (200, &json!("spawn")), "{started:?}");
    let id = started.json()["agents"][0]["id"].as_str().expect("an id").to_owned();
    let asking = repo.wait_for(&id, "waiting");
    let question = asking["request"]["id"].clone();
    let answer = format!("/api/v1/agents/{id}/answer");
    let wrong = browser.post(&answer, &json!({"question": "another", "allow": true}), "");
    assert_eq!(wrong.status, 409, "{wrong:?}");
    assert_eq!(browser.post(&answer, &json!({"allow": true}), "").status, 400);
    let allow = json!({"question": question, "allow": true});
    let key = "Idempotency-Key: 7f3a-1\r\n";
    let first = browser.post(&answer, &allow, key);
    assert_eq!(first.status, 200, "{first:?}");
    let again = browser.post(&answer, &allow, key);
    assert_eq!((again.status, &again.body), (200, &first.body));
    let other: Value = json!({"question": question, "allow": false});
    assert_eq!(browser.post(&answer, &other, key).status, 422);
    assert_eq!(browser.post(&answer, &allow, "Idempotency-Key: a b\r\n").status, 400);
    let answers = repo.events(&id).iter().filter(|event| event["allow"] == true).count();
    assert!(answers <= 1, "{answers}");
    repo.orchestra(["stop", &id]).succeeded();
    assert!(server.end());
}
