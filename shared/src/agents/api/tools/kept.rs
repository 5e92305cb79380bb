//! The beginning and the end of a long text, in bounded memory.

use std::collections::VecDeque;

/// How much of the beginning, and how much of the end is kept, in bytes.
const HALF: usize = 32 << 10;

/// The kept parts.
#[derive(Debug, Default)]
pub(super) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Kept {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(HALF - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest.iter().skip(rest.len().saturating_sub(HALF)));
        let excess = self.tail.len().saturating_sub(HALF);
        self.tail.drain(..excess);
    }

    /// Returns the text, with the number of bytes that are left out.
    pub(super) fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        let left_out = self.total - self.head.len() as u64 - tail.len() as u64;
        if left_out == 0 {
            return String::from_utf8_lossy(&[self.head.as_slice(), &tail].concat()).into_owned();
        }
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&tail));
        format!("{head}\n… {left_out} bytes left out …\n{tail}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let mut kept = Kept::default();
        kept.add("short ü".as_bytes());
        assert_eq!(kept.text(), "short ü");
        for number in 0..100_000 {
            kept.add(format!("{number}\n").as_bytes());
        }
        kept.add(&vec![b'x'; 3 * HALF]);
        kept.add(b"the end");
        let text = kept.text();
        assert!(text.starts_with("short ü0\n1\n") && text.ends_with("xthe end"));
        assert!(text.contains(" bytes left out …\n") && text.len() < 2 * HALF + 100);
    }

    #[test]
    fn nothing_is_left_out_at_the_limit() {
        let mut kept = Kept::default();
        kept.add(&vec![b'x'; 2 * HALF]);
        assert_eq!(kept.text().len(), 2 * HALF);
        kept.add(b"y");
        assert!(kept.text().contains("… 1 bytes left out …"));
    }
}
