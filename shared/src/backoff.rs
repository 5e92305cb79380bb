//! Pauses between attempts, each twice as long as the one before: a short wait ends promptly, and a long one costs little.

use std::time::Duration;

/// The pauses of one loop, up to a maximum. The loop itself decides when to stop.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
    maximum: Duration,
}

impl Backoff {
    /// Creates pauses that begin with `first` and double up to `maximum`.
    pub const fn new(first: Duration, maximum: Duration) -> Self {
        Self { next: first, maximum }
    }

    /// Like [`Backoff::new`], in milliseconds.
    pub const fn millis(first: u64, maximum: u64) -> Self {
        Self::new(Duration::from_millis(first), Duration::from_millis(maximum))
    }

    /// Returns the next pause, for callers that wait by other means than sleeping.
    pub fn pause(&mut self) -> Duration {
        let pause = self.next.min(self.maximum);
        self.next = pause.saturating_mul(2);
        pause
    }

    /// Sleeps for the next pause.
    pub fn sleep(&mut self) {
        std::thread::sleep(self.pause());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum() {
        let mut backoff = Backoff::millis(5, 30);
        let pauses: Vec<u128> = (0..5).map(|_| backoff.pause().as_millis()).collect();
        assert_eq!(pauses, [5, 10, 20, 30, 30]);
        assert_eq!(Backoff::millis(50, 30).pause(), Duration::from_millis(30));
    }
}
