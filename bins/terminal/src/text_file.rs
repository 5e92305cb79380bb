//! Reads files with text that a person wrote, or standard input.

use std::{io::Read, path::Path};

use orchestra::{Code, Error, Kind, Result, error::ErrorContext as _};

/// The largest file, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// Returns how messages call a file: its path, or standard input for `-`.
pub fn shown(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { format!("'{}'", file.display()) }
}

/// Reads a file that contains `what`, or standard input if it is `-`.
///
/// # Errors
/// It cannot be read (3), or is larger than 16 MiB or not UTF-8 text: an error with the code `wrong`.
pub fn read(file: &Path, what: &str, wrong: Code) -> Result<String> {
    let shown = shown(file);
    let cannot = || format!("cannot read {what} from {shown}");
    let mut source: Box<dyn Read> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).context(Kind::Refused, cannot)?)
    };
    let mut bytes = Vec::new();
    source.by_ref().take(MAX_FILE + 1).read_to_end(&mut bytes).context(Kind::Refused, cannot)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::new(wrong, format!("{shown} is larger than 16 MiB, the limit for {what}")));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Error::new(wrong, format!("{shown} is UTF-16 text, not UTF-8"))
            .hint("save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8 FILE"));
    }
    String::from_utf8(bytes).context(wrong, || format!("{shown} is not UTF-8 text"))
}
