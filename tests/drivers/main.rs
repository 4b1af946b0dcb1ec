//! Which driver sockets run on. Each test asks a program of its own, `which-driver`.

use std::process::{Command, Output};

use seaworthy::Driver;

const WHICH_DRIVER: &str = env!("CARGO_BIN_EXE_which-driver");
const WITHOUT_IO_URING: &str = env!("CARGO_BIN_EXE_without-io-uring");

/// Errors with which io_uring is refused: by Docker's profile or the sysctl, by an old kernel, and for lack of memory.
const REFUSALS: [i32; 3] = [libc::EPERM, libc::ENOSYS, libc::ENOMEM];

fn run(program: &mut Command) -> (Output, String) {
    let output = program.output().expect("a program that was built");
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    (output, text)
}

fn which_driver(asked_for: &str) -> Command {
    let mut program = Command::new(WHICH_DRIVER);
    program.env("SEAWORTHY_DRIVER", asked_for);
    program
}

fn which_driver_without_io_uring(errno: i32, asked_for: &str) -> Command {
    let mut program = Command::new(WITHOUT_IO_URING);
    program.args(["--errno", &errno.to_string(), WHICH_DRIVER]).env("SEAWORTHY_DRIVER", asked_for);
    program
}

/// The lines of events.
fn events(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with("exchanged")).collect()
}

#[test]
fn where_io_uring_is_refused_sockets_run_on_epoll_and_the_reason_is_told_once() {
    for errno in REFUSALS {
        let (output, text) = run(&mut which_driver_without_io_uring(errno, ""));
        assert!(output.status.success(), "{text}");
        assert_eq!(text.matches("exchanged on epoll\n").count(), 2, "{text}");
        let [event] = events(&text)[..] else { panic!("not one event: {text}") };
        let reason = std::io::Error::from_raw_os_error(errno).to_string();
        assert!(event.starts_with("WARN") && event.contains(&reason), "{event}");
    }
}

#[test]
fn where_io_uring_is_allowed_it_is_used_and_nothing_is_told() {
    if Driver::IoUring.runtime().is_err() {
        eprintln!("io_uring is refused here");
        return;
    }
    for asked_for in ["", "io_uring"] {
        let (output, text) = run(&mut which_driver(asked_for));
        assert!(output.status.success(), "{text}");
        assert_eq!(text.matches("exchanged on io_uring\n").count(), 2, "{text}");
        assert!(events(&text).is_empty(), "{text}");
    }
}

#[test]
fn the_variable_puts_a_program_on_epoll() {
    let (output, text) = run(&mut which_driver("epoll"));
    assert!(output.status.success(), "{text}");
    assert_eq!(text.matches("exchanged on epoll\n").count(), 2, "{text}");
    assert_eq!(events(&text).len(), 1, "{text}");
}

#[test]
fn a_driver_that_was_asked_for_and_cannot_be_had_is_an_error() {
    let (output, text) = run(&mut which_driver_without_io_uring(libc::EPERM, "io_uring"));
    assert!(!output.status.success());
    assert!(text.contains("SEAWORTHY_DRIVER: io_uring cannot be used"), "{text}");
    let (output, text) = run(&mut which_driver("kqueue"));
    assert!(!output.status.success());
    assert!(text.contains("kqueue") && text.contains("is no driver"), "{text}");
}
