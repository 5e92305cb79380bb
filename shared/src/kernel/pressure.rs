//! Pressure: the share of time in which everything on the machine waits for memory or for a disk.
//!
//! Only these are judged. The pressure on processors is high on every machine that compiles, and makes nothing fail.

use std::fs;

/// The shares of time, in percent; `None` if the kernel does not count them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Pressure {
    /// In which everything waits for memory.
    pub memory: Option<u32>,
    /// In which everything waits for a disk.
    pub disk: Option<u32>,
}

/// Reads the pressure on this machine.
pub fn pressure() -> Pressure {
    Pressure {
        memory: fs::read_to_string("/proc/pressure/memory").ok().and_then(|text| lasting(&text)),
        disk: fs::read_to_string("/proc/pressure/io").ok().and_then(|text| lasting(&text)),
    }
}

/// Returns the share that holds now and held during the last minute: a moment of pressure does not count.
fn lasting(text: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.strip_prefix("full "))?;
    let average = |name: &str| {
        let value = line.split(' ').find_map(|field| field.strip_prefix(name))?;
        value.split('.').next()?.parse::<u32>().ok()
    };
    Some(average("avg10=")?.min(average("avg60=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lasting_pressure_on_everything_counts() {
        let some = "some avg10=99.00 avg60=99.00 avg300=99.00 total=1\n";
        for (text, expected) in [
            (format!("{some}full avg10=81.90 avg60=80.10 avg300=0.00 total=1\n"), Some(80)),
            (format!("{some}full avg10=99.00 avg60=3.00 avg300=0.00 total=1\n"), Some(3)),
            (format!("{some}full avg10=0.00 avg60=90.00 avg300=0.00 total=1\n"), Some(0)),
            (some.to_owned(), None),
            ("full avg10=x\n".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(lasting(&text), expected, "{text}");
        }
    }
}
