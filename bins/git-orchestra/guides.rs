//! The man pages that belong to no command.

use orchestra_terminal::guides;

/// A man page that belongs to no command.
pub(crate) struct Guide {
    /// The name that `help` and `man` take.
    pub(crate) name: &'static str,
    /// The name of the page.
    pub(crate) page: &'static str,
    /// The section of the manual.
    pub(crate) section: u8,
    text: Text,
}

/// The form in which a page is written.
enum Text {
    Roff(&'static str),
    Markdown { text: &'static str, see_also: &'static str },
}

/// The pages, in the order in which a user meets them.
const GUIDES: [Guide; 2] = [
    Guide {
        name: "tutorial",
        page: "gitorchestra-tutorial",
        section: 7,
        text: Text::Markdown {
            text: include_str!("tutorial.md"),
            see_also: "git-orchestra(1), git-orchestra-spawn(1), git-orchestra-review(1), git-orchestra-merge-ranked(1)",
        },
    },
    Guide {
        name: "storage",
        page: "gitorchestra-storage",
        section: 5,
        text: Text::Roff(include_str!("../../man/gitorchestra-storage.5")),
    },
];

/// Returns the pages.
pub(crate) fn all() -> impl Iterator<Item = &'static Guide> {
    GUIDES.iter()
}

/// Finds a page by its name, with or without the prefix.
pub(crate) fn find(name: &str) -> Option<&'static Guide> {
    all().find(|guide| guide.name == name || guide.page == name)
}

impl Guide {
    /// Returns the name of its file.
    pub(crate) fn file(&self) -> String {
        format!("{}.{}", self.page, self.section)
    }

    /// Returns its source.
    pub(crate) fn roff(&self) -> String {
        match self.text {
            Text::Roff(roff) => roff.to_owned(),
            Text::Markdown { text, see_also } => guides::man(text, self.section, see_also),
        }
    }

    /// Returns what to show where there is no man(1).
    pub(crate) fn plain(&self) -> String {
        match self.text {
            Text::Roff(roff) => roff.to_owned(),
            Text::Markdown { text, .. } => text.to_owned(),
        }
    }
}
