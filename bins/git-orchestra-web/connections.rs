//! Connections from this machine, with limits: nobody can use all places or all memory, or wait without a limit.

use std::{sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::{answering, server::Server};

/// The most calls of operations that run at once.
pub(crate) const MAX_CALLS: usize = 8;
/// The most connections; others are ended at once.
const MAX_CONNECTIONS: usize = 64;
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// How long the head of a request may take, and how long a connection may do nothing.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// The pause after the system could not accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until it is dropped.
pub(crate) async fn accept(listener: &TcpListener, server: &Arc<Server>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Those that say nothing would fill the queue of the kernel, and a browser would wait behind them for minutes.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let server = Arc::clone(server);
        tokio::spawn(async move {
            serve(stream, server).await;
            drop(place);
        });
    }
}

/// Returns how long the head of a request may take: in a debug build, what `ORCHESTRA_HEAD_MILLIS` says, so that a test need not wait.
fn head_time(server: &Server) -> Duration {
    let given = server.environment.text_variable("ORCHESTRA_HEAD_MILLIS").filter(|_| cfg!(debug_assertions));
    let given = given.and_then(|given| given.parse().ok());
    given.map_or(HEAD_TIME, Duration::from_millis)
}

async fn serve(stream: TcpStream, server: Arc<Server>) {
    let limit = head_time(&server);
    let answer = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, std::convert::Infallible>(answering::answer(&server, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limit)
        .max_buf_size(MAX_HEAD)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades();
    // A connection that broke, or was no HTTP, needs no answer.
    let _ = connection.await;
}
