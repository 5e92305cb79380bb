//! The page: files that hold nothing of the repository, so that a stranger may get them.

use std::borrow::Cow;

use orchestra::world::Environment;

/// A file of the page.
pub(crate) struct Asset {
    /// Where it is.
    path: &'static str,
    /// What it is.
    pub(crate) kind: &'static str,
    /// Its content.
    content: &'static [u8],
}

/// A module of JavaScript.
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// What the page looks like.
const STYLE: &str = "text/css; charset=utf-8";
/// A picture of lines.
const PICTURE: &str = "image/svg+xml";
/// A picture of points, for what shows no other.
const POINTS: &str = "image/png";

/// The page for an address at which there is nothing. It holds nothing of the request.
pub(crate) const NOWHERE: &str = "/nowhere.html";

/// All files of the page.
const ASSETS: &[Asset] = &[
    Asset { path: "/", kind: "text/html; charset=utf-8", content: include_bytes!("page/index.html") },
    Asset { path: "/actions.js", kind: SCRIPT, content: include_bytes!("page/actions.js") },
    Asset { path: "/agent.js", kind: SCRIPT, content: include_bytes!("page/agent.js") },
    Asset { path: "/agents.js", kind: SCRIPT, content: include_bytes!("page/agents.js") },
    Asset { path: "/api.js", kind: SCRIPT, content: include_bytes!("page/api.js") },
    Asset { path: "/app.js", kind: SCRIPT, content: include_bytes!("page/app.js") },
    Asset { path: "/asks.js", kind: SCRIPT, content: include_bytes!("page/asks.js") },
    Asset { path: "/board.js", kind: SCRIPT, content: include_bytes!("page/board.js") },
    Asset { path: "/commands.js", kind: SCRIPT, content: include_bytes!("page/commands.js") },
    Asset { path: "/compare.js", kind: SCRIPT, content: include_bytes!("page/compare.js") },
    Asset { path: "/costs.js", kind: SCRIPT, content: include_bytes!("page/costs.js") },
    Asset { path: "/diff.js", kind: SCRIPT, content: include_bytes!("page/diff.js") },
    Asset { path: "/dom.js", kind: SCRIPT, content: include_bytes!("page/dom.js") },
    Asset { path: "/facts.js", kind: SCRIPT, content: include_bytes!("page/facts.js") },
    Asset { path: "/history.js", kind: SCRIPT, content: include_bytes!("page/history.js") },
    Asset { path: "/keys.js", kind: SCRIPT, content: include_bytes!("page/keys.js") },
    Asset { path: "/land.js", kind: SCRIPT, content: include_bytes!("page/land.js") },
    Asset { path: "/link.js", kind: SCRIPT, content: include_bytes!("page/link.js") },
    Asset { path: "/matrix.js", kind: SCRIPT, content: include_bytes!("page/matrix.js") },
    Asset { path: "/more.js", kind: SCRIPT, content: include_bytes!("page/more.js") },
    Asset { path: NOWHERE, kind: "text/html; charset=utf-8", content: include_bytes!("page/nowhere.html") },
    Asset { path: "/notices.js", kind: SCRIPT, content: include_bytes!("page/notices.js") },
    Asset { path: "/patch.js", kind: SCRIPT, content: include_bytes!("page/patch.js") },
    Asset { path: "/plan.js", kind: SCRIPT, content: include_bytes!("page/plan.js") },
    Asset { path: "/places.js", kind: SCRIPT, content: include_bytes!("page/places.js") },
    Asset { path: "/remarks.js", kind: SCRIPT, content: include_bytes!("page/remarks.js") },
    Asset { path: "/runs.js", kind: SCRIPT, content: include_bytes!("page/runs.js") },
    Asset { path: "/sessions.js", kind: SCRIPT, content: include_bytes!("page/sessions.js") },
    Asset { path: "/sheet.js", kind: SCRIPT, content: include_bytes!("page/sheet.js") },
    Asset { path: "/spawn.js", kind: SCRIPT, content: include_bytes!("page/spawn.js") },
    Asset { path: "/specs.js", kind: SCRIPT, content: include_bytes!("page/specs.js") },
    Asset { path: "/store.js", kind: SCRIPT, content: include_bytes!("page/store.js") },
    Asset { path: "/story.js", kind: SCRIPT, content: include_bytes!("page/story.js") },
    Asset { path: "/worktrees.js", kind: SCRIPT, content: include_bytes!("page/worktrees.js") },
    Asset { path: "/app.css", kind: STYLE, content: include_bytes!("page/app.css") },
    Asset { path: "/parts.css", kind: STYLE, content: include_bytes!("page/parts.css") },
    Asset { path: "/icon-180.png", kind: POINTS, content: include_bytes!("page/icon-180.png") },
    Asset { path: "/icon-192.png", kind: POINTS, content: include_bytes!("page/icon-192.png") },
    Asset { path: "/icon-512.png", kind: POINTS, content: include_bytes!("page/icon-512.png") },
    Asset { path: "/icon.svg", kind: PICTURE, content: include_bytes!("page/icon.svg") },
    Asset { path: "/icon-mask.svg", kind: PICTURE, content: include_bytes!("page/icon-mask.svg") },
    Asset {
        path: "/manifest.json",
        kind: "application/manifest+json",
        content: include_bytes!("page/manifest.json"),
    },
];

/// Finds a file of the page.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// The paths of all files.
pub(crate) fn paths() -> Vec<&'static str> {
    ASSETS.iter().map(|asset| asset.path).collect()
}

impl Asset {
    /// Returns its content: in a debug build, that of the folder which `ORCHESTRA_PAGE` names, so that a change of the page needs no
    /// build.
    pub(crate) fn bytes(&self, environment: &Environment) -> Cow<'static, [u8]> {
        if cfg!(debug_assertions)
            && let Some(folder) = environment.variable("ORCHESTRA_PAGE")
        {
            let name = if self.path == "/" { "index.html" } else { &self.path[1..] };
            if let Ok(bytes) = std::fs::read(std::path::Path::new(&folder).join(name)) {
                return bytes.into();
            }
        }
        self.content.into()
    }
}
