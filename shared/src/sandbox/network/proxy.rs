//! The proxy of a sandbox, outside of it: it connects the programs inside with the hosts that are allowed, and with no others.

use std::{
    collections::BTreeSet,
    io::{self, Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    machine_proxy::{MachineProxies, MachineProxy},
    request::{self, Request},
};
use crate::{
    context::Cancel,
    lookup,
    model::host::{HostAndPort, HostRule},
    parallel, private_files,
    world::Environment,
};

/// How many connections there are at once.
const MAX_CONNECTIONS: usize = 128;
/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long one address of a host may take to answer.
const CONNECT_TIME: Duration = Duration::from_secs(15);
/// How many addresses of a host are tried.
const MAX_ADDRESSES: usize = 4;
/// How long a connection may be silent. A model may think for minutes.
const SILENCE: Duration = Duration::from_secs(60 * 60);
/// How many hosts that were refused are noted.
const MAX_REFUSED: usize = 50;

/// What all connections of a sandbox share.
#[derive(Debug)]
pub(super) struct Proxy {
    rules: Vec<HostRule>,
    /// In which names are looked up.
    environment: Environment,
    /// What this machine itself needs to reach other hosts.
    machine: MachineProxies,
    /// The file with the hosts that were refused, one on a line.
    noted: PathBuf,
    refused: Mutex<BTreeSet<HostAndPort>>,
}

impl Proxy {
    /// Makes a proxy with these rules, which notes in a file which other hosts were asked for.
    pub(super) fn new(rules: Vec<HostRule>, environment: &Environment, noted: PathBuf) -> Arc<Self> {
        // A variable that is no address was reported before the agent started.
        let machine = MachineProxies::read(environment).unwrap_or_default();
        Arc::new(Self { rules, environment: environment.clone(), machine, noted, refused: Mutex::default() })
    }

    /// Answers everything that connects to a listener of the sandbox, in the background: at the port of a rule for this machine itself,
    /// what is there; elsewhere as a proxy.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(super) fn serve(self: &Arc<Self>, listener: TcpListener) -> io::Result<()> {
        let port = listener.local_addr()?.port();
        let local = self.rules.iter().any(|rule| rule.local_port() == Some(port)).then_some(port);
        let proxy = Arc::clone(self);
        parallel::in_background(move || {
            let open = Arc::new(());
            while let Ok((client, _)) = listener.accept() {
                if Arc::strong_count(&open) > MAX_CONNECTIONS {
                    continue;
                }
                let (proxy, counted) = (Arc::clone(&proxy), Arc::clone(&open));
                // Without a thread the connection is closed.
                let _ = parallel::in_background(move || {
                    // Who waits for an answer that does not come sees the end of the connection.
                    let _ = match local {
                        Some(port) => forward(client, port),
                        None => proxy.answer(client),
                    };
                    drop(counted);
                });
            }
        })
    }

    fn answer(&self, mut client: TcpStream) -> io::Result<()> {
        let Some((head, rest)) = read_head(&mut client)? else { return Ok(()) };
        let Some(asked) = Request::parse(&head) else {
            return say(client, &request::answer("400 Bad Request", "This is the proxy of a sandbox.\n"));
        };
        let host = asked.host();
        if !self.rules.iter().any(|rule| rule.allows(host)) {
            self.note(host);
            return say(client, &request::refusal(host));
        }
        let (mut server, early) = match self.reach(&asked) {
            Ok(reached) => reached,
            Err(error) => {
                let text = format!("'{host}' cannot be reached: {error}\n");
                return say(client, &request::answer("502 Bad Gateway", &text));
            }
        };
        if matches!(asked, Request::Tunnel(_)) {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        }
        client.write_all(&early)?;
        server.write_all(&rest)?;
        join(client, server)
    }

    /// Connects with the host of a request, through the proxy of the machine if it needs one, and sends what comes first. Returns the
    /// connection with what the host has said already.
    fn reach(&self, asked: &Request) -> io::Result<(TcpStream, Vec<u8>)> {
        let proxy = match asked {
            Request::Tunnel(host) => self.machine.for_tunnel(host),
            Request::Plain(host, _) => self.machine.for_plain(host),
        };
        let mut server = match proxy {
            Some(proxy) => {
                let found = self.addresses(&proxy.at).and_then(|found| connect_to(&found));
                found.map_err(|error| of_proxy(proxy, &error))?
            }
            None => self.connect(asked.host())?,
        };
        server.set_write_timeout(Some(HEAD_TIME))?;
        server.write_all(asked.opening(proxy).as_bytes())?;
        let (Some(proxy), Request::Tunnel(_)) = (proxy, asked) else { return Ok((server, Vec::new())) };
        let closed = || io::Error::new(io::ErrorKind::UnexpectedEof, "no answer");
        let answered = read_head(&mut server).and_then(|head| head.ok_or_else(closed));
        let (head, early) = answered.map_err(|error| of_proxy(proxy, &error))?;
        match request::denial(proxy, &head) {
            Some(why) => Err(io::Error::other(why)),
            None => Ok((server, early)),
        }
    }

    /// Connects with an allowed host. A name must not lead to this machine itself, nor to what only this machine can reach.
    fn connect(&self, host: &HostAndPort) -> io::Result<TcpStream> {
        let is_name = host.host.parse::<IpAddr>().is_err();
        let mut found = self.addresses(host)?;
        found.retain(|address| !is_name || host.is_local() || is_elsewhere(address.ip()));
        connect_to(&found)
    }

    fn addresses(&self, host: &HostAndPort) -> io::Result<Vec<SocketAddr>> {
        lookup::addresses(&self.environment, host, &Cancel::never())
    }

    fn note(&self, host: &HostAndPort) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() < MAX_REFUSED && refused.insert(host.clone()) {
            // It only says what the agent asked for.
            let _ = private_files::open_log(&self.noted)
                .and_then(|mut file| file.write_all(format!("{host}\n").as_bytes()));
        }
    }
}

fn of_proxy(proxy: &MachineProxy, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{proxy:?}: {error}"))
}

/// Reads the head of a request or of an answer, and what came with it. `None` if the other side ends before that, or sends too much.
fn read_head(client: &mut TcpStream) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    const END: &[u8] = b"\r\n\r\n";
    let deadline = Instant::now() + HEAD_TIME;
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || read.len() > MAX_HEAD {
            return Ok(None);
        }
        client.set_read_timeout(Some(left))?;
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(None);
        }
        let from = read.len().saturating_sub(END.len() - 1);
        read.extend_from_slice(&buffer[..count]);
        if let Some(at) = read[from..].windows(END.len()).position(|window| window == END) {
            let rest = read.split_off(from + at + END.len());
            read.truncate(from + at);
            return Ok(Some((read, rest)));
        }
    }
}

fn say(mut client: TcpStream, text: &str) -> io::Result<()> {
    client.set_write_timeout(Some(HEAD_TIME))?;
    client.write_all(text.as_bytes())?;
    client.shutdown(Shutdown::Write)
}

/// Connects with the first of these addresses that answers.
fn connect_to(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last =
        io::Error::new(io::ErrorKind::AddrNotAvailable, "it has no address outside of this machine");
    for address in addresses.iter().take(MAX_ADDRESSES) {
        match TcpStream::connect_timeout(address, CONNECT_TIME) {
            Ok(connected) => return Ok(connected),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Returns whether an address is that of another machine.
fn is_elsewhere(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_loopback() || v4.is_unspecified() || v4.is_link_local() || v4.is_multicast())
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local() || v6.is_multicast())
        }
    }
}

/// Connects a client with a port of this machine.
fn forward(client: TcpStream, port: u16) -> io::Result<()> {
    let at = |address: IpAddr| TcpStream::connect_timeout(&SocketAddr::new(address, port), CONNECT_TIME);
    let server = at([127, 0, 0, 1].into()).or_else(|_| at(std::net::Ipv6Addr::LOCALHOST.into()))?;
    join(client, server)
}

/// Passes on what each of two sides sends, until both have ended or one is silent for too long.
fn join(client: TcpStream, server: TcpStream) -> io::Result<()> {
    for side in [&client, &server] {
        side.set_read_timeout(Some(SILENCE))?;
        side.set_write_timeout(Some(SILENCE))?;
        side.set_nodelay(true)?;
    }
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    let (there, ()) = parallel::both(|| pass_on(from, to), || pass_on(server, client));
    there.map_err(io::Error::other)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let ended = io::copy(&mut from, &mut to);
    let how = if ended.is_ok() { Shutdown::Write } else { Shutdown::Both };
    let _ = to.shutdown(how);
    if ended.is_err() {
        let _ = from.shutdown(Shutdown::Both);
    }
}
