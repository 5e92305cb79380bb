//! The file in which a project shares settings, in the syntax of git's configuration.

use gix::config::{File, Source, file::Metadata};

use crate::{
    git::{
        config_values::{ConfigEntry, entries},
        settings,
    },
    model::{ConfigScope, text},
};

/// The name of the file, at the top of the repository.
pub(crate) const PROJECT_FILE: &str = ".gitorchestra";
/// Maximum size of the file, in bytes.
pub(super) const MAX_BYTES: u64 = 64 << 10;

/// The content of the file.
#[derive(Debug)]
pub(crate) struct ProjectFile {
    /// The whole content.
    pub(crate) content: String,
    /// The SHA-256 of the content, in hexadecimal.
    pub(crate) digest: String,
    /// The values of one section, in the order of the file.
    pub(crate) entries: Vec<ConfigEntry>,
}

impl ProjectFile {
    /// Parses the file. Includes are not followed: an approval covers this content alone.
    pub(crate) fn parse(bytes: Vec<u8>, section: &str) -> Result<Self, String> {
        let digest = settings::digest(&bytes);
        let content = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let meta = Metadata::from(Source::Local);
        let parsed = File::from_bytes_no_includes(content.as_bytes(), meta, Default::default())
            .map_err(|error| text::one_line(&error.to_string(), 200))?;
        let mut entries = entries(&parsed, section);
        for entry in &mut entries {
            (entry.scope, entry.file) = (ConfigScope::Project, Some(PROJECT_FILE.into()));
        }
        Ok(Self { content, digest, entries })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_values_of_the_section_count() {
        let content = "[orchestra]\n\ttest = make test # all\n[include]\n\tpath = more\n[core]\n\tpager = evil\n\
                       [orchestra \"agent.x\"]\n\tprompt = \"be brief\"\n";
        let file = ProjectFile::parse(content.as_bytes().to_vec(), "orchestra").unwrap();
        let found: Vec<(&str, &str)> =
            file.entries.iter().map(|entry| (entry.name.as_str(), entry.value.as_str())).collect();
        assert_eq!(found, [("orchestra.test", "make test"), ("orchestra.agent.x.prompt", "be brief")]);
        assert_eq!((file.content.as_str(), file.digest.len()), (content, 64));
        assert!(ProjectFile::parse(b"[orchestra".to_vec(), "orchestra").is_err());
        assert!(ProjectFile::parse(vec![0xff], "orchestra").is_err());
    }
}
