//! Where events go: the journal, a terminal, or a plain stream with priorities.

use std::io::IsTerminal;
use std::os::linux::fs::MetadataExt;

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Where events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The daemon: the journal with its fields if standard error is connected to it, else lines
    /// with a priority in front (sd-daemon(3)), or plain lines on a terminal.
    Daemon,
    /// A command: only warnings and errors, on standard error.
    Command,
}

/// Directs events. `RUST_LOG` overrides the level. To be called once.
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
        Some(layer) => registry.with(fields(layer)).try_init(),
        None => {
            let priorities = output == Output::Daemon && !std::io::stderr().is_terminal();
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .event_format(Lines { priorities });
            registry.with(layer).try_init()
        }
    };
    // A second call leaves the first one's choice: only tests do that.
    let _ = outcome;
}

/// Without a prefix `message_id` arrives as `MESSAGE_ID`, which the catalog knows.
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

/// Whether standard error is the journal's stream: `$JOURNAL_STREAM` is its device and inode
/// (systemd.exec(5)).
fn on_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|meta| stream == format!("{}:{}", meta.st_dev(), meta.st_ino()))
}

/// One line an event: the message and nothing else, with a priority for journald where asked.
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
        writeln!(writer, "{}", message.0.replace('\n', " "))
    }
}

#[derive(Default)]
struct Message(String);

impl tracing::field::Visit for Message {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
