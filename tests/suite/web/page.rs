//! The files of the page.

use std::{collections::BTreeSet, fs};

use super::{Server, get};
use crate::{house::root, world};

/// What would read a text as markup, as code, or as an address to load.
const FORBIDDEN: [&str; 13] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "Function(",
    "srcdoc",
    "createContextualFragment",
    "DOMParser",
    "javascript:",
    "import(",
    "style=",
    "http://",
];

#[test]
fn every_file_is_served_and_reads_no_text_as_markup() {
    let folder = root().join("bins/git-orchestra-web/page");
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).expect("a folder").flatten() {
        let (name, text) = (file.file_name(), fs::read_to_string(file.path()).expect("a text"));
        let name = name.to_string_lossy().into_owned();
        let own = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for word in FORBIDDEN {
            assert!(!own.contains(word), "{name} has {word}");
        }
        let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
        let answer = server.send(get(server.port, &path, "").as_bytes());
        assert_eq!((answer.status, &answer.body), (200, &text), "{path}");
        names.insert(name);
    }
    assert!(names.contains("index.html") && names.contains("app.js"), "{names:?}");
    assert!(server.end());
}
