//! Prints the link, and ends the server.

use std::{net::Ipv4Addr, time::Duration};

use orchestra::{
    Code, Error, Kind, Result,
    error::ErrorContext as _,
    model::duration,
    ops::web::{self, Visitor},
};
use orchestra_terminal::{Exit, Terminal, context, here};
use tokio::{net::TcpListener, sync::oneshot};

use super::{cli::Cli, connections, server::Server};

/// How long calls that run may still take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// The longest time to serve.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

pub(crate) fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let repo = here::repository()?;
    web::check_caller(&repo)?;
    drop(repo);
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
            () = connections::accept(&listener, &server) => false,
            ended = end => ended.unwrap_or(true),
        }
    });
    drop(listener);
    context.cancel.cancel();
    server.background.wait(LAST_ANSWERS);
    runtime.shutdown_timeout(LAST_ANSWERS);
    let why = if is_interrupted { "" } else { "the time is over; " };
    terminal.eprintln(&format!("{why}the page has ended, and agents keep running"));
    Ok(Exit::Done)
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
