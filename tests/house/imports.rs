//! Which modules a source file imports from: its `use` trees and its inline paths, without its tests.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Path, UseTree, Visibility};

use crate::tree::{files, read};

/// The modules of a crate by their paths, such as `script::draw`; the root's is empty.
pub struct Crate {
    pub modules: BTreeMap<String, Module>,
}

/// A module that is a file.
pub struct Module {
    pub file: String,
    /// Paths that it names, without re-exports.
    imports: BTreeSet<Vec<String>>,
    /// Names that it brings into its scope, and where they come from.
    scope: BTreeMap<String, Vec<String>>,
}

impl Crate {
    /// Reads the sources of a crate in `folder`.
    pub fn read(folder: &str) -> Self {
        let source = format!("{folder}/src");
        let mut modules = BTreeMap::new();
        let mut tests = BTreeSet::new();
        for file in files(&source, "rs") {
            let name = module_name(file.strip_prefix(&source).expect("it is below").trim_start_matches('/'));
            let parsed = syn::parse_file(&read(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let mut reader = Reader {
                module: path_of(&name),
                imports: BTreeSet::new(),
                scope: BTreeMap::new(),
                tests: BTreeSet::new(),
            };
            reader.visit_file(&parsed);
            let child =
                |test: &String| if name.is_empty() { test.clone() } else { format!("{name}::{test}") };
            tests.extend(reader.tests.iter().map(child));
            modules.insert(name, Module { file, imports: reader.imports, scope: reader.scope });
        }
        let is_test =
            |name: &str| tests.iter().any(|test| name == test || name.starts_with(&format!("{test}::")));
        modules.retain(|name, _| !is_test(name));
        Self { modules }
    }

    /// Every module that another one of this crate imports from, each pair once.
    pub fn arrows(&self) -> BTreeSet<(&str, &str)> {
        let mut arrows = BTreeSet::new();
        for (name, module) in &self.modules {
            for path in module.imports.iter().filter(|path| path[0] == "crate") {
                let (target, _) = self.target(path, 0);
                if target != *name {
                    arrows.insert((name.as_str(), target));
                }
            }
        }
        arrows
    }

    /// The crates of this workspace that a module names, as Rust names them.
    pub fn crates(&self) -> BTreeSet<(&str, &str)> {
        let mut crates = BTreeSet::new();
        for module in self.modules.values() {
            let roots = module.imports.iter().chain(module.scope.values()).map(|path| path[0].as_str());
            let ours = roots.filter(|root| root.starts_with("seaworthy"));
            crates.extend(ours.map(|root| (module.file.as_str(), root)));
        }
        crates
    }

    /// The module in which the last name of a path was written, re-exports followed.
    fn target<'a>(&'a self, path: &[String], depth: usize) -> (&'a str, usize) {
        let mut at = self.modules.get_key_value("").map_or("", |(name, _)| name.as_str());
        let mut used = 1;
        while let Some(segment) = path.get(used) {
            let child = if at.is_empty() { segment.clone() } else { format!("{at}::{segment}") };
            let Some((name, _)) = self.modules.get_key_value(&child) else { break };
            (at, used) = (name, used + 1);
        }
        let re_exported = path.get(used).and_then(|name| self.modules.get(at)?.scope.get(name));
        match re_exported {
            Some(origin) if origin[0] == "crate" && depth < 16 => {
                let mut origin = origin.clone();
                origin.extend(path.iter().skip(used + 1).cloned());
                self.target(&origin, depth + 1)
            }
            _ => (at, used),
        }
    }
}

fn module_name(file: &str) -> String {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if matches!(path, "lib" | "main" | "mod") { String::new() } else { path.replace('/', "::") }
}

fn path_of(module: &str) -> Vec<String> {
    let root = "crate".to_owned();
    std::iter::once(root)
        .chain(module.split("::").filter(|name| !name.is_empty()).map(str::to_owned))
        .collect()
}

struct Reader {
    module: Vec<String>,
    imports: BTreeSet<Vec<String>>,
    scope: BTreeMap<String, Vec<String>>,
    /// Child modules that are compiled for tests alone.
    tests: BTreeSet<String>,
}

impl Reader {
    /// A path from the root of its crate. `None` if it begins with a name in scope, whose `use` counts.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let mut base = match path.first()?.as_str() {
            "crate" => vec!["crate".to_owned()],
            "self" | "super" => self.module.clone(),
            name if name.starts_with("seaworthy") => Vec::new(),
            _ => return None,
        };
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "super" => drop(base.pop()),
                "crate" | "self" => {}
                _ => break,
            }
            rest = after;
        }
        base.extend(rest.iter().cloned());
        (!base.is_empty()).then_some(base)
    }

    fn tree(&mut self, tree: &UseTree, before: &mut Vec<String>, is_re_export: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(&path.tree, before, is_re_export);
                before.pop();
            }
            UseTree::Name(name) => self.leaf(before, &name.ident.to_string(), None, is_re_export),
            UseTree::Rename(rename) => {
                self.leaf(before, &rename.ident.to_string(), Some(rename.rename.to_string()), is_re_export);
            }
            UseTree::Glob(_) => self.leaf(before, "self", None, is_re_export),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(tree, before, is_re_export);
                }
            }
        }
    }

    fn leaf(&mut self, before: &[String], name: &str, renamed: Option<String>, is_re_export: bool) {
        let mut path = before.to_vec();
        if name != "self" || path.is_empty() {
            path.push(name.to_owned());
        }
        let known = renamed.or_else(|| path.last().cloned()).unwrap_or_default();
        let Some(path) = self.absolute(&path) else { return };
        if !is_re_export {
            self.imports.insert(path.clone());
        }
        self.scope.insert(known, path);
    }

    /// Paths in the arguments of a macro, which are only tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.inline(&std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.inline(&std::mem::take(&mut path));
                    self.tokens(group.stream());
                    colons = 0;
                }
                _ => {
                    self.inline(&std::mem::take(&mut path));
                    colons = 0;
                }
            }
        }
        self.inline(&path);
    }

    fn inline(&mut self, path: &[String]) {
        if path.len() > 1
            && let Some(path) = self.absolute(path)
        {
            self.imports.insert(path);
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("cfg") && list.is_ok_and(|list| list.tokens.to_string().contains("test"))
    })
}

impl<'a> Visit<'a> for Reader {
    fn visit_item(&mut self, item: &'a Item) {
        if let Item::Mod(module) = item
            && is_for_tests(&module.attrs)
        {
            self.tests.insert(module.ident.to_string());
            return;
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        // A module within the file is part of it, but `super` in it is the file.
        if module.content.is_some() {
            self.module.push(module.ident.to_string());
            visit::visit_item_mod(self, module);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        if !is_for_tests(&item.attrs) {
            let is_re_export = !matches!(item.vis, Visibility::Inherited);
            self.tree(&item.tree, &mut Vec::new(), is_re_export);
        }
    }

    fn visit_path(&mut self, path: &'a Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.inline(&names);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'a syn::Macro) {
        self.tokens(called.tokens.clone());
    }

    fn visit_visibility(&mut self, _: &'a Visibility) {}
}
