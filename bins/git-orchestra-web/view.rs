//! Prints the link, and ends the server.

use std::{net::Ipv4Addr, time::Duration};

use orchestra::{
    Code, Error, Kind, Result,
    error::ErrorContext as _,
    git::Repo,
    model::duration,
    ops::web::{
        self, Visitor,
        running::{self, Running, Wish},
    },
};
use orchestra_terminal::{Exit, Terminal, context, here};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

use super::{cli::Cli, connections, server::Server};

/// How long calls that run may still take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// The longest time to serve.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    web::check_caller(&repo)?;
    if cli.new_token || cli.revoke {
        return ask(cli, terminal, &repo);
    }
    let context = context::interruptible(terminal)?;
    let cannot = || "cannot start the server".to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(connections::MAX_CALLS)
        .build()
        .context(Kind::External, cannot)?;
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, cli.port)));
    let listener = listener.map_err(|error| {
        let error = Error::new(Code::External, format!("cannot listen on port {}", cli.port)).because(error);
        error.hint("without --port, a free one is taken")
    })?;
    let port = listener.local_addr().context(Kind::External, cannot)?.port();
    // Caught before another command can find this process: a signal that is not caught ends it.
    let wishes = {
        let _entered = runtime.enter();
        Wishes::listen()?
    };
    let running = Running::begin(&repo, port)?;
    drop(repo);
    let server = Server::new(here::environment(), &context.cancel, port, &cli.request())?;
    say(cli, terminal, &server)?;
    let (ended, end) = oneshot::channel();
    let (cancel, limit) = (context.cancel.clone(), cli.limit.unwrap_or(FOREVER));
    std::thread::Builder::new()
        .spawn(move || {
            let _ = ended.send(cancel.wait(limit));
        })
        .context(Kind::External, cannot)?;
    let is_interrupted = runtime.block_on(async {
        tokio::select! {
            () = connections::accept(&listener, &server) => Ok(false),
            ended = end => Ok(ended.unwrap_or(true)),
            failed = wishes.grant(cli, terminal, &server) => failed.map(|()| false),
        }
    })?;
    drop((listener, running));
    context.cancel.cancel();
    server.background.wait(LAST_ANSWERS);
    runtime.shutdown_timeout(LAST_ANSWERS);
    let why = if is_interrupted { "" } else { "the time is over; " };
    terminal.eprintln(&format!("{why}the page has ended, and agents keep running"));
    Ok(Exit::Done)
}

/// Asks the server that runs, and says what it does.
fn ask(cli: &Cli, terminal: &Terminal, repo: &Repo) -> Result<Exit> {
    let (wish, done) = match cli.revoke {
        true => (Wish::Revoke, "all browsers are logged out, and a new link is printed"),
        false => (Wish::NewLink, "one more link is printed"),
    };
    let place = running::ask(repo, wish)?;
    let (port, pid) = (place.port, place.process.pid);
    terminal.eprintln(&format!("{done} where the page of port {port} is served, by process {pid}"));
    Ok(Exit::Done)
}

/// What other commands ask for.
struct Wishes {
    link: Signal,
    revoke: Signal,
}

impl Wishes {
    fn listen() -> Result<Self> {
        let heard = |kind| signal(kind).context(Kind::External, || "cannot listen for signals".to_owned());
        Ok(Self { link: heard(SignalKind::user_defined1())?, revoke: heard(SignalKind::user_defined2())? })
    }

    /// Does it, without an end.
    async fn grant(mut self, cli: &Cli, terminal: &Terminal, server: &Server) -> Result<()> {
        loop {
            tokio::select! {
                _ = self.link.recv() => {}
                _ = self.revoke.recv() => {
                    server.revoke();
                    terminal.eprintln("all browsers are logged out");
                }
            }
            let host = cli.host.first().unwrap_or(&server.hosts[0]);
            terminal.print(&format!("{}\n", server.link(host, Visitor::Owner)?));
        }
    }
}

/// Prints the links, on standard output, and what they are for: one for this machine, one for each name of a tunnel, one for a guest.
fn say(cli: &Cli, terminal: &Terminal, server: &Server) -> Result<()> {
    let own = &server.hosts[..1];
    let mut links = Vec::new();
    for host in own.iter().chain(&cli.host) {
        links.push(server.link(host, Visitor::Owner)?);
    }
    terminal.begin_stream();
    // A phone comes through the tunnel.
    if let Some(link) = links.get(1).or(links.first()).filter(|_| cli.qr) {
        terminal.print(&qr(link)?);
    }
    if cli.guest {
        links.push(server.link(cli.host.first().unwrap_or(&own[0]), Visitor::Guest)?);
    }
    terminal.print(&format!("{}\n", links.join("\n")));
    let may = if cli.write { "look and change" } else { "look" };
    let guest = if cli.guest { "; the last is for a guest, who looks" } else { "" };
    let link = if links.len() > 1 { "each link" } else { "the link" };
    terminal.eprintln(&format!("{link} logs one browser in, to {may}, within 10 minutes{guest}"));
    let until = cli.limit.map_or_else(String::new, |limit| format!(" or after {}", duration::text(limit)));
    terminal.eprintln(&format!("Ctrl-C ends the page{until}; the agents keep running"));
    Ok(())
}

/// Returns a link as a QR code of half blocks.
fn qr(link: &str) -> Result<String> {
    let code = fast_qr::QRBuilder::new(link).build();
    let code = code.map_err(|error| Error::internal(format!("the link is no QR code: {error:?}")))?;
    Ok(format!("{}\n", code.to_str()))
}
