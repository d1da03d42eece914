//! Where events are written: the journal, a terminal, or a plain stream with priorities.

use std::io::IsTerminal;
use std::os::linux::fs::MetadataExt;

use tracing::field::{Field, Value, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::model::printable;

/// Where events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// For the daemon: the journal with its fields if standard error is connected to it, otherwise
    /// lines that begin with a priority (sd-daemon(3)), or plain lines on a terminal.
    Daemon,
    /// For a command: only warnings and errors, on standard error.
    Command,
}

/// Sets where events are written. `RUST_LOG` overrides the level. It must be called once.
pub fn init(output: Output) {
    let level = match output {
        Output::Daemon => "info,ldap3=warn",
        Output::Command => "warn,ldap3=error",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let registry = tracing_subscriber::registry().with(filter);
    let journal = (output == Output::Daemon && on_journal())
        .then(tracing_journald::layer)
        .and_then(Result::ok);
    let outcome = match journal {
        Some(layer) => registry.with(Printable(fields(layer))).try_init(),
        None => {
            let priorities = output == Output::Daemon && !std::io::stderr().is_terminal();
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .event_format(Lines { priorities });
            registry.with(Printable(layer)).try_init()
        }
    };
    // A second call, which only tests make, keeps the first choice.
    let _ = outcome;
}

/// Removes the prefix of field names: `message_id` arrives as `MESSAGE_ID`, as in the catalog.
fn fields(layer: tracing_journald::Layer) -> tracing_journald::Layer {
    use tracing_journald::{Priority, PriorityMappings};
    layer
        .with_field_prefix(None)
        .with_syslog_identifier("mattersync".to_owned())
        .with_priority_mappings(PriorityMappings {
            error: Priority::Error,
            warn: Priority::Warning,
            info: Priority::Informational,
            debug: Priority::Debug,
            trace: Priority::Debug,
        })
}

/// Returns whether standard error is the journal's stream: `$JOURNAL_STREAM` is its device and
/// inode (systemd.exec(5)).
fn on_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|meta| stream == format!("{}:{}", meta.st_dev(), meta.st_ino()))
}

/// How many fields an event may have.
const MOST_FIELDS: usize = 32;

/// Passes events on with each value as one line without control characters: names, DNs and errors
/// in them were written by others. All events go through it, and there are no spans.
struct Printable<L>(L);

impl<S: Subscriber, L: Layer<S>> Layer<S> for Printable<L> {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event()
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut texts = Texts::default();
        event.record(&mut texts);
        let Some((first, _)) = texts.0.first() else {
            return self.0.on_event(event, context);
        };
        let mut values: [(&Field, Option<&dyn Value>); MOST_FIELDS] = [(first, None); MOST_FIELDS];
        for (value, (field, text)) in values.iter_mut().zip(&texts.0) {
            *value = (field, Some(text));
        }
        let values = event.metadata().fields().value_set(&values);
        self.0
            .on_event(&Event::new(event.metadata(), &values), context);
    }
}

/// The fields of an event as text.
#[derive(Default)]
struct Texts(Vec<(Field, String)>);

impl Visit for Texts {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.clone(), printable(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Writes one line for each event: only the message, with a priority for journald where requested.
struct Lines {
    priorities: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &tracing::Event<'_>,
    ) -> std::fmt::Result {
        let level = *event.metadata().level();
        if self.priorities {
            let priority = match level {
                Level::ERROR => 3,
                Level::WARN => 4,
                Level::INFO => 6,
                _ => 7,
            };
            write!(writer, "<{priority}>")?;
        } else if level <= Level::WARN {
            let word = if level == Level::ERROR {
                "error"
            } else {
                "warning"
            };
            write!(writer, "{word}: ")?;
        }
        let mut message = Message::default();
        event.record(&mut message);
        writeln!(writer, "{}", message.0)
    }
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0 = value.to_owned();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::span;

    use super::*;

    /// What arrives behind the cleaning.
    #[derive(Clone, Default)]
    struct Arrived(Arc<Mutex<Vec<(String, String)>>>);

    impl<S: Subscriber> Layer<S> for Arrived {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            event.record(&mut self.clone());
        }

        fn on_new_span(&self, _: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
            panic!("the values of a span are not cleaned");
        }
    }

    impl Visit for Arrived {
        fn record_str(&mut self, field: &Field, value: &str) {
            let mut arrived = self.0.lock().unwrap();
            arrived.push((field.name().to_owned(), value.to_owned()));
        }

        fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {
            panic!("what is not a text was not cleaned");
        }
    }

    #[test]
    fn no_value_of_an_event_arrives_as_others_wrote_it() {
        let arrived = Arrived::default();
        let registry = tracing_subscriber::registry().with(Printable(arrived.clone()));
        let dn = "cn=a\n<3>forged\x1b[2J\u{202e}";
        tracing::subscriber::with_default(registry, || {
            let _span = tracing::info_span!("of-others", dn).entered();
            tracing::warn!(ldap_dn = dn, number = 7, error = %dn, "left alone: {dn}");
        });
        let clean = "cn=a <3>forged\u{fffd}[2J\u{fffd}";
        let mut fields = arrived.0.lock().unwrap().clone();
        fields.sort();
        let want = [
            ("error", clean.to_owned()),
            ("ldap_dn", clean.to_owned()),
            ("message", format!("left alone: {clean}")),
            ("number", "7".to_owned()),
        ];
        let want = want.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(fields, want);
    }

    #[derive(Clone, Default)]
    struct Stream(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_with_its_priority() {
        let stream = Stream::default();
        let writer = stream.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .event_format(Lines { priorities: true });
        let registry = tracing_subscriber::registry().with(Printable(lines));
        tracing::subscriber::with_default(registry, || {
            tracing::warn!(ldap_dn = "x", "a {}", "b\r\n<3>c\u{2028}d");
        });
        let text = String::from_utf8(stream.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "<4>a b <3>c d\n");
    }
}
