//! Decides whether a program failed because the machine was short of something: by what was measured first, by what it said second.

use super::AttemptEnd;

/// What the machine was short of when a program failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// A disk was full, or had no more inodes.
    DiskFull,
    /// Memory was short.
    OutOfMemory,
    /// No more processes could be made.
    TooManyProcesses,
}

/// What was measured while and after a program ran.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Measured {
    /// Whether a disk that it uses is full now.
    pub disk_full: bool,
    /// Whether the kernel killed a process because memory was short.
    pub out_of_memory: bool,
    /// Whether the kernel refused to make a process.
    pub refused_processes: bool,
}

/// What programs, runtimes and shells print, in lower case.
const TEXTS: &[(Cause, &[&str])] = &[
    (
        Cause::DiskFull,
        &[
            "no space left on device",
            "enospc",
            "disk quota exceeded",
            "edquot",
            "out of diskspace",
            "disk full",
        ],
    ),
    (
        Cause::OutOfMemory,
        &[
            "out of memory",
            "outofmemory",
            "cannot allocate memory",
            "enomem",
            "memoryerror",
            "memory exhausted",
            "memory allocation of",
            "bad_alloc",
        ],
    ),
    (
        Cause::TooManyProcesses,
        &[
            "fork: retry",
            "cannot fork",
            "can't fork",
            "unable to fork",
            "fork failed",
            "failed to fork",
            "can't start new thread",
            "resource temporarily unavailable",
            "eagain",
        ],
    ),
];

impl Cause {
    /// Returns the words that begin the reason of the end.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DiskFull => "disk full",
            Self::OutOfMemory => "out of memory",
            Self::TooManyProcesses => "too many processes",
        }
    }

    /// Returns the cause of an end, given the last line that the program printed.
    pub fn of(end: &AttemptEnd, measured: Measured, last_words: Option<&str>) -> Option<Self> {
        let was_killed = matches!(end, AttemptEnd::Signal(6 | 9) | AttemptEnd::Exit(134 | 137));
        let has_failed = was_killed || matches!(end, AttemptEnd::Exit(code) if *code != 0);
        // The kernel counts for the whole machine: the program was its victim only if it was killed.
        let found = match measured {
            Measured { disk_full: true, .. } => Some(Self::DiskFull),
            Measured { out_of_memory: true, .. } if was_killed => Some(Self::OutOfMemory),
            _ => last_words.and_then(Self::in_text),
        };
        found.filter(|cause| match cause {
            // Such a text is usual for a network as well.
            Self::TooManyProcesses => {
                has_failed && (measured.refused_processes || names_a_process(last_words))
            }
            _ => has_failed,
        })
    }

    /// Returns the cause that a text names.
    pub fn in_text(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let named = |texts: &[&str]| texts.iter().any(|one| text.contains(one));
        TEXTS.iter().find(|(_, texts)| named(texts)).map(|(cause, _)| *cause)
    }
}

fn names_a_process(text: Option<&str>) -> bool {
    let text = text.unwrap_or_default().to_lowercase();
    ["fork", "thread", "spawn", "clone"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_programs_are_classified() {
        use Cause::{DiskFull, OutOfMemory, TooManyProcesses};
        for (text, expected) in [
            ("fatal: unable to write loose object file: No space left on device", Some(DiskFull)),
            ("write error. Out of diskspace", Some(DiskFull)),
            ("error: IO failure on output stream: No space left on device (os error 28)", Some(DiskFull)),
            ("Error: ENOSPC: no space left on device, write", Some(DiskFull)),
            ("OSError: [Errno 122] Disk quota exceeded", Some(DiskFull)),
            ("sh: 1: cannot create big: No space left on device", Some(DiskFull)),
            ("FATAL ERROR: Reached heap limit - JavaScript heap out of memory", Some(OutOfMemory)),
            ("fatal: Out of memory, malloc failed (tried to allocate 10 bytes)", Some(OutOfMemory)),
            ("MemoryError", Some(OutOfMemory)),
            ("java.lang.OutOfMemoryError: Java heap space", Some(OutOfMemory)),
            ("memory allocation of 8589934592 bytes failed", Some(OutOfMemory)),
            ("terminate called after throwing an instance of 'std::bad_alloc'", Some(OutOfMemory)),
            ("bash: fork: Cannot allocate memory", Some(OutOfMemory)),
            ("bash: fork: retry: Resource temporarily unavailable", Some(TooManyProcesses)),
            ("sh: 0: Cannot fork", Some(TooManyProcesses)),
            ("Error: spawn /bin/sh EAGAIN", Some(TooManyProcesses)),
            ("RuntimeError: can't start new thread", Some(TooManyProcesses)),
            ("test result: FAILED. 3 passed; 1 failed", None),
            ("exit code 1", None),
            ("", None),
        ] {
            assert_eq!(Cause::in_text(text), expected, "{text}");
        }
    }

    #[test]
    fn measurements_come_before_texts() {
        use Cause::{DiskFull, OutOfMemory, TooManyProcesses};
        let nothing = Measured::default();
        let full = Measured { disk_full: true, ..nothing };
        let killed = Measured { out_of_memory: true, ..nothing };
        let refused = Measured { refused_processes: true, ..nothing };
        let (exit, signal) = (AttemptEnd::Exit, AttemptEnd::Signal);
        for (end, measured, words, expected) in [
            (exit(1), full, Some("error: unable to create directory"), Some(DiskFull)),
            (exit(1), full, Some("MemoryError"), Some(DiskFull)),
            (exit(0), full, None, None),
            (signal(9), killed, None, Some(OutOfMemory)),
            (exit(137), killed, None, Some(OutOfMemory)),
            (exit(134), killed, None, Some(OutOfMemory)),
            // Another process of the machine was killed.
            (exit(1), killed, Some("tests failed"), None),
            // A person killed it.
            (signal(9), nothing, None, None),
            (exit(137), nothing, None, None),
            (exit(1), nothing, Some("MemoryError"), Some(OutOfMemory)),
            (exit(0), nothing, Some("MemoryError"), None),
            (exit(2), nothing, Some("sh: 0: Cannot fork"), Some(TooManyProcesses)),
            (exit(2), nothing, Some("read: Resource temporarily unavailable"), None),
            (exit(2), refused, Some("read: Resource temporarily unavailable"), Some(TooManyProcesses)),
            (AttemptEnd::Stopped(None), full, None, None),
            (AttemptEnd::Idle(5), killed, Some("MemoryError"), None),
        ] {
            assert_eq!(Cause::of(&end, measured, words), expected, "{end:?} {measured:?} {words:?}");
        }
    }
}
