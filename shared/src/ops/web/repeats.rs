//! A request that came twice is done once: a browser on a bad network sends it again with the same key.

use std::time::Duration;

use sha2::{Digest, Sha256};

/// How long an answer is kept.
const LIFE: Duration = Duration::from_secs(600);
/// The most answers that are kept; the oldest is forgotten for the next one.
const MAX_KEPT: usize = 256;
/// The longest key, in bytes.
const MAX_KEY: usize = 64;

/// What to do with a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Repeat<A> {
    /// It is new: do it, and keep the answer.
    New,
    /// It is being done.
    Running,
    /// It was done, with this answer.
    Done(A),
    /// The key was used for another request.
    Other,
    /// The key is empty, too long, or not of letters, digits and hyphens.
    Invalid,
}

#[derive(Debug)]
struct Kept<A> {
    key: String,
    request: [u8; 32],
    since: Duration,
    answer: Option<A>,
}

/// The requests with a key that came lately. Times are since the server started.
#[derive(Debug)]
pub struct Repeats<A>(Vec<Kept<A>>);

impl<A> Default for Repeats<A> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<A: Clone> Repeats<A> {
    /// Begins a request. The caller does it only if it is new.
    pub fn begin(&mut self, key: &str, path: &str, body: &[u8], now: Duration) -> Repeat<A> {
        let is_key = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(is_key) {
            return Repeat::Invalid;
        }
        self.0.retain(|kept| kept.answer.is_none() || now.saturating_sub(kept.since) < LIFE);
        let request: [u8; 32] =
            Sha256::new().chain_update(path).chain_update([0]).chain_update(body).finalize().into();
        if let Some(kept) = self.0.iter().find(|kept| kept.key == key) {
            return match &kept.answer {
                _ if kept.request != request => Repeat::Other,
                Some(answer) => Repeat::Done(answer.clone()),
                None => Repeat::Running,
            };
        }
        if self.0.len() >= MAX_KEPT {
            // What runs is never forgotten: a repetition of it would be done again.
            let oldest = self.0.iter().position(|kept| kept.answer.is_some());
            if let Some(oldest) = oldest {
                self.0.remove(oldest);
            }
        }
        self.0.push(Kept { key: key.to_owned(), request, since: now, answer: None });
        Repeat::New
    }

    /// Keeps the answer to a request that was begun.
    pub fn end(&mut self, key: &str, answer: A, now: Duration) {
        if let Some(kept) = self.0.iter_mut().find(|kept| kept.key == key) {
            (kept.answer, kept.since) = (Some(answer), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_request_is_done_once_for_ten_minutes() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.begin("k", "/a", b"x", at(0)), Repeat::New);
        assert_eq!(repeats.begin("k", "/a", b"x", at(900)), Repeat::Running);
        repeats.end("k", "done", at(900));
        assert_eq!(repeats.begin("k", "/a", b"x", at(1499)), Repeat::Done("done"));
        assert_eq!(repeats.begin("k", "/a", b"y", at(1499)), Repeat::Other);
        assert_eq!(repeats.begin("k", "/b", b"x", at(1499)), Repeat::Other);
        assert_eq!(repeats.begin("k", "/a", b"x", at(1500)), Repeat::New);
    }

    #[test]
    fn keys_are_short_words_and_few_are_kept() {
        let mut repeats = Repeats::default();
        for key in ["", "a b", "a\n", "é", &"k".repeat(65)] {
            assert_eq!(repeats.begin(key, "/a", b"", at(0)), Repeat::Invalid, "{key}");
        }
        for n in 0..1000 {
            let key = n.to_string();
            assert_eq!(repeats.begin(&key, "/a", b"", at(0)), Repeat::New);
            repeats.end(&key, n, at(0));
        }
        assert_eq!(repeats.0.len(), MAX_KEPT);
    }
}
