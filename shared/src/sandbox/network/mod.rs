//! The network of a sandbox `net`. It has no device but loopback of its own, so nothing can be reached around the proxy.
//!
//! | file | knows |
//! |---|---|
//! | `outside` | the process that starts the sandbox and answers for it |
//! | `inside` | the process in the sandbox that becomes the agent's program |
//! | `proxy` | which connections are made |
//! | `machine_proxy` | the proxy that the machine itself needs |
//! | `request` | what programs ask of a proxy |
//!
//! The process inside makes the listening sockets, and hands them to the one outside over a socket that it then closes. A socket belongs
//! to the network in which it was made, no matter which process has it: so programs inside connect to it, and nothing of ours has to run there.

mod inside;
mod machine_proxy;
mod outside;
mod proxy;
mod request;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use self::machine_proxy::MachineProxies;
pub use self::{inside::enter, outside::run};
use super::mounts::Mount;
use crate::{
    Kind, Result,
    error::ErrorContext,
    model::{AgentId, host::HostRule},
    private_files, process,
    world::Environment,
};

/// The variable for the process inside: the name of the socket over which it hands its own, and the ports, as `0a1b:8080,9000`.
const HAND_OVER: &str = "ORCHESTRA_SANDBOX_SOCKETS";
/// How the process outside is named in lists of processes.
const NAME: &std::ffi::CStr = c"sandbox-net";
/// The words after the program's name with which our program is started outside and inside of a sandbox.
pub const VERBS: (&str, &str) = ("connect", "enter");

/// Variables that name proxies; programs read them in capital or in small letters.
const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
/// The hosts that need no proxy in the sandbox: a program's own servers there.
const NO_PROXY: &str = "localhost,127.0.0.1,::1";

/// Where the folder of those sockets is shown in a sandbox.
const SHOWN: &str = "/run/git-orchestra";
/// How many sockets a sandbox hands over: one for the proxy, and one for each port of this machine.
const MAX_SOCKETS: usize = 32;

/// Returns the folder of the sockets of an agent's sandboxes, below the folder of its sandbox.
pub(super) fn folder(own: &Path) -> PathBuf {
    own.join("network")
}

/// What the process outside is to do.
#[derive(Clone, Debug)]
pub(super) struct Outside<'a> {
    /// The common git directory.
    pub(super) common_dir: PathBuf,
    /// The agent.
    pub(super) id: &'a AgentId,
    /// The hosts that are allowed.
    pub(super) hosts: &'a [HostRule],
}

impl Outside<'_> {
    /// Returns what has to be shown in the sandbox, whose own folder is `own`.
    ///
    /// # Errors
    /// A folder cannot be made.
    pub(super) fn mounts(own: &Path) -> Result<Vec<Mount>> {
        let sockets = folder(own);
        private_files::create_dir(&sockets)
            .context(Kind::External, || format!("cannot make '{}'", sockets.display()))?;
        Ok(vec![Mount::Read(sockets, SHOWN.into()), Mount::read(process::own_program())])
    }

    /// Returns the beginning of the command in the sandbox; the agent's program and its arguments follow.
    pub(super) fn inside(&self) -> Vec<OsString> {
        let own = process::own_program().into_os_string();
        let words = [own, "supervise".into(), VERBS.1.into()];
        let words =
            words.into_iter().chain([self.common_dir.clone().into_os_string(), self.id.as_str().into()]);
        words.chain(["--".into()]).collect()
    }

    /// Returns a command of ours that starts a sandbox; the arguments that follow are the command of that sandbox.
    pub(super) fn command(&self, environment: &Environment) -> Command {
        let mut command = process::command(environment, process::own_program());
        command.args(["supervise", VERBS.0]).arg(&self.common_dir).arg(self.id.as_str());
        for host in self.hosts {
            command.arg("--allow").arg(host.to_string());
        }
        command.arg("--");
        command
    }
}

/// Checks that the proxy of the sandbox can ask the one that this machine needs, if it needs one.
///
/// # Errors
/// The variable that names a proxy which is not one of HTTP.
pub(super) fn check_machine_proxy(environment: &Environment) -> std::result::Result<(), &'static str> {
    MachineProxies::read(environment).map(drop)
}
