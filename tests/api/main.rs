//! `cargo run -p seaworthy-tests-api [-- --update]`: compares the public API of each published package with the list
//! in this folder, or writes the lists anew.
//!
//! So every change of the API stands in a diff, where a reviewer decides whether it breaks users. rustdoc writes what
//! the lists are made of, and its format changes between versions, so this takes the toolchain of `rust-version`.

mod difference;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use public_api::PublicApi;

use crate::difference::difference;

/// The packages that are published, from those that know least.
const PACKAGES: &[&str] =
    &["seaworthy-core", "seaworthy-zmtp", "seaworthy", "seaworthy-engine", "seaworthy-sim"];

fn main() -> ExitCode {
    let update = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--update") => true,
        Some(other) => {
            eprintln!("unknown argument {other}: there is only --update");
            return ExitCode::from(2);
        }
    };
    let results = PACKAGES.iter().map(|package| examine(package, update));
    match results.collect::<Result<Vec<bool>, _>>() {
        Ok(is_same) if is_same.iter().all(|&is_same| is_same) => ExitCode::SUCCESS,
        Ok(_) => {
            eprintln!("The public API changed. If it should: cargo run -p seaworthy-tests-api -- --update");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(3)
        }
    }
}

/// Whether a package's API is the listed one, which `update` makes it.
fn examine(package: &str, update: bool) -> Result<bool, Box<dyn Error>> {
    let api = public_api(package)?;
    let list = here().join(format!("{package}.txt"));
    if update {
        fs::write(&list, &api)?;
        println!("{package}: {} items", api.lines().count());
        return Ok(true);
    }
    let listed = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let changes = difference(&listed, &api);
    println!("{package}: {} items, {} changes", api.lines().count(), changes.len());
    for change in &changes {
        println!("  {change}");
    }
    Ok(changes.is_empty())
}

/// Each public item of a package with its default features, one a line. Implementations of auto traits, blanket
/// implementations and derived ones are left out.
fn public_api(package: &str) -> Result<String, Box<dyn Error>> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let mut cargo = Command::new("cargo");
    if !has_minimum_version()? {
        cargo.env("RUSTUP_TOOLCHAIN", env!("CARGO_PKG_RUST_VERSION"));
    }
    let status = cargo
        .args(["rustdoc", "--quiet", "--locked", "--lib", "--package", package])
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .current_dir(root())
        .env("CARGO_TARGET_DIR", &target)
        // The format is unstable. Only rustdoc must know, or all that depends on a proc macro would be built anew.
        .env("RUSTDOC", here().join("rustdoc"))
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !status.success() {
        return Err(format!("cargo rustdoc of {package}: {status}").into());
    }
    let json = target.join("doc").join(package.replace('-', "_")).with_extension("json");
    let api = public_api::Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .map_err(|error| format!("{}: {error}", json.display()))?;
    Ok(lines(&api))
}

/// Whether the toolchain at hand is that of `rust-version`.
fn has_minimum_version() -> Result<bool, Box<dyn Error>> {
    let output = Command::new("rustc").arg("--version").current_dir(root()).output()?;
    let minimum = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"), ".");
    Ok(String::from_utf8_lossy(&output.stdout).starts_with(minimum))
}

fn lines(api: &PublicApi) -> String {
    api.items().map(|item| format!("{item}\n")).collect()
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn root() -> &'static Path {
    here().ancestors().nth(2).expect("tests/api is two folders deep")
}
