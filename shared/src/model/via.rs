//! Through what somebody acted.

use super::words::words;

words! {
    /// Through what somebody acted, where it is not a command that was typed.
    pub enum Via {
        /// The page of `git orchestra web`.
        Web = "web",
        /// A tool of `git orchestra mcp`, which a program called.
        Mcp = "mcp",
    }
}

impl Via {
    /// Returns how it follows a name, such as `Kim (web)`.
    pub fn after(via: Option<Self>) -> String {
        via.map_or_else(String::new, |via| format!(" ({via})"))
    }
}
