//! Answers that a forge marked with an `ETag`: asked for again, it says that nothing changed, which most forges count as no request.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// How many answers are kept.
const MOST: usize = 200;

/// The answers, by their addresses.
#[derive(Debug)]
pub(super) struct KeptAnswers<A> {
    known: Mutex<HashMap<String, (String, A)>>,
}

impl<A> Default for KeptAnswers<A> {
    fn default() -> Self {
        Self { known: Mutex::default() }
    }
}

impl<A: Clone> KeptAnswers<A> {
    /// Returns the mark of the answer at an address.
    pub(super) fn mark(&self, url: &str) -> Option<String> {
        self.with(|known| Some(known.get(url)?.0.clone()))
    }

    /// Returns the answer at an address.
    pub(super) fn get(&self, url: &str) -> Option<A> {
        self.with(|known| Some(known.get(url)?.1.clone()))
    }

    /// Keeps an answer with its mark.
    pub(super) fn keep(&self, url: &str, mark: Option<&str>, answer: &A) {
        let Some(mark) = mark else { return };
        self.with(|known| {
            if known.len() >= MOST && !known.contains_key(url) {
                known.clear();
            }
            known.insert(url.to_owned(), (mark.to_owned(), answer.clone()));
        });
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<String, (String, A)>) -> T) -> T {
        act(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_a_mark_is_kept_and_the_memory_is_bounded() {
        let kept = KeptAnswers::default();
        kept.keep("a", None, &1);
        assert_eq!((kept.mark("a"), kept.get("a")), (None, None));
        kept.keep("a", Some("x"), &1);
        kept.keep("a", Some("y"), &2);
        assert_eq!((kept.mark("a"), kept.get("a")), (Some("y".into()), Some(2)));
        for number in 0..=MOST {
            kept.keep(&number.to_string(), Some("z"), &3);
        }
        assert!(kept.known.lock().expect("the answers").len() <= MOST);
    }
}
