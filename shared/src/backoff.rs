//! Pauses between attempts, each twice as long as the one before: what is over soon is noticed soon, and what takes long costs
//! little.

use std::time::Duration;

/// The pauses of one loop, up to the longest. When to give up, the loop decides.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Pauses that begin with `first` and double up to `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// As [`Backoff::new`], in milliseconds.
    pub const fn millis(first: u64, longest: u64) -> Self {
        Self::new(Duration::from_millis(first), Duration::from_millis(longest))
    }

    /// The next pause, for who waits by other means than sleeping.
    pub fn pause(&mut self) -> Duration {
        let pause = self.next.min(self.longest);
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
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::millis(5, 30);
        let pauses: Vec<u128> = (0..5).map(|_| backoff.pause().as_millis()).collect();
        assert_eq!(pauses, [5, 10, 20, 30, 30]);
        assert_eq!(Backoff::millis(50, 30).pause(), Duration::from_millis(30));
    }
}
