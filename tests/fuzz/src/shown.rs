//! Foreign text that is shown.

use orchestra::model::text;

/// Checks that no control character remains, however the text is shown.
pub(crate) fn check(foreign: &str) {
    for shown in [
        text::safe(foreign).into_owned(),
        text::safe(&text::rendered_output(foreign)).into_owned(),
        text::title(foreign),
        text::one_line(foreign, 80),
    ] {
        assert!(!shown.chars().any(char::is_control), "{foreign:?} is shown as {shown:?}");
    }
    let block = text::safe_block(&text::rendered_output(foreign));
    let obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!block.chars().any(obeyed), "{foreign:?} is shown as {block:?}");
}
