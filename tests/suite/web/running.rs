//! One server for a repository, which others find and ask for links.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
};

use serde_json::{Value, json};

use super::{Server, get, next_link};
use crate::world;

#[test]
fn a_second_server_says_where_the_first_one_runs() {
    let world = world();
    let repo = world.repo();
    let file = repo.path().join(".git/orchestra/web.json");
    let server = Server::start(&repo, &[]);
    let text = fs::read_to_string(&file).expect("a file");
    let place: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&place["port"], &place["pid"]), (&json!(server.port), &json!(server.program.id())));
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let browser = server.browser(0);
    let cookie = browser.cookie.split('=').nth(1).expect("a value").to_owned();
    assert!(![&server.tokens[0], &browser.key, &cookie].iter().any(|secret| text.contains(secret.as_str())));
    let second = repo.orchestra(["web"]).exits(3);
    second.stderr_has(&format!("http://127.0.0.1:{}/", server.port)).stderr_has("--new-token");
    assert_eq!(fs::read_to_string(&file).expect("a file"), text);
    assert!(server.end() && !file.exists());
    for option in ["--new-token", "--revoke"] {
        repo.orchestra(["web", option]).exits(3).stderr_has("git orchestra web serves it");
    }
    // A server that was killed is in nobody's way, whatever its file says.
    let mut killed = Server::start(&repo, &[]);
    killed.program.kill().expect("killed");
    killed.program.wait().expect("an end");
    assert!(file.exists());
    repo.orchestra(["web", "--new-token"]).exits(3);
    let next = Server::start(&repo, &[]);
    assert!(next.end() && !file.exists());
}

#[test]
fn a_new_link_is_printed_where_the_server_runs() {
    let world = world();
    let repo = world.repo();
    let mut server = Server::start(&repo, &["--write"]);
    let first = server.browser(0);
    let asked = repo.orchestra(["web", "--new-token"]).succeeded();
    let asked = asked.stderr_has(&format!("port {}", server.port));
    let (_, token) = next_link(&mut server.output);
    assert!(!asked.stdout().contains(&token) && !asked.stderr().contains(&token));
    assert_eq!(server.log_in(&token).status, 200);
    assert_eq!(first.get("/api/v1/status").status, 200, "who was in stays in");
    repo.orchestra(["web", "--new-token", "--write"]).exits(2);
    // An agent gets no link printed, and logs nobody out.
    let id = repo.spawn("touch ready; sleep 60");
    repo.wait_for_file(&id, "ready");
    for option in ["--new-token", "--revoke"] {
        let mut command = repo.orchestra_command(["web", option]);
        testkit::Ran::of(command.envs(repo.variables_of(&id))).exits(3).stderr_has("an agent cannot");
    }
    assert_eq!(first.get("/api/v1/status").status, 200);
    repo.orchestra(["stop", &id]).succeeded();
    assert!(server.end());
}

#[test]
fn revoking_ends_all_logins_links_and_streams() {
    let world = world();
    let repo = world.repo();
    let mut server = Server::start(&repo, &["--guest"]);
    let browser = server.browser(0);
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).expect("connected");
    stream.write_all(get(server.port, "/api/v1/events", &browser.head()).as_bytes()).expect("sent");
    let mut first = [0; 16];
    stream.read_exact(&mut first).expect("the beginning");
    assert_eq!(&first[..12], b"HTTP/1.1 200");
    repo.orchestra(["web", "--revoke"]).succeeded().stderr_has("logged out");
    let (_, token) = next_link(&mut server.output);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the stream ends");
    assert_eq!(browser.get("/api/v1/status").status, 401);
    assert_eq!(server.log_in(&server.tokens[1]).status, 401, "a link that was not used yet");
    assert_eq!(server.log_in(&token).status, 200);
    assert!(server.end());
}
