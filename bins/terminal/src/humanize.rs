//! Formats durations, times and sizes for people.

use orchestra::{
    model::{duration, limit},
    world::Timestamp,
};

use crate::here;

/// Formats a time in the user's time zone: `14:05`, or `Nov 28 14:05` on another day than today.
pub fn clock_time(at: Timestamp) -> String {
    limit::clock_time(at, here::environment().now(), &here::environment().time_zone())
}

/// Formats a number of seconds in its largest unit: `3s`, `5m`, `2h`, `4d`.
pub fn age(seconds: i64) -> String {
    duration::age(seconds)
}

/// Formats a number of bytes: `512 B`, `3.4 KiB`, `1.2 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_round() {
        assert_eq!([0, 59, 60, 3599, 7200, 200_000].map(age), ["0s", "59s", "1m", "59m", "2h", "2d"]);
        assert_eq!(age(-5), "0s");
        assert_eq!(
            [0, 1023, 1024, 3481, 1 << 30].map(size),
            ["0 B", "1023 B", "1.0 KiB", "3.3 KiB", "1.0 GiB"]
        );
    }
}
