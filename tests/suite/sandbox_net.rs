//! `--sandbox net`: which hosts an agent reaches. Each attack is tried with the network of the machine as well, where it must succeed:
//! otherwise the test would show nothing.

use std::{
    io::{Read, Write},
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;
use testkit::{Ran, TestRepo};

use crate::world;

/// Returns whether this machine can make such a sandbox; otherwise the test is skipped.
fn can_make_one() -> bool {
    let arguments = ["--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "--dev", "/dev", "true"];
    let can = Command::new("bwrap").args(arguments).output().is_ok_and(|ran| ran.status.success());
    if !can {
        crate::skip("bubblewrap cannot make a sandbox with a network of its own here");
    }
    can
}

/// Answers every connection with some bytes, in the background. Returns the port.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = client.read(&mut [0; 4096]);
                let _ = client
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nREACHED");
            });
        }
    });
    port
}

/// Runs a script of bash as an agent at a level to its end. Returns the agent with its output.
fn ended(repo: &TestRepo<'_>, level: &str, script: &str) -> (Value, String) {
    repo.write("try.sh", script);
    repo.git(["add", "try.sh"]);
    repo.git(["commit", "-qm", "a script", "--allow-empty"]);
    let task = ["spawn", "--agent", "sh", "--detach", "--again", "--sandbox", level, "--", "bash try.sh"];
    let id = repo.orchestra(task).succeeded().line();
    let agent = repo.end_of(&id);
    (agent, repo.orchestra(["logs", &id]).succeeded().stdout())
}

/// What a script tries; it prints one line for each that reached something.
const TRIES: &[(&str, &str)] = &[
    ("a port that is allowed", "ask 127.0.0.1 {allowed} 'GET / HTTP/1.1\\r\\n\\r\\n'"),
    ("another port of the machine", "ask 127.0.0.1 {other} 'GET / HTTP/1.1\\r\\n\\r\\n'"),
    ("the same by its other address", "ask ::1 {other} 'GET / HTTP/1.1\\r\\n\\r\\n'"),
    (
        "an abstract socket",
        "python3 -c \"import socket; s=socket.socket(socket.AF_UNIX); s.connect('\\0{abstract}'); print('REACHED')\"",
    ),
    (
        "the proxy to the allowed port",
        "by_proxy 'CONNECT 127.0.0.1:{allowed} HTTP/1.1\\r\\n\\r\\nGET / HTTP/1.1\\r\\n\\r\\n'",
    ),
    (
        "the proxy to another port",
        "by_proxy 'CONNECT 127.0.0.1:{other} HTTP/1.1\\r\\n\\r\\nGET / HTTP/1.1\\r\\n\\r\\n'",
    ),
    (
        "the proxy by another name",
        "by_proxy 'CONNECT localhost:{other} HTTP/1.1\\r\\n\\r\\nGET / HTTP/1.1\\r\\n\\r\\n'",
    ),
    ("the proxy without encryption", "by_proxy 'GET http://127.0.0.1:{other}/ HTTP/1.1\\r\\n\\r\\n'"),
    ("a page of the allowed port", "by_proxy 'GET http://127.0.0.1:{allowed}/ HTTP/1.1\\r\\n\\r\\n'"),
];

const FUNCTIONS: &str = r#"
send() { echo datagram > "/dev/udp/127.0.0.1/$1"; } 2>/dev/null
ask() { ( exec 3<>"/dev/tcp/$1/$2" && printf "$3" >&3 && timeout 20 cat <&3 ) 2>/dev/null; }
by_proxy() { address=${HTTP_PROXY#http://}; ask "${address%:*}" "${address##*:}" "$1"; }
try() { if eval "$2" 2>/dev/null | grep -aq REACHED; then echo "reached: $1"; fi; }
"#;

/// Runs a command and then all tries, and returns those that reached something.
fn reached(repo: &TestRepo<'_>, level: &str, first: &str, places: &[(&str, String)]) -> (Value, Vec<String>) {
    let mut script = format!("{FUNCTIONS}{first}\n");
    for (what, command) in TRIES {
        let filled =
            places.iter().fold((*command).to_owned(), |text, (name, value)| text.replace(name, value));
        script.push_str(&format!("try '{what}' {}\n", quoted(&filled)));
    }
    // The reason of an agent that fails says what was refused.
    script.push_str("exit 3\n");
    let (agent, said) = ended(repo, level, &script);
    (agent, said.lines().filter_map(|line| line.strip_prefix("reached: ")).map(str::to_owned).collect())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[test]
fn only_hosts_that_are_allowed_are_reached() {
    if !can_make_one() {
        return;
    }
    let world = world();
    let repo = world.repo();
    let (allowed, other) = (server(), server());
    let name = format!("orchestra-test-{allowed}");
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let _abstract = UnixListener::bind_addr(&address).expect("a socket");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a port");
    datagrams.set_nonblocking(true).expect("a socket");
    let datagram_port = datagrams.local_addr().expect("an address").port();
    let arrives = || datagrams.recv(&mut [0; 64]).is_ok();
    let places = [("{allowed}", allowed.to_string()), ("{other}", other.to_string()), ("{abstract}", name)];
    // Twice is once.
    repo.git(["config", "--add", "orchestra.sandboxHost", &format!("127.0.0.1:{allowed}")]);
    repo.git(["config", "--add", "orchestra.sandboxHost", &format!("localhost:{allowed}")]);
    let send = format!("send {datagram_port}");

    let (agent, open) = reached(&repo, "files", &send, &places);
    assert_eq!(agent["sandbox"], "files by bubblewrap");
    assert!(arrives(), "a datagram");
    assert_eq!(open, ["a port that is allowed", "another port of the machine", "an abstract socket"]);

    let (agent, open) = reached(&repo, "net", &send, &places);
    assert_eq!(agent["sandbox"], "net by bubblewrap");
    assert!(!arrives(), "a datagram");
    assert_eq!(
        open,
        ["a port that is allowed", "the proxy to the allowed port", "a page of the allowed port"],
        "{agent}"
    );
    let reason = agent["reason"].as_str().expect("a reason");
    let refused = format!("its sandbox refused 127.0.0.1:{other} and 1 more (orchestra.sandboxHost)");
    assert!(reason.contains(&refused), "{reason}");
}

#[test]
fn a_host_that_is_allowed_later_is_reached_after_resume() {
    if !can_make_one() {
        return;
    }
    let world = world();
    let repo = world.repo();
    let port = server();
    let place =
        [("{other}", port.to_string()), ("{allowed}", "9".to_owned()), ("{abstract}", "x".to_owned())];
    let (agent, open) = reached(&repo, "net", "", &place);
    assert_eq!(open, Vec::<String>::new());
    repo.git(["config", "--add", "orchestra.sandboxHost", &format!("127.0.0.1:{port}")]);
    let id = agent["id"].as_str().expect("an id");
    repo.orchestra(["resume", id, "--detach"]).succeeded();
    repo.end_of(id);
    let said = repo.orchestra(["logs", id]).succeeded().stdout();
    assert!(said.contains("reached: another port of the machine"), "{said}");
}

#[test]
fn what_is_no_request_is_answered_and_disturbs_nobody() {
    if !can_make_one() {
        return;
    }
    let world = world();
    let repo = world.repo();
    let port = server();
    repo.git(["config", "orchestra.sandboxHost", &format!("127.0.0.1:{port}")]);
    let script = format!(
        r#"{FUNCTIONS}
by_proxy 'GET / HTTP/1.1\r\n\r\n' | head -1
by_proxy 'CONNECT ../../x:1 HTTP/1.1\r\n\r\n' | head -1
by_proxy '\000\001\002\r\n\r\n' | head -1
address=${{HTTP_PROXY#http://}}
( exec 3<>"/dev/tcp/${{address%:*}}/${{address##*:}}" && head -c 200000 /dev/zero >&3 && cat <&3 ) 2>/dev/null
by_proxy 'CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n' | tail -1
"#
    );
    let (agent, said) = ended(&repo, "net", &script);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.starts_with("$ ")).collect();
    let bad = "HTTP/1.1 400 Bad Request";
    assert_eq!(lines, [bad, bad, bad, "REACHED"], "{agent} {said}");
}

#[test]
fn other_proxies_of_the_machine_and_wrong_hosts_are_refused_in_words() {
    if !can_make_one() {
        return;
    }
    let world = world();
    let repo = world.repo();
    let spawn = ["spawn", "--agent", "sh", "--detach", "--sandbox", "net", "--", "echo 1"];
    let mut behind = repo.orchestra_command(spawn);
    Ran::of(behind.env("https_proxy", "socks5://proxy.example.com:1080"))
        .exits(3)
        .stderr_has("cannot run agents in the sandbox 'net' behind the proxy of https_proxy")
        .stderr_has("http://[user:password@]host:port")
        .stderr_has("--sandbox files");
    repo.git(["config", "orchestra.sandboxHost", "https://example.com/"]);
    repo.orchestra(spawn)
        .exits(3)
        .stderr_has("git config 'orchestra.sandboxHost' has the value 'https://example.com/', not a host");
    assert_eq!(repo.refs("refs/orchestra/"), []);
}

/// A proxy that knows one host, and one person by the password. Returns its port, and how often it was asked for that host.
fn company_proxy(host: &'static str, login: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let is_known = head.contains(&format!("Proxy-Authorization: Basic {login}\r\n"));
            count.fetch_add(usize::from(head.contains(host)), Ordering::Relaxed);
            let _ = match is_known {
                true if head.starts_with("CONNECT ") => client.write_all(b"HTTP/1.1 200 OK\r\n\r\nREACHED"),
                true => client.write_all(b"HTTP/1.1 200 OK\r\n\r\nREACHED in clear"),
                false => client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
            };
        }
    });
    (port, asked)
}

#[test]
fn an_allowed_host_is_reached_through_the_proxy_of_the_machine_whose_password_stays_outside() {
    if !can_make_one() {
        return;
    }
    let world = world();
    let repo = world.repo();
    repo.git(["config", "orchestra.sandboxHost", "service.example"]);
    let (port, asked) = company_proxy("service.example", "a2ltOmhpZGRlbg==");
    let script = format!(
        r#"{FUNCTIONS}
by_proxy 'CONNECT service.example:443 HTTP/1.1\r\n\r\nhello' | tail -1
echo; by_proxy 'GET http://service.example/ HTTP/1.1\r\n\r\n' | tail -1
echo; by_proxy 'CONNECT other.example:443 HTTP/1.1\r\n\r\n' | head -1
cat /proc/*/environ | tr '\0' '\n' | grep -c -e hidden -e kim
"#
    );
    repo.write("try.sh", &script);
    repo.git(["add", "try.sh"]);
    repo.git(["commit", "-qm", "a script"]);
    let said = |login: &str| {
        let task = ["spawn", "--agent", "sh", "--detach", "--again", "--sandbox", "net", "--", "bash try.sh"];
        let mut spawn = repo.orchestra_command(task);
        let address = format!("http://{login}@127.0.0.1:{port}");
        let id = Ran::of(spawn.env("https_proxy", &address).env("http_proxy", &address)).succeeded().line();
        repo.end_of(&id);
        let said = repo.orchestra(["logs", &id]).succeeded().stdout();
        let lines = said.lines().map(str::trim).filter(|line| !line.starts_with("$ ") && !line.is_empty());
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let refused = "HTTP/1.1 403 Forbidden";
    assert_eq!(said("kim:hidden"), ["REACHED", "REACHED in clear", refused, "0"]);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    let [tunnel, ..] = &said("kim:wrong")[..] else { panic!("no output") };
    assert_eq!(
        tunnel,
        &format!(
            "'service.example:443' cannot be reached: the proxy of https_proxy at 127.0.0.1:{port} answers '407 Proxy Authentication Required'"
        )
    );
}
