//! Through which window a person acted.

use super::words::words;

words! {
    /// The window through which a person acted, where it is not a terminal.
    pub enum Via {
        /// The page of `git orchestra web`.
        Web = "web",
    }
}

impl Via {
    /// Returns how it follows a name, such as `Kim (web)`.
    pub fn after(via: Option<Self>) -> String {
        via.map_or_else(String::new, |via| format!(" ({via})"))
    }
}
