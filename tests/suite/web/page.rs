//! The files of the page.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

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

/// Asks for a file of bytes.
fn bytes_of(port: u16, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.write_all(get(port, path, "").as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end + 4..].to_vec())
}

#[test]
fn every_file_is_served_and_reads_no_text_as_markup() {
    let folder = root().join("bins/git-orchestra-web/page");
    let world = world();
    let repo = world.repo();
    let server = Server::start(&repo, &[]);
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).expect("a folder").flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        if name.ends_with(".png") {
            let (head, body) = bytes_of(server.port, &format!("/{name}"));
            assert!(head.contains("content-type: image/png"), "{name}: {head}");
            assert_eq!(body, fs::read(file.path()).expect("a picture"), "{name}");
            names.insert(name);
            continue;
        }
        let text = fs::read_to_string(file.path()).expect("a text");
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
    // What the system shows instead of the page is there, in the sizes that are said.
    let (index, manifest) = (
        server.send(get(server.port, "/", "").as_bytes()).body,
        server.send(get(server.port, "/manifest.json", "").as_bytes()).json(),
    );
    assert!(index.contains("<link rel=\"apple-touch-icon\" href=\"/icon-180.png\""), "{index}");
    for icon in manifest["icons"].as_array().expect("icons") {
        let (name, sizes) = (icon["src"].as_str().expect("a name"), icon["sizes"].as_str().expect("a size"));
        assert!(names.contains(&name[1..]) && (sizes == "any" || name.contains(&sizes[..3])), "{icon}");
    }
    assert!(server.end());
}
