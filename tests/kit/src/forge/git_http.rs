//! The repository itself over HTTP, by git's own `http-backend`.

use std::{
    io::Write,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use super::http::Request;

/// Allows every client to push to a bare repository over HTTP.
pub(crate) fn allow_pushes(bare: &Path) {
    let set = Command::new("git").arg("-C").arg(bare).args(["config", "http.receivepack", "true"]).status();
    assert!(set.expect("git").success(), "git config");
}

/// Answers one request of git, and ends the connection.
pub(crate) fn answer(bare: &Path, request: &Request, client: &mut TcpStream) {
    let mut backend = Command::new("git");
    backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", bare)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", request.path.split_once(".git").map_or("", |(_, rest)| rest))
        .env("QUERY_STRING", &request.query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", request.header("git-protocol").unwrap_or_default())
        .env("REMOTE_USER", super::LOGIN)
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = backend.spawn().expect("git http-backend");
    let mut input = child.stdin.take().expect("its input");
    let body = request.body.clone();
    let feeding = std::thread::spawn(move || input.write_all(&body));
    let output = child.wait_with_output().expect("its answer").stdout;
    let _ = feeding.join();
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let (head, body) =
        (String::from_utf8_lossy(&output[..end]).into_owned(), &output[(end + 4).min(output.len())..]);
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let others: Vec<&str> = head.lines().filter(|line| !line.starts_with("Status:")).collect();
    let head = format!(
        "HTTP/1.1 {status}\r\n{}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        others.join("\r\n"),
        body.len()
    );
    let _ = client.write_all(head.as_bytes());
    let _ = client.write_all(body);
}
