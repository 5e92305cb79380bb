//! The listeners of the stream, and what they are told.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use orchestra::context::Cancel;
use serde_json::Value;
use tokio::sync::broadcast;

use super::frames::Frame;

/// How many frames wait for a slow listener, before it gets everything again.
const BACKLOG: usize = 256;

/// What the watch tells all listeners.
#[derive(Clone)]
pub(crate) enum News {
    /// A frame.
    Frame(Arc<SentFrame>),
    /// Everything may have changed.
    Reset,
    /// The repository cannot be watched any more.
    End,
}

/// A frame with its number.
pub(crate) struct SentFrame {
    /// The word after `event:`.
    pub(crate) event: &'static str,
    /// What is after `data:`.
    pub(crate) data: Value,
    /// All of it, as it is sent.
    pub(crate) text: String,
}

/// The listeners, and the watch while there are some.
pub(crate) struct Hub {
    pub(crate) news: broadcast::Sender<News>,
    number: AtomicU64,
    watching: Mutex<Watching>,
}

#[derive(Default)]
pub(crate) struct Watching {
    /// How many listen.
    pub(crate) listeners: usize,
    /// The flag that ends the watch, if one runs.
    pub(crate) cancel: Option<Cancel>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { news: broadcast::channel(BACKLOG).0, number: AtomicU64::new(1), watching: Mutex::default() }
    }
}

impl Hub {
    /// Returns who listens. No lock is held over a wait.
    pub(crate) fn watching(&self) -> MutexGuard<'_, Watching> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a frame as it is sent.
    pub(crate) fn text(&self, frame: &Frame) -> String {
        frame.text(self.number.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a frame to all listeners.
    pub(crate) fn send(&self, frame: Frame) {
        let text = self.text(&frame);
        let Frame { event, data } = frame;
        self.tell(News::Frame(Arc::new(SentFrame { event, data, text })));
    }

    /// Tells all listeners.
    pub(crate) fn tell(&self, news: News) {
        // Nobody may listen any more.
        let _ = self.news.send(news);
    }
}
