//! What a package needs before it is published, beyond what Cargo insists on.

use toml::{Table, Value};

use crate::tree::{files, read, root};

#[test]
fn every_public_package_is_fit_to_publish() {
    let packages = public_packages();
    assert!(
        packages.len() >= 3,
        "some packages were not found: {:?}",
        packages.iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
    let missing: Vec<String> =
        packages.iter().flat_map(|(folder, manifest)| missing(folder, manifest)).collect();
    assert!(missing.is_empty(), "not fit to publish (or set `publish = false`):\n{}", missing.join("\n"));
}

#[test]
fn a_bare_manifest_is_not_fit_to_publish() {
    let manifest: Table = toml::from_str("[package]\nname = 'bare'").expect("it is TOML");
    let missing = missing("crates/peer", &manifest);
    for what in
        ["description", "repository", "documentation", "readme", "docs.rs", "LICENSE-MIT", "LICENSE-APACHE"]
    {
        assert!(missing.iter().any(|line| line.contains(what)), "{what} in {missing:?}");
    }
}

/// The manifests of packages that may be published, each with its folder.
fn public_packages() -> Vec<(String, Table)> {
    let manifests = files("crates", "toml").into_iter().filter(|path| path.ends_with("/Cargo.toml"));
    manifests
        .map(|path| {
            let manifest = read(&path).parse().unwrap_or_else(|error| panic!("{path}: {error}"));
            (path.trim_end_matches("/Cargo.toml").to_owned(), manifest)
        })
        .filter(|(path, manifest): &(String, Table)| {
            // crates/sim is being split into packages, which get their metadata afterwards.
            path != "crates/sim" && package(manifest).get("publish") != Some(&Value::Boolean(false))
        })
        .collect()
}

fn package(manifest: &Table) -> &Table {
    manifest.get("package").and_then(Value::as_table).expect("a manifest describes a package")
}

fn missing(folder: &str, manifest: &Table) -> Vec<String> {
    let package = package(manifest);
    let mut missing = Vec::new();
    let keys = [
        "description",
        "license",
        "repository",
        "documentation",
        "readme",
        "rust-version",
        "keywords",
        "categories",
        "include",
    ];
    missing.extend(keys.into_iter().filter(|key| !package.contains_key(*key)).map(str::to_owned));
    let docs_rs =
        package.get("metadata").and_then(|metadata| metadata.get("docs")).and_then(|docs| docs.get("rs"));
    if docs_rs.is_none() {
        missing.push("[package.metadata.docs.rs]".to_owned());
    }
    // crates.io refuses more than five.
    for list in ["keywords", "categories"] {
        if package.get(list).and_then(Value::as_array).is_some_and(|words| words.len() > 5) {
            missing.push(format!("at most five {list}"));
        }
    }
    for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        let Ok(text) = std::fs::read_to_string(root().join(folder).join(file)) else {
            missing.push(file.to_owned());
            continue;
        };
        if file != "README.md" && text != read(file) {
            missing.push(format!("{file} with the text of the root's"));
        }
    }
    missing.iter().map(|what| format!("{folder}: {what}")).collect()
}
