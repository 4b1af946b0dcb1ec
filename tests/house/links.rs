//! Links between the pages of the repository lead somewhere.

use std::path::{Component, Path};

use crate::markdown::Page;
use crate::tree::{files, read, root};

#[test]
fn every_relative_link_and_its_anchor_resolve() {
    let pages = files("", "md");
    assert!(pages.iter().any(|page| page == "README.md"), "no pages were found: {pages:?}");
    let broken: Vec<String> = pages.iter().flat_map(|page| broken_links(page, &read(page))).collect();
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn a_link_to_a_missing_file_or_heading_is_found() {
    let text = "# Here\n[a](docs/NOWHERE.md) [b](#here) [c](#there) [d](docs/GUIDE.md#nothing) [e](https://rfc.zeromq.org)";
    let broken = broken_links("README.md", text);
    assert_eq!(
        broken,
        ["README.md: docs/NOWHERE.md", "README.md: #there", "README.md: docs/GUIDE.md#nothing"],
        "these three, and no other"
    );
}

/// The links of a page that lead to no file, or to no heading of it.
fn broken_links(page: &str, text: &str) -> Vec<String> {
    let parsed = Page::parse(text);
    let leads_somewhere = |link: &&String| {
        if link.contains("://") || link.starts_with("mailto:") {
            return true;
        }
        let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if file.is_empty() { page.to_owned() } else { beside(page, file) };
        if !root().join(&target).exists() {
            return false;
        }
        if anchor.is_empty() || !target.ends_with(".md") {
            return true;
        }
        let anchors =
            if target == page { parsed.anchors.clone() } else { Page::parse(&read(&target)).anchors };
        anchors.iter().any(|its| its == anchor)
    };
    parsed.links.iter().filter(|link| !leads_somewhere(link)).map(|link| format!("{page}: {link}")).collect()
}

/// The path within the repository that a link in a page means.
fn beside(page: &str, link: &str) -> String {
    let mut path = Path::new(page).parent().expect("a page has a folder").to_path_buf();
    for component in Path::new(link).components() {
        match component {
            Component::ParentDir => assert!(path.pop(), "{page}: {link} leaves the repository"),
            component => path.push(component),
        }
    }
    path.to_string_lossy().into_owned()
}
