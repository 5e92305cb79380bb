//! Agents are exchanged through every transport of git: a path, `file://`, ssh, git's own daemon, smart
//! http.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
};

use testkit::{TestRepo, World};

use crate::{skip, sync::first, world};

/// git's own http backend behind a small server, for a directory of repositories; it prints its port.
const HTTP: &str = r#"
import http.server, os, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        path, _, query = self.path.partition('?')
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        if self.headers.get('Transfer-Encoding') == 'chunked':
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size); self.rfile.readline()
            self.rfile.readline()
        env = dict(os.environ, REQUEST_METHOD=self.command, PATH_INFO=path, QUERY_STRING=query, REMOTE_USER='me',
                   GIT_PROJECT_ROOT=sys.argv[1], GIT_HTTP_EXPORT_ALL='1', CONTENT_LENGTH=str(len(body)),
                   CONTENT_TYPE=self.headers.get('Content-Type') or '', GIT_PROTOCOL=self.headers.get('Git-Protocol') or '',
                   HTTP_CONTENT_ENCODING=self.headers.get('Content-Encoding') or '')
        out = subprocess.run(['git', 'http-backend'], input=body, env=env, stdout=subprocess.PIPE).stdout
        head, _, content = out.partition(b'\r\n\r\n')
        lines = [line.split(': ', 1) for line in head.decode().split('\r\n')]
        status = next((value for name, value in lines if name == 'Status'), '200 OK')
        self.send_response(int(status.split()[0]))
        for name, value in lines:
            if name != 'Status': self.send_header(name, value)
        self.send_header('Content-Length', str(len(content))); self.end_headers(); self.wfile.write(content)
    do_GET = do_POST = answer
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// Creates a script that replaces a program with which git reaches another machine.
fn script(world: &World, name: &str, text: &str) -> String {
    let path = world.dir().join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    path.to_string_lossy().into_owned()
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn http(world: &World) -> Option<(Server, String)> {
    let mut command = world.command("python3", world.dir());
    let child = command.args(["-c", HTTP]).arg(world.dir()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        skip("no python3");
        return None;
    };
    let mut port = String::new();
    BufReader::new(child.stdout.take()?).read_line(&mut port).expect("a port");
    Some((Server(child), port.trim().to_owned()))
}

/// Sends an agent there, and fetches it into a new clone.
fn carries(world: &World, a: &TestRepo<'_>, name: &str, address: &str, settings: &[(&str, &str)]) {
    let id = a.spawn(&format!("echo {name} > {name}.txt"));
    a.end_of(&id);
    let b = world.repo_named(&format!("clone-{name}"));
    b.git(["fetch", "-q", &a.path().to_string_lossy(), "main:other"]);
    for repo in [a, &b] {
        for (key, value) in settings {
            repo.git(["config", key, value]);
        }
    }
    a.orchestra(["sync", "--yes", "--with", "work", address]).succeeded();
    b.orchestra(["sync", "--fetch", address]).succeeded().stdout_has(&format!("{id} is new here"));
    assert_eq!(b.file_in_head(&id, &format!("{name}.txt")), format!("{name}\n"));
    b.orchestra(["sync", "--fetch", address]).succeeded().stderr_has("already up to date");
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[test]
fn every_transport_of_git_works() {
    let world = world();
    let a = first(&world);
    let hub = world.dir().join("hub.git");
    world.git(&hub, ["config", "http.receivepack", "true"]);
    carries(&world, &a, "path", &shown(&hub), &[]);
    carries(&world, &a, "relative", "../hub.git", &[]);
    carries(&world, &a, "file", &format!("file://{}", hub.display()), &[]);
    // The command that ssh would start on the other machine runs here.
    let ssh = script(&world, "ssh", r#"for last; do :; done; exec sh -c "$last""#);
    carries(
        &world,
        &a,
        "ssh",
        &format!("ssh://me@there{}", hub.display()),
        &[("core.sshCommand", &ssh), ("ssh.variant", "simple")],
    );
    let base = world.dir().display();
    let daemon = format!(
        "exec git daemon --inetd --export-all --enable=receive-pack --base-path='{base}' 2>/dev/null"
    );
    let proxy = script(&world, "proxy", &daemon);
    carries(&world, &a, "daemon", "git://there/hub.git", &[("core.gitProxy", &proxy)]);
    let Some((_server, port)) = http(&world) else { return };
    carries(&world, &a, "http", &format!("http://127.0.0.1:{port}/hub.git"), &[]);
}
