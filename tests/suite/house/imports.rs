//! The names that a source uses: every form of `use`, and every path written in full.

use super::tokens::Token;

/// One name that a `use` imports.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Import {
    /// The full path, as written.
    pub(super) path: Vec<String>,
    /// The local name; `*` for all names of a module.
    pub(super) name: String,
}

/// Returns all imports of a source.
pub(super) fn imports(all: &[Token<'_>]) -> Vec<Import> {
    let mut found = Vec::new();
    for (at, token) in all.iter().enumerate().filter(|(_, token)| token.text == "use") {
        // `impl Trait + use<'a>` imports nothing.
        if all.get(at + 1).is_some_and(|next| next.text != "<") && token.text == "use" {
            tree(&all[at + 1..], &[], &mut found);
        }
    }
    found
}

/// Reads one tree of a `use`; returns the number of tokens it has.
fn tree(all: &[Token<'_>], before: &[String], found: &mut Vec<Import>) -> usize {
    let (mut path, mut at) = (before.to_vec(), 0);
    while let Some(token) = all.get(at) {
        at += 1;
        match token.text {
            "::" => {}
            "{" => {
                while all.get(at).is_some_and(|token| token.text != "}") {
                    at += tree(&all[at..], &path, found);
                    at += usize::from(all.get(at).is_some_and(|token| token.text == ","));
                }
                return at + 1;
            }
            "as" => {
                let name = all.get(at).map_or_else(String::new, |name| name.text.to_owned());
                found.push(Import { path, name });
                return at + 1;
            }
            "," | "}" | ";" => {
                at -= 1;
                break;
            }
            word => path.push(word.to_owned()),
        }
    }
    if path.len() > before.len() {
        // `a::{self}` imports `a`.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = path.last().cloned().unwrap_or_default();
        found.push(Import { path, name });
    }
    at.max(1)
}

/// Returns the paths of two or more segments outside of `use`.
pub(super) fn paths(all: &[Token<'_>]) -> Vec<Vec<String>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < all.len() {
        if all[at].text == "use" && all.get(at + 1).is_some_and(|next| next.text != "<") {
            at += all[at..].iter().position(|token| token.text == ";").unwrap_or(1);
        }
        let is_start = at == 0 || !matches!(all[at - 1].text, "::" | ".");
        let mut path = vec![all[at].text.to_owned()];
        let mut next = at + 1;
        while is_start
            && all.get(next).is_some_and(|token| token.text == "::")
            && let Some(word) = all.get(next + 1).filter(|word| word.text.starts_with(is_word))
        {
            path.push(word.text.to_owned());
            next += 2;
        }
        if path.len() > 1 {
            found.push(path);
        }
        at = next;
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn every_form_of_use_counts() {
    let source = "pub use a::{self, b::{c, d as e}, super::f}; pub(crate) use crate::g::*; fn h() { use i; j::k::l(); m.n::<o::P>() }";
    let all = super::tokens::tokens(source);
    let shown: Vec<String> =
        imports(&all).iter().map(|one| format!("{} = {}", one.name, one.path.join("::"))).collect();
    assert_eq!(shown, ["a = a", "c = a::b::c", "e = a::b::d", "f = a::super::f", "* = crate::g::*", "i = i"]);
    assert_eq!(paths(&all), [vec!["j", "k", "l"], vec!["o", "P"]]);
}
