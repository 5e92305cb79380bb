//! Checking `.gitmodules` for names, URLs and paths that a later `git submodule` would treat as options, as paths outside, or as
//! commands. Pure.

/// Maximum size of a file that is read, in bytes.
pub(super) const MAX_FILE_BYTES: u64 = 1 << 20;

/// Returns what is wrong with the file, as a phrase to follow its name. A file that git cannot parse is harmless.
pub(super) fn gitmodules_flaw(content: &[u8]) -> Option<String> {
    let options = gix::config::file::init::Options::default();
    let file =
        gix::config::File::from_bytes_no_includes(content, gix::config::file::Metadata::api(), options);
    let file = file.ok()?;
    for section in file.sections_by_name("submodule")? {
        let Some(name) = section.header().subsection_name() else { continue };
        if name.is_empty() || name.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| part == b"..") {
            return Some("names a submodule by a path that leads outside".to_owned());
        }
        for (key, is_bad) in [
            ("url", is_option_or_has_newline as fn(&[u8]) -> bool),
            ("path", |value| value.starts_with(b"-")),
            ("update", |value| value.starts_with(b"!")),
        ] {
            if section.values(key).iter().any(|value| is_bad(value.as_ref())) {
                return Some(format!("has a submodule whose {key} git would misinterpret"));
            }
        }
    }
    None
}

fn is_option_or_has_newline(url: &[u8]) -> bool {
    let lower = url.to_ascii_lowercase();
    url.starts_with(b"-") || url.contains(&b'\n') || lower.windows(3).any(|part| part == b"%0a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_submodule_may_say() {
        let table = [
            ("[submodule \"a\"]\n\tpath = a\n\turl = https://x/a.git\n", false),
            ("[submodule \"a\"]\n\turl = ../a.git\n\tupdate = rebase\n", false),
            ("[submodule \"../../x\"]\n\turl = x\n", true),
            ("[submodule \"a\"]\n\turl = --upload-pack=touch x\n", true),
            ("[submodule \"a\"]\n\turl = https://x/%0aurl=y\n", true),
            ("[submodule \"a\"]\n\tpath = -x\n", true),
            ("[submodule \"a\"]\n\tupdate = !touch x\n", true),
            ("[core]\n\tx = -y\n", false),
            ("not a config [", false),
            ("", false),
        ];
        for (content, is_bad) in table {
            assert_eq!(gitmodules_flaw(content.as_bytes()).is_some(), is_bad, "{content}");
        }
    }
}
