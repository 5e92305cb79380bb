//! Looks up the addresses of a host.
//!
//! The C library loads parts of itself to look up a name. A program that contains the library would load them from the system's, which is
//! another version after an update, and could crash. So `getent`, a program of the C library, does it; this bounds the time as well.

use std::{
    io::{self, Read},
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::{backoff::Backoff, context::Cancel, model::host::HostAndPort, process, world::Environment};

/// The program of the C library.
const PROGRAM: &str = "getent";
/// Its exit code for a name that has no address.
const UNKNOWN: i32 = 2;
/// How long it may take: the C library asks each server of names twice, for five seconds.
const LOOKUP_TIME: Duration = Duration::from_secs(15);

/// Returns the addresses of a host, in the order in which they are to be tried: one or more.
///
/// # Errors
/// The name has no address, or it took too long to look it up.
pub fn addresses(
    environment: &Environment,
    host: &HostAndPort,
    cancel: &Cancel,
) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, host.port)]);
    }
    let found = match ask(environment, &host.host, cancel)? {
        Some(found) => found.into_iter().map(|address| SocketAddr::new(address, host.port)).collect(),
        None => (host.host.as_str(), host.port).to_socket_addrs()?.collect(),
    };
    if Vec::is_empty(&found) { Err(unknown()) } else { Ok(found) }
}

/// Asks the program. `None` if it is not installed, or does not know how to look up all addresses of a host.
fn ask(environment: &Environment, name: &str, cancel: &Cancel) -> io::Result<Option<Vec<IpAddr>>> {
    let mut command = process::command(environment, PROGRAM);
    command.args(["ahosts", name]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = match process::spawn(&mut command) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        started => started?,
    };
    let until = Instant::now() + LOOKUP_TIME;
    let ended = process::wait_until(&mut child, until, Backoff::millis(1, 20), cancel)?;
    let Some(status) = ended else {
        process::kill_tree(&mut child);
        return Err(io::Error::new(io::ErrorKind::TimedOut, "the lookup of its name took too long"));
    };
    match status.code() {
        Some(0) => Ok(Some(read(&said(&mut child)))),
        Some(UNKNOWN) => Err(unknown()),
        _ => Ok(None),
    }
}

/// Returns what a program that has ended wrote. A process that it started could keep the pipe open, but what it wrote itself fits into it.
fn said(child: &mut Child) -> String {
    let mut bytes = vec![0; 64 * 1024];
    let read = child.stdout.take().map_or(Ok(0), |mut pipe| pipe.read(&mut bytes)).unwrap_or_default();
    bytes.truncate(read);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads the addresses, each of which is there once for every kind of connection.
fn read(said: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in said.lines() {
        let address = line.split_whitespace().next().and_then(|word| word.parse().ok());
        found.extend(address.filter(|address| !found.contains(address)));
    }
    found
}

fn unknown() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "its name has no address")
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// Looks up a name with a program that does this, or without one.
    fn with(script: Option<&str>, name: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        if let Some(script) = script {
            let program = folder.path().join(PROGRAM);
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a script");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
        }
        let environment = Environment::new([("PATH".into(), folder.path().into())], folder.path());
        let host = HostAndPort { host: name.to_owned(), port: 443 };
        let found = addresses(&environment, &host, &Cancel::never());
        found.map(|all| all.iter().map(ToString::to_string).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_program_of_the_system_is_asked() {
        let says = "[ \"$*\" = 'ahosts example.org' ] || exit 9\n\
                    echo '2001:db8::1 STREAM example.org'; echo '2001:db8::1 DGRAM'; echo '192.0.2.7 STREAM'";
        assert_eq!(with(Some(says), "example.org").expect("found"), ["[2001:db8::1]:443", "192.0.2.7:443"]);
        let none = Err("its name has no address".to_owned());
        for script in ["exit 2", "exit 0", "echo nothing"] {
            assert_eq!(with(Some(script), "example.org"), none, "{script}");
        }
    }

    #[test]
    fn an_address_needs_no_program_and_without_one_the_library_looks_up() {
        assert_eq!(with(Some("exit 2"), "192.0.2.7").expect("an address"), ["192.0.2.7:443"]);
        assert_eq!(with(Some("exit 2"), "::1").expect("an address"), ["[::1]:443"]);
        for script in [None, Some("exit 1")] {
            let found = with(script, "localhost").expect("this machine");
            assert!(found.iter().any(|one| one == "127.0.0.1:443" || one == "[::1]:443"), "{found:?}");
        }
    }
}
