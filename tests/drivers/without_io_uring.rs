//! `without-io-uring [--errno NUMBER] PROGRAM ARGUMENT…` becomes a program that may not use io_uring.
//!
//! The kernel answers its system calls with `EPERM`, as under Docker's default profile, or with another error. As
//! Cargo's runner it puts all tests on epoll, without another build.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1).peekable();
    let errno = if arguments.next_if(|argument| argument == "--errno").is_some() {
        arguments.next().and_then(|number| number.to_str()?.parse().ok())
    } else {
        Some(libc::EPERM as u32)
    };
    let (Some(errno), Some(program)) = (errno, arguments.next()) else {
        eprintln!("usage: without-io-uring [--errno NUMBER] PROGRAM ARGUMENT…");
        return ExitCode::from(2);
    };
    if let Err(error) = forbid(errno) {
        eprintln!("without-io-uring: cannot forbid io_uring: {error}");
        return ExitCode::from(3);
    }
    let error = Command::new(&program).args(arguments).exec();
    eprintln!("without-io-uring: {}: {error}", program.display());
    ExitCode::from(3)
}

/// Lets the three system calls of io_uring fail, in this process and in all that come from it.
fn forbid(errno: u32) -> Result<(), Box<dyn std::error::Error>> {
    let calls = [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];
    let filter: BpfProgram = SeccompFilter::new(
        calls.map(|call| (call, Vec::new())).into(),
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        env::consts::ARCH.try_into()?,
    )?
    .try_into()?;
    seccompiler::apply_filter(&filter)?;
    Ok(())
}
