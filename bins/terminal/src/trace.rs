//! Writes the trace of `ORCHESTRA_TRACE`: a line for each event of the library, to stderr or at the end of
//! a file.

use std::{
    fmt::{self, Write as _},
    fs::File,
    io::{self, Write},
    path::Path,
};

use orchestra::{model::quote, private_files, trace, world};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

use crate::{here, output::Terminal};

/// The longest line, in bytes: each line is written in one call, so that lines of several processes do not
/// mix.
const LONGEST: usize = 4000;

/// Where the lines are written.
#[derive(Debug)]
enum Sink {
    Stderr,
    File(File),
}

/// Starts the trace of a program if the environment asks for it. An unusable value of the variable is a warning, not an
/// error.
pub fn start(program: &str) {
    let Some(value) = here::environment().text_variable(trace::VARIABLE) else { return };
    match sink(&value) {
        Ok(Some(sink)) => {
            let program = program.to_owned();
            // A process sets one subscriber only, at its start.
            let _ = tracing::subscriber::set_global_default(LineWriter { sink, program });
        }
        Ok(None) => {}
        Err(why) => {
            let shown = quote::word(&value);
            let terminal = Terminal::new(anstream::ColorChoice::Auto);
            terminal.warn(&format!("no trace is written: {}={shown}: {why}", trace::VARIABLE));
        }
    }
}

fn sink(value: &str) -> io::Result<Option<Sink>> {
    match value {
        "0" | "false" | "no" | "off" => Ok(None),
        "1" | "true" | "yes" | "on" => Ok(Some(Sink::Stderr)),
        path if Path::new(path).is_absolute() => {
            private_files::open_log(Path::new(path)).map(|file| Some(Sink::File(file)))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither 1 nor an absolute path")),
    }
}

/// A subscriber that writes each event of the library as one line. The library has no spans, so no state is
/// kept.
#[derive(Debug)]
struct LineWriter {
    sink: Sink,
    program: String,
}

impl Subscriber for LineWriter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // `tracing::enabled!` uses metadata that is neither a span nor an event.
        !metadata.is_span() && *metadata.level() <= Level::INFO && is_ours(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let head = format!("{} {}[{}]", now(), self.program, std::process::id());
        let line = line(&head, event.metadata().target(), &Fields::of(event));
        // A trace that cannot be written must not change what a command does.
        let _ = match &self.sink {
            Sink::Stderr => io::stderr().lock().write_all(line.as_bytes()),
            Sink::File(file) => (&mut &*file).write_all(line.as_bytes()),
        };
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Whether an event is the library's. `tracing::enabled!` uses the bare name of the crate.
fn is_ours(target: &str) -> bool {
    target.split("::").next() == Some(trace::TARGET)
}

fn now() -> String {
    let now =
        world::Timestamp::from_millisecond(here::environment().clock().milliseconds()).unwrap_or_default();
    format!("{now:.3}")
}

/// Formats an event as one line, whatever its values contain: `HEAD KIND: MESSAGE name=value …`.
fn line(head: &str, target: &str, fields: &Fields) -> String {
    let kind = target.rsplit("::").next().unwrap_or_default();
    let mut line = format!("{head} {kind}: {}{}", orchestra::model::text::safe(&fields.message), fields.rest);
    if line.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line.push('\n');
    line
}

/// The fields of an event.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    /// The other fields, each preceded by a space.
    rest: String,
}

impl Fields {
    fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.rest, " {}={}", field.name(), quote::word(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_switch_or_an_absolute_path_is_accepted() {
        assert!(matches!(sink("0"), Ok(None)));
        assert!(matches!(sink("1"), Ok(Some(Sink::Stderr))));
        for wrong in ["trace.log", "/", "/nonexistent/folder/trace"] {
            assert!(sink(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_event_is_one_line_of_limited_length() {
        let fields = Fields { message: "a\nb".into(), rest: format!(" end={}", "x".repeat(9000)) };
        let line = line("now p[1]", "orchestra::program", &fields);
        assert!(line.starts_with("now p[1] program: a\\nb end=xxx"), "{line}");
        assert_eq!((line.matches('\n').count(), line.ends_with("…\n")), (1, true));
        assert!(line.len() <= LONGEST + 4);
    }

    #[test]
    fn events_of_other_crates_are_ignored() {
        assert!(is_ours("orchestra") && is_ours("orchestra::lock"));
        assert!(!is_ours("orchestrator::x") && !is_ours("gix"));
    }
}
