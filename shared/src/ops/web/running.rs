//! The server that runs for a repository: one at a time. Others learn from a file where it is, and ask it by signals for what only it
//! can do. No secret is in the file, and an answer goes to the terminal of the server: who asks learns nothing.

use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::{
    Error, Kind, Result,
    error::ErrorContext as _,
    git::{Repo, careful},
    lock::Lock,
    private_files,
    store::layout::PrivateDir,
    supervise::{processes, tree::ProcessId},
};

/// A server that runs, until this is dropped.
#[derive(Debug)]
pub struct Running {
    _lock: Lock,
    private: PrivateDir,
}

/// Where a server is, as its file says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServerPlace {
    /// The version of the format.
    version: u32,
    /// The port on which it listens.
    pub port: u16,
    /// Its process.
    #[serde(flatten)]
    pub process: ProcessId,
}

/// What another command asks a server to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// Print one more link.
    NewLink,
    /// Log all browsers out, make all links useless, and print a new one.
    Revoke,
}

impl Running {
    /// Records that this process serves on a port.
    ///
    /// # Errors
    /// Another process serves this repository (3), or the file cannot be written.
    pub fn begin(repo: &Repo, port: u16) -> Result<Self> {
        let private = PrivateDir::new(repo.private_dir()?);
        let Some(lock) = Lock::take(&private.web_lock(), Duration::ZERO)? else {
            return Err(already(find(repo)?));
        };
        let place = ServerPlace { version: 1, port, process: ProcessId::me() };
        let text = serde_json::to_vec(&place)
            .map_err(|error| Error::internal("cannot write JSON").because(error))?;
        private_files::replace(&private.web(), text)
            .context(Kind::External, || "cannot record where the page is".to_owned())?;
        Ok(Self { _lock: lock, private })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The lock says that nobody serves, whatever is in the file.
        let _ = std::fs::remove_file(self.private.web());
    }
}

fn already(place: Option<ServerPlace>) -> Error {
    let place = place.map_or_else(String::new, |place| {
        format!(" at http://127.0.0.1:{}/, by process {}", place.port, place.process.pid)
    });
    Error::refused(format!("the page of this repository is served already{place}"))
        .hint("git orchestra web --new-token prints one more link there")
        .hint("to serve it in another way, end it first: Ctrl-C in its terminal")
}

/// Returns where the server of a repository is; `None` if none runs.
///
/// # Errors
/// The repository has no private folder.
pub fn find(repo: &Repo) -> Result<Option<ServerPlace>> {
    let private = PrivateDir::new(repo.private_dir()?);
    let Ok(text) = careful::read(private.web()) else { return Ok(None) };
    let place: Option<ServerPlace> = serde_json::from_slice(&text).ok();
    Ok(place.filter(|place| Lock::is_held(&private.web_lock()) && place.process.is_alive()))
}

/// Asks the server of a repository for something, and returns where it is.
///
/// # Errors
/// None runs (3).
pub fn ask(repo: &Repo, wish: Wish) -> Result<ServerPlace> {
    let place = find(repo)?.ok_or_else(|| {
        Error::refused("no page of this repository is served")
            .hint("git orchestra web serves it, and prints a link")
    })?;
    let signal = match wish {
        Wish::NewLink => Signal::USR1,
        Wish::Revoke => Signal::USR2,
    };
    processes::signal(place.process, signal);
    Ok(place)
}
