//! Runs two workloads in turn, and formats the row that compares them.

use std::{fmt, time::Duration};

/// One row of the result.
pub(crate) struct Row {
    pub(crate) what: String,
    ours: Duration,
    anchor: Duration,
    goal: f64,
}

impl Row {
    pub(crate) fn new(what: &str, ours: Duration, anchor: Duration, goal: f64) -> Self {
        Self { what: what.to_owned(), ours, anchor, goal }
    }

    fn ratio(&self) -> f64 {
        self.ours.as_secs_f64() / self.anchor.as_secs_f64()
    }

    /// Whether it misses the goal by more than a factor.
    pub(crate) fn is_far_off(&self, factor: f64) -> bool {
        self.ratio() > self.goal * factor
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let verdict = if self.ratio() <= self.goal { "" } else { "  missed" };
        let (ours, anchor, ratio) = (ms(self.ours), ms(self.anchor), self.ratio());
        write!(f, "{:<44} {ours:>10.2} {anchor:>10.2} {ratio:>7.2} {:>6.2}{verdict}", self.what, self.goal)
    }
}

/// Runs both workloads in turn and returns the median of each. The first turns are a warm-up.
pub(crate) fn median_of_turns(
    turns: usize,
    ours: &mut impl FnMut() -> Duration,
    anchor: &mut impl FnMut() -> Duration,
) -> (Duration, Duration) {
    let (a, b) = sorted_turns(turns, ours, anchor);
    (a[a.len() / 2], b[b.len() / 2])
}

/// As [`median_of_turns`], but returns all times, the shortest first.
pub(crate) fn sorted_turns(
    turns: usize,
    ours: &mut impl FnMut() -> Duration,
    anchor: &mut impl FnMut() -> Duration,
) -> (Vec<Duration>, Vec<Duration>) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for turn in 0..turns + 2 {
        let (one, other) = (ours(), anchor());
        if turn >= 2 {
            a.push(one);
            b.push(other);
        }
    }
    a.sort_unstable();
    b.sort_unstable();
    (a, b)
}

/// Runs both workloads in turn and returns the mean CPU time of the processes of each.
pub(crate) fn cpu_of_turns(
    turns: u32,
    ours: &mut impl FnMut() -> Duration,
    anchor: &mut impl FnMut() -> Duration,
) -> (Duration, Duration) {
    let (mut a, mut b) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..turns {
        for (workload, sum) in [(&mut *ours as &mut dyn FnMut() -> Duration, &mut a), (&mut *anchor, &mut b)]
        {
            let before = cpu_of_children();
            workload();
            *sum += cpu_of_children() - before;
        }
    }
    (a / turns, b / turns)
}

/// Returns the CPU time of all processes that this one started and waited for.
fn cpu_of_children() -> Duration {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in parentheses, may have spaces. After it, these are the 14th and 15th field.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(13).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}
