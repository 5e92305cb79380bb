//! Changes, as they come.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use serde_json::Value;

use super::{Browser, Server, get};
use crate::world;

/// A stream of frames.
pub(super) struct Frames(BufReader<TcpStream>);

impl Frames {
    pub(super) fn open(browser: &Browser) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", browser.port)).expect("connected");
        stream.write_all(get(browser.port, "/api/v1/events", &browser.head()).as_bytes()).expect("sent");
        Self(BufReader::new(stream))
    }

    /// Returns the data of the next frame that `is_meant` accepts.
    pub(super) fn next(&mut self, is_meant: impl Fn(&str, &Value) -> bool) -> Value {
        let mut event = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("a line") > 0, "the stream ended");
            if let Some(name) = line.strip_prefix("event: ") {
                name.trim_end().clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(data).expect("JSON");
                if is_meant(&event, &data) {
                    return data;
                }
            }
        }
    }
}

#[test]
fn changes_come_to_every_listener_and_not_everything_again() {
    let world = world();
    let repo = world.repo();
    let ended = repo.spawn("true");
    repo.end_of(&ended);
    let server = Server::start(&repo, &[]);
    let browser = server.browser(0);
    let mut listeners = [Frames::open(&browser), Frames::open(&browser)];
    for frames in &mut listeners {
        let reset = frames.next(|event, _| event == "reset");
        assert_eq!(
            (&reset["agents"][0]["id"], &reset["more"]),
            (&ended.as_str().into(), &0.into()),
            "{reset}"
        );
        assert!(reset["agents"][0].as_object().expect("an agent").values().all(|value| !value.is_null()));
    }
    // What happens before the watch has looked for the first time is in another reset.
    listeners[0].next(|event, _| event == "counts");
    let id = repo.spawn("touch ready; echo some output; sleep 60");
    for frames in &mut listeners {
        let agent = frames.next(|event, data| event == "agent" && data["phase"] == "running");
        assert_eq!(agent["id"], id.as_str());
        let grown = frames.next(|event, _| event == "log");
        assert_eq!((&grown["agent"], &grown["attempt"]), (&id.as_str().into(), &1.into()));
    }
    repo.orchestra(["stop", &id]).succeeded();
    let [mut first, second] = listeners;
    first.next(|event, data| event == "agent" && data["id"] == id.as_str() && data["phase"] == "stopped");
    drop(second);
    // One that leaves takes nothing from the others.
    let more = repo.spawn("true");
    first.next(|event, data| event == "agent" && data["id"] == more.as_str());
    assert!(server.end());
}

#[test]
fn there_are_so_many_listeners_and_then_no_more() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let browser = server.browser(0);
    let mut all: Vec<Frames> = (0..32).map(|_| Frames::open(&browser)).collect();
    for frames in &mut all {
        frames.next(|event, _| event == "reset");
    }
    assert_eq!(browser.get("/api/v1/events").status, 503);
    assert_eq!(browser.get("/api/v1/status").status, 200);
    drop(all);
    testkit::until("a place is free", || {
        let mut frames = Frames::open(&browser);
        let mut line = String::new();
        frames.0.read_line(&mut line).expect("a line");
        line.contains(" 200 ").then_some(())
    });
    assert!(server.end());
}

#[test]
fn a_gate_that_opens_and_is_answered_comes_without_being_asked_for() {
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &["--write"]);
    let browser = server.browser(0);
    let mut frames = Frames::open(&browser);
    let reset = frames.next(|event, _| event == "reset");
    assert_eq!(reset["runs"], serde_json::json!([]), "{reset}");
    frames.next(|event, _| event == "counts");
    repo.write("../todo.md", "- [ ] `one` false\n");
    let plan = repo.path().parent().expect("a folder").join("todo.md").to_string_lossy().into_owned();
    repo.orchestra(["run", "--agent", "sh", "--check", "true", &plan]);
    let open = frames.next(|event, data| event == "runs" && data["runs"][0]["gates"][0]["kind"] == "failed");
    let run = open["runs"][0]["run"].as_str().expect("a run").to_owned();
    let answer = serde_json::json!({"run": run, "gate": 1, "option": "skip"});
    assert_eq!(browser.post("/api/v1/gates", &answer, "").status, 200);
    frames
        .next(|event, data| event == "runs" && data["runs"][0]["gates"][0]["answers"][0]["option"] == "skip");
    repo.orchestra(["run", "--continue", &run]);
    frames.next(|event, data| event == "runs" && data["runs"] == serde_json::json!([]));
    let later = Frames::open(&browser).next(|event, _| event == "reset");
    assert_eq!(later["runs"], serde_json::json!([]));
    assert!(server.end());
}
