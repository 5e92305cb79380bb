//! Changes, sent to every browser that listens. One thread watches while somebody listens, and nothing watches otherwise.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::BodyExt as _;
use hyper::{
    Response,
    body::{Body as HttpBody, Bytes, Frame as BodyFrame},
};
use orchestra::{
    Code, Error, Kind, Result,
    context::Cancel,
    error::ErrorContext as _,
    git::Repo,
    ops::{
        status::{self, Request},
        web::Refusal,
    },
    watch::{Filter, Update, Watch},
};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};

use super::{
    frames,
    hub::News,
    replies::{self, Body, Reply},
    server::Server,
};

/// Where the stream is.
pub(crate) const PATH: &str = "/api/v1/events";
/// The most browsers that listen at once.
const MAX_LISTENERS: usize = 32;
/// How many frames are on their way to one listener.
const ON_THE_WAY: usize = 8;
/// The time between two signs that the stream is alive.
const SIGN: Duration = Duration::from_secs(15);
/// How long a listener may take nothing, before it is sent away.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The longest sleep of the watch.
const SLEEP: Duration = Duration::from_secs(3600);

/// A place among the listeners. The last one to leave ends the watch.
pub(crate) struct Listener(Arc<Server>);

impl Listener {
    /// Takes a place, and starts the watch if it is the first.
    pub(crate) fn new(server: &Arc<Server>) -> Result<Self> {
        let mut watching = server.hub.watching();
        if watching.listeners >= MAX_LISTENERS {
            return Err(Error::new(Code::LimitExceeded, format!("{MAX_LISTENERS} streams are open"))
                .hint("close pages that are not needed"));
        }
        if watching.cancel.is_none() {
            let cancel = Cancel::new()?;
            let (shared, of) = (Arc::clone(server), cancel.clone());
            std::thread::Builder::new()
                .spawn(move || watch(&shared, &of))
                .context(Kind::External, || "cannot start to watch".to_owned())?;
            watching.cancel = Some(cancel);
        }
        watching.listeners += 1;
        drop(watching);
        Ok(Self(Arc::clone(server)))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut watching = self.0.hub.watching();
        watching.listeners -= 1;
        if watching.listeners == 0
            && let Some(cancel) = watching.cancel.take()
        {
            cancel.cancel();
        }
    }
}

/// Answers with the stream, if nobody has ended all logins since its reader was let in.
pub(crate) fn open(server: &Arc<Server>, epoch: u64) -> Response<Body> {
    // What happens from here on is in the backlog.
    let news = server.hub.news.subscribe();
    if server.logins().epoch() != epoch {
        return Reply::refusal(Refusal::Stranger).response();
    }
    let listener = match Listener::new(server) {
        Ok(listener) => listener,
        Err(error) => return Reply::error_of(503, &error).response(),
    };
    let (sender, receiver) = mpsc::channel(ON_THE_WAY);
    tokio::spawn(feed(listener, news, sender));
    replies::with_headers(Feed(receiver).boxed(), 200, "text/event-stream")
}

/// Sends frames to one listener, until it leaves or nothing can be watched.
async fn feed(listener: Listener, mut news: broadcast::Receiver<News>, to: mpsc::Sender<Bytes>) {
    let mut next = Some(News::Reset);
    loop {
        let part = match next {
            Some(News::Frame(frame)) => Bytes::copy_from_slice(frame.text.as_bytes()),
            Some(News::Reset) => match reset(&listener.0).await {
                Some(text) => text,
                None => return,
            },
            Some(News::End) => return,
            None => Bytes::from_static(b": \n\n"),
        };
        if to.send_timeout(part, PATIENCE).await.is_err() {
            return;
        }
        next = tokio::select! {
            heard = news.recv() => match heard {
                Ok(heard) => Some(heard),
                // It was too slow: what it missed is in the present state.
                Err(RecvError::Lagged(_)) => {
                    news = news.resubscribe();
                    Some(News::Reset)
                }
                Err(RecvError::Closed) => return,
            },
            () = tokio::time::sleep(SIGN) => None,
            () = to.closed() => return,
        };
    }
}

/// Reads everything, for a listener that knows nothing.
async fn reset(server: &Arc<Server>) -> Option<Bytes> {
    let shared = Arc::clone(server);
    let read = move || {
        let repo = Repo::discover(&shared.environment).ok()?;
        let report = status::run(&shared.context(), &repo, &Request::default()).ok()?;
        Some(Bytes::from(shared.hub.text(&frames::reset(&report))))
    };
    tokio::task::spawn_blocking(read).await.ok().flatten()
}

/// Watches until it is cancelled, and tells all listeners.
fn watch(server: &Server, cancel: &Cancel) {
    let ended = try_watch(server, cancel);
    let mut watching = server.hub.watching();
    // Another watch may have begun, if this one was cancelled.
    if ended.is_err() && !cancel.is_cancelled() {
        watching.cancel = None;
        drop(watching);
        server.hub.tell(News::End);
    }
}

fn try_watch(server: &Server, cancel: &Cancel) -> Result<()> {
    let repo = Repo::discover(&server.environment)?;
    let filter = Filter { agents: Request::default(), landing: true, runs: true };
    let mut watch = Watch::new(cancel, &repo, filter)?;
    drop(repo);
    let mut counted = None;
    loop {
        let changes = match watch.next(SLEEP)? {
            Update::Changed(changes) => changes,
            Update::Unchanged => continue,
            Update::Cancelled => return Ok(()),
        };
        let seen = watch.snapshot();
        match frames::of(&changes, seen) {
            None => server.hub.tell(News::Reset),
            Some(frames) => frames.into_iter().for_each(|frame| server.hub.send(frame)),
        }
        let count = frames::count(&seen.status);
        if counted.as_ref() != Some(&count) {
            server.hub.send(count.clone());
            counted = Some(count);
        }
    }
}

/// A body of which each part is sent when it comes.
struct Feed(mpsc::Receiver<Bytes>);

impl HttpBody for Feed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| Ok(BodyFrame::data(part))))
    }
}
