//! The page: files that hold nothing of the repository, so that a stranger may get them.

/// A file of the page.
pub(crate) struct Asset {
    /// Where it is.
    pub(crate) path: &'static str,
    /// What it is.
    pub(crate) kind: &'static str,
    /// Its content.
    pub(crate) content: &'static str,
}

/// A module of JavaScript.
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All files of the page.
pub(crate) const ASSETS: &[Asset] = &[
    Asset { path: "/", kind: "text/html; charset=utf-8", content: include_str!("page/index.html") },
    Asset { path: "/app.js", kind: SCRIPT, content: include_str!("page/app.js") },
    Asset { path: "/agent.js", kind: SCRIPT, content: include_str!("page/agent.js") },
    Asset { path: "/api.js", kind: SCRIPT, content: include_str!("page/api.js") },
    Asset { path: "/board.js", kind: SCRIPT, content: include_str!("page/board.js") },
    Asset { path: "/dom.js", kind: SCRIPT, content: include_str!("page/dom.js") },
    Asset { path: "/app.css", kind: "text/css; charset=utf-8", content: include_str!("page/app.css") },
    Asset { path: "/icon.svg", kind: "image/svg+xml", content: include_str!("page/icon.svg") },
];

/// The paths of all files.
pub(crate) fn paths() -> Vec<&'static str> {
    ASSETS.iter().map(|asset| asset.path).collect()
}
