//! `which-driver` exchanges messages over tcp and ipc, and prints on what driver, and what was told to `tracing`.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use seaworthy::{Context, Driver, PullSocket, PushSocket};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

fn main() -> ExitCode {
    match exchange_twice() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn exchange_twice() -> Result<(), Box<dyn Error>> {
    tracing::subscriber::set_global_default(Printer)?;
    // Two runtimes: what is told once is told once for both.
    for _ in 0..2 {
        seaworthy::runtime()?.block_on(exchange())?;
    }
    Ok(())
}

async fn exchange() -> Result<(), Box<dyn Error>> {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        let context = Context::new();
        let (push, pull) = (PushSocket::new(&context)?, PullSocket::new(&context)?);
        push.connect(pull.bind(endpoint)?)?;
        push.send("ahoy").await?;
        assert_eq!(pull.recv().await?, "ahoy".into());
        push.close().await;
        pull.close().await;
    }
    println!("exchanged on {}", Driver::current().ok_or("not in a runtime")?);
    Ok(())
}

/// Prints the events above `DEBUG`.
struct Printer;

impl Subscriber for Printer {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        struct Fields(String);
        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0.push_str(&format!(" {}={value:?}", field.name()));
            }
        }
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        println!("{}{}", event.metadata().level(), fields.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
