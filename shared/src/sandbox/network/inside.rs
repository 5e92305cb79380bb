//! The process inside of a sandbox: it makes the listening sockets, hands them out, and becomes the agent's program.

use std::{
    ffi::OsString,
    io::{self, IoSlice},
    net::{Ipv4Addr, TcpListener},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    path::Path,
};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{HAND_OVER, MAX_SOCKETS, NO_PROXY, PROXIES, SHOWN};
use crate::{Code, Error, Kind, Result, error::ErrorContext, process, world::Environment};

/// Makes the network of this sandbox usable, and replaces this process by a command.
///
/// # Errors
/// The sockets cannot be made or handed over, or the command cannot be started. On success it does not return.
pub fn enter(environment: &Environment, command: &[OsString]) -> Result<()> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| Error::usage("no command for the sandbox".to_owned()))?;
    let port = hand_over(environment)
        .context(Kind::External, || "cannot set up the network of the sandbox".into())?;
    let proxy = format!("http://127.0.0.1:{port}");
    let mut replaced = process::command(environment, program);
    replaced.args(arguments).env_remove(HAND_OVER);
    for name in PROXIES {
        replaced.env(name, &proxy).env(name.to_ascii_lowercase(), &proxy);
    }
    // Node.js reads the others only if this one is set.
    replaced.env("NO_PROXY", NO_PROXY).env("no_proxy", NO_PROXY).env("NODE_USE_ENV_PROXY", "1");
    Err(process::exec(&mut replaced))
        .context(Code::ProgramFailed, || format!("cannot run '{}'", program.display()))
}

/// Makes a listening socket for the proxy, and one for each port of the machine that is allowed, and hands them to the process outside.
/// Returns the port of the proxy.
fn hand_over(environment: &Environment) -> io::Result<u16> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidInput, format!("{HAND_OVER} is not set"));
    let said = environment.text_variable(HAND_OVER).ok_or_else(malformed)?;
    let (name, ports) = said.split_once(':').ok_or_else(malformed)?;
    let proxy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = proxy.local_addr()?.port();
    let mut all = vec![proxy];
    for port in ports.split(',').filter_map(|port| port.parse::<u16>().ok()).take(MAX_SOCKETS - 1) {
        all.push(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?);
    }
    let sockets: Vec<BorrowedFd<'_>> = all.iter().map(AsFd::as_fd).collect();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SOCKETS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&sockets));
    let to = UnixStream::connect(Path::new(SHOWN).join(name))?;
    sendmsg(&to, &[IoSlice::new(b"!")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(port)
}
