//! Trailers: the state of an agent at the end of a commit's message, which other clones write.

use orchestra::model::{Agent, trailers};

use crate::shown;

/// A writer, as trailers name it.
const WRITER: &str = "0123456789abcdef";

pub(crate) fn check(bytes: &[u8]) {
    let message = String::from_utf8_lossy(bytes);
    let Some(paragraph) = trailers::paragraph(&message) else { return };
    let _ = (
        trailers::read_header(paragraph),
        trailers::vouching_writer(paragraph),
        trailers::is_trusted::<Agent>(paragraph, WRITER),
    );
    let Some(agent) = trailers::read(paragraph) else { return };
    let written = trailers::write(&agent, WRITER);
    assert!(trailers::is_trusted::<Agent>(&written, WRITER), "{written}");
    let again =
        trailers::read(&written).unwrap_or_else(|| panic!("what was written is not read:\n{written}"));
    assert_eq!(trailers::write(&again, WRITER), written, "parsed trailers are written back unchanged");
    written.lines().for_each(shown::check);
}
