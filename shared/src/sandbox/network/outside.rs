//! The process outside of a sandbox: it starts the sandbox, answers its connections as long as it lives, and ends with it.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io::{self, IoSliceMut},
    net::TcpListener,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{
            net::{UnixListener, UnixStream},
            process::ExitStatusExt,
        },
    },
    path::{Path, PathBuf},
};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg, sockopt};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{HAND_OVER, MAX_SOCKETS, NAME, PROXIES, folder, proxy::Proxy};
use crate::{
    Code, Error, Kind, Result,
    error::ErrorContext,
    model::host::HostRule,
    parallel, private_files, process,
    world::{self, Environment},
};

/// A socket to which the process inside of a sandbox connects. Its file is removed when this is dropped.
struct MeetingPlace {
    listener: UnixListener,
    path: PathBuf,
    name: String,
}

impl MeetingPlace {
    fn open(folder: &Path) -> Result<Self> {
        let cannot = || format!("cannot make a socket in '{}'", folder.display());
        private_files::create_dir(folder).context(Kind::External, cannot)?;
        let name = world::random_hex::<8>()?;
        // The path of a socket must be short; that of an open folder is.
        let open = File::open(folder).context(Kind::External, cannot)?;
        let short = format!("/proc/self/fd/{}/{name}", open.as_raw_fd());
        let listener = UnixListener::bind(short).context(Kind::External, cannot)?;
        Ok(Self { listener, path: folder.join(&name), name })
    }
}

impl Drop for MeetingPlace {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Runs the command of a sandbox to its end, and returns its exit status as a shell does. `own` is the folder of the sandbox, `noted` the
/// file for the hosts that were refused.
///
/// # Errors
/// The command cannot be started.
pub fn run(
    environment: &Environment,
    hosts: Vec<HostRule>,
    own: &Path,
    noted: PathBuf,
    command: &[OsString],
) -> Result<u8> {
    let cannot = || "cannot start the sandbox".to_owned();
    let (program, arguments) =
        command.split_first().ok_or_else(|| Error::usage("no command for the sandbox".to_owned()))?;
    // Otherwise it counts as one of our commands that an agent started, which are not looked into.
    let _ = rustix::thread::set_name(NAME);
    let place = MeetingPlace::open(&folder(own))?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context(Kind::External, cannot)?;
    // A port may be allowed twice, by the user and as the address of a service.
    let ports: BTreeSet<u16> = hosts.iter().filter_map(HostRule::local_port).collect();
    let ports: Vec<String> = ports.iter().take(MAX_SOCKETS - 1).map(u16::to_string).collect();
    let mut sandbox = process::command(environment, program);
    sandbox.args(arguments).env(HAND_OVER, format!("{}:{}", place.name, ports.join(",")));
    // The login of the machine's proxy is for this process alone.
    for name in PROXIES {
        sandbox.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    // The signals are for the agent's program, after which this process ends.
    let caught = runtime.block_on(async { catch_signals() }).context(Kind::External, cannot)?;
    let mut child = process::spawn(&mut sandbox).context(Code::ProgramFailed, cannot)?;
    // One that cannot be used was refused before this agent was started.
    let proxy = Proxy::new(hosts, environment, noted);
    // Without listening sockets programs inside reach nothing, and say so.
    parallel::in_background(move || {
        for listener in receive(&place.listener).unwrap_or_default() {
            let _ = proxy.serve(listener);
        }
        drop(place);
    })
    .context(Kind::External, cannot)?;
    let status = child.wait().context(Kind::External, cannot)?;
    drop(caught);
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255);
    Ok(u8::try_from(code).unwrap_or(255))
}

/// Catches the signals that end a command. A child does not inherit that.
fn catch_signals() -> io::Result<Vec<Signal>> {
    let kinds = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit(), SignalKind::terminate()];
    kinds.into_iter().map(signal).collect()
}

/// Receives the listening sockets of the sandbox, in one message: the process inside sends it before there is any program of the agent.
fn receive(place: &UnixListener) -> io::Result<Vec<TcpListener>> {
    let (from, _): (UnixStream, _) = place.accept()?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_SOCKETS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(&from, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let is_listener = |socket: &OwnedFd| sockopt::socket_acceptconn(socket).unwrap_or(false);
    let sockets = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
        _ => None,
    });
    Ok(sockets.flatten().filter(is_listener).map(TcpListener::from).collect())
}
