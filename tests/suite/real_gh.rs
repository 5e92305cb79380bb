//! The real `gh`, GitHub's own program: as the place of the token, and as a second client of the forge.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
};

use testkit::{ForgeFlavor, Ran, TestRepo};

use crate::{
    pr::{TOKEN, done, on_forge, only},
    world,
};

/// Returns whether `gh` is installed; otherwise the test is skipped.
fn has_gh() -> bool {
    let has =
        std::process::Command::new("gh").arg("--version").output().is_ok_and(|ran| ran.status.success());
    if !has {
        crate::skip("gh is not installed");
    }
    has
}

/// Lets `gh` reach the forge as github.com: over a socket, where it sends plain HTTP to paths without `/api/v3`. Each connection has one
/// request.
fn forward(socket: &Path, forge: String) {
    let listener = UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            forward_one(client, &forge);
        }
    });
}

fn forward_one(mut client: UnixStream, forge: &str) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a request");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).expect("a body");
    let mut server = TcpStream::connect(forge).expect("the forge");
    server.write_all(head.replacen(" /", " /api/v3/", 1).as_bytes()).expect("sent");
    server.write_all(&body).expect("sent");
    // The forge keeps the connection until its client ends it.
    server.shutdown(std::net::Shutdown::Write).expect("ended");
    std::io::copy(&mut server, &mut client).expect("an answer");
}

/// Runs `gh api`, and returns what it printed.
fn api(repo: &TestRepo<'_>, arguments: &[&str]) -> String {
    let mut gh = repo.command("gh");
    gh.arg("api").args(arguments).env("GH_CONFIG_DIR", repo.world().dir().join("gh")).env("GH_TOKEN", TOKEN);
    Ran::of(&mut gh).succeeded().stdout()
}

#[test]
fn gh_has_the_token_and_sees_and_changes_the_same_pull_request() {
    if !has_gh() {
        return;
    }
    let world = world();
    let (repo, forge) = on_forge(&world, ForgeFlavor::GitHub);
    repo.git(["config", "--unset", &format!("orchestra.forge.{}.tokenCommand", forge.host())]).succeeded();
    let folder = world.home().join(".config/gh");
    fs::create_dir_all(&folder).expect("a folder");
    let login = format!("\"{}\":\n    oauth_token: {TOKEN}\n    user: kim\n", forge.host());
    fs::write(folder.join("hosts.yml"), login).expect("a login");
    let id = done(&repo, "echo 1 > a.txt");
    repo.orchestra(["pr", &id, "--label", "bug"]).succeeded().stdout_has(": opened 1 http");
    let doctor = repo.orchestra(["doctor", "--online", "--json"]).stdout();
    assert!(doctor.contains("the token of the login of gh") && !doctor.contains(TOKEN), "{doctor}");

    let socket = world.dir().join("gh.sock");
    forward(&socket, forge.host());
    let folder = world.dir().join("gh");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("config.yml"), format!("http_unix_socket: {}\n", socket.display()))
        .expect("a file");
    let seen =
        api(&repo, &["repos/team/app/pulls", "--jq", ".[] | [.number, .state, .head.ref, .head.sha] | @tsv"]);
    let agent = repo.agent(&id);
    let text = |field: &str| agent[field].as_str().expect("a text").to_owned();
    assert_eq!(seen.trim(), format!("1\topen\t{}\t{}", text("branch"), text("head")));
    api(&repo, &["-X", "PATCH", "repos/team/app/pulls/1", "-f", "title=By gh", "--silent"]);
    repo.orchestra(["pr", &id]).succeeded().stdout_has(": unchanged 1 http");
    assert_eq!(only(&forge).title, "By gh");
    api(&repo, &["-X", "PATCH", "repos/team/app/pulls/1", "-f", "state=closed", "--silent"]);
    repo.orchestra(["pr", &id, "--merge"]).exits(3).stderr_has("is closed");
    assert_eq!(forge.faults(), Vec::<String>::new(), "by the official description");
}
