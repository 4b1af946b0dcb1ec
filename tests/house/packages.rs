//! What a package needs before it is published, beyond what Cargo insists on.

use std::path::{Component, Path};

use toml::{Table, Value};

use crate::tree::{files, read, root};

#[test]
fn every_public_package_is_fit_to_publish() {
    let packages = public_packages();
    assert!(
        packages.len() >= 5,
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

/// Cargo packs a folder without what lies around it, so a path out of it breaks the build of the published package.
#[test]
fn no_public_package_includes_a_file_from_outside_its_folder() {
    let packages = public_packages();
    let outside: Vec<String> = packages
        .iter()
        .flat_map(|(folder, _)| {
            files(&format!("{folder}/src"), "rs").into_iter().map(move |path| (folder, path))
        })
        .flat_map(|(folder, path)| {
            let text = read(&path);
            let leaves = included(&text).filter(|file| leaves(folder, &path, file));
            leaves.map(|file| format!("{path}: {file}")).collect::<Vec<_>>()
        })
        .collect();
    assert!(outside.is_empty(), "included from outside the package:\n{}", outside.join("\n"));
}

#[test]
fn a_path_that_leaves_its_package_is_found() {
    assert!(leaves("crates/core", "crates/core/src/lib.rs", "../../../docs/PROXY.md"));
    assert!(!leaves("crates/core", "crates/core/src/lib.rs", "../README.md"));
    let code = ["include_str!", "(\"../README.md\")"].concat();
    assert_eq!(included(&code).collect::<Vec<_>>(), ["../README.md"]);
}

/// The files that a source includes.
fn included(text: &str) -> impl Iterator<Item = &str> {
    let macros = ["include!(\"", "include_str!(\"", "include_bytes!(\""];
    let after = macros.into_iter().flat_map(move |name| text.split(name).skip(1));
    after.filter_map(|rest| rest.split('"').next())
}

/// Whether a file that a source includes is outside the folder of its package.
fn leaves(folder: &str, source: &str, file: &str) -> bool {
    let depth = Path::new(source).parent().map_or(0, |path| path.components().count());
    let ups = Path::new(file).components().take_while(|&part| part == Component::ParentDir).count();
    depth < ups + Path::new(folder).components().count()
}

/// The manifests of packages that may be published, each with its folder.
fn public_packages() -> Vec<(String, Table)> {
    let manifests = files("crates", "toml").into_iter().filter(|path| path.ends_with("/Cargo.toml"));
    manifests
        .map(|path| {
            let manifest = read(&path).parse().unwrap_or_else(|error| panic!("{path}: {error}"));
            (path.trim_end_matches("/Cargo.toml").to_owned(), manifest)
        })
        .filter(|(_, manifest): &(String, Table)| {
            package(manifest).get("publish") != Some(&Value::Boolean(false))
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
