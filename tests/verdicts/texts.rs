//! Generates random texts and random changes to them, of the kind on which diff algorithms disagree: few
//! words, repeated blocks.

use testkit::SeededRandom;

/// A text as lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Text {
    lines: Vec<String>,
    /// Whether the last line has a line break.
    ends: bool,
    /// The number of different words in it.
    words: u64,
}

impl Text {
    pub(crate) fn random(numbers: &mut SeededRandom) -> Self {
        let words = [3, 8, 30, 100_000][numbers.below(4) as usize];
        let most = if numbers.below(12) == 0 { 400 } else { 40 };
        let mut text = Self { lines: Vec::new(), ends: numbers.below(8) > 0, words };
        for _ in 0..numbers.below(most) {
            let line = text.line(numbers);
            text.lines.push(line);
        }
        text
    }

    fn line(&self, numbers: &mut SeededRandom) -> String {
        match numbers.below(6) {
            0 => String::new(),
            1 => "}".to_owned(),
            _ => format!("word {}", numbers.below(self.words)),
        }
    }

    /// Changes a few places in it.
    pub(crate) fn change(&mut self, numbers: &mut SeededRandom) {
        for _ in 0..numbers.between(1, 4) {
            self.change_once(numbers);
        }
    }

    fn change_once(&mut self, numbers: &mut SeededRandom) {
        let count = self.lines.len();
        let at = numbers.below(count as u64 + 1) as usize;
        let end = (at + numbers.between(1, 4) as usize).min(count);
        match numbers.below(20) {
            0..=6 => {
                let new: Vec<String> = (0..numbers.between(1, 4)).map(|_| self.line(numbers)).collect();
                self.lines.splice(at..end, new);
            }
            7..=10 => {
                let new: Vec<String> = (0..numbers.between(1, 5)).map(|_| self.line(numbers)).collect();
                self.lines.splice(at..at, new);
            }
            11..=13 => drop(self.lines.drain(at..end)),
            14 | 15 => {
                let block: Vec<String> = self.lines[at..end].to_vec();
                let to = numbers.below(count as u64 + 1) as usize;
                self.lines.splice(to..to, block);
            }
            16 | 17 => {
                let block: Vec<String> = self.lines.drain(at..end).collect();
                let to = numbers.below(self.lines.len() as u64 + 1) as usize;
                self.lines.splice(to..to, block);
            }
            18 => self.ends = !self.ends,
            _ if numbers.below(6) == 0 => self.lines.iter_mut().for_each(|line| line.push('\r')),
            _ if numbers.below(4) == 0 => self.lines.reverse(),
            _ => {
                if let Some(line) = self.lines.get_mut(at) {
                    line.push('x');
                }
            }
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = self.lines.join("\n");
        if self.ends && !self.lines.is_empty() {
            text.push('\n');
        }
        text.into_bytes()
    }
}
