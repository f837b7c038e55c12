//! What a file of the product names: every path in it, followed through `use`, `as`, `self` and `super`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A path, absolute: `crate` and what is below it, or the name of another crate and what is below that.
pub(crate) type Name = Vec<String>;

/// Every path that the product's part of a file names: what is compiled for tests alone is left out. A file is known
/// by its path below its crate's `src/`.
pub(crate) fn names_in(file: &Path, text: &str) -> BTreeSet<Name> {
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut module: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if module == ["lib"] || module.last().is_some_and(|name| name == "main") {
        module.pop();
    }
    let mut names = Names {
        module,
        local: BTreeMap::new(),
        found: BTreeSet::new(),
        is_collecting: true,
    };
    names.visit_file(&parsed);
    names.is_collecting = false;
    names.visit_file(&parsed);
    names.found
}

/// The modules that a file declares for tests alone, by their paths below `src/`.
pub(crate) fn modules_for_tests(file: &Path, text: &str) -> Vec<PathBuf> {
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let folder = file.with_extension("");
    let folder = if folder == Path::new("lib") {
        PathBuf::new()
    } else {
        folder
    };
    let declared = parsed.items.iter().filter_map(|item| match item {
        syn::Item::Mod(item) if is_for_tests(&item.attrs) => Some(folder.join(item.ident.to_string())),
        _ => None,
    });
    declared.collect()
}

/// The first pass collects what a file calls by names of its own; the second one finds paths.
struct Names {
    module: Vec<String>,
    local: BTreeMap<String, Name>,
    found: BTreeSet<Name>,
    is_collecting: bool,
}

impl Names {
    fn absolute(&self, path: &[String]) -> Name {
        let mut below = self.module.clone();
        let mut rest = path;
        let mut is_relative = false;
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "self" if !is_relative => {}
                "super" => drop(below.pop()),
                _ => break,
            }
            is_relative = true;
            rest = others;
        }
        if is_relative {
            return [&["crate".to_owned()], below.as_slice(), rest].concat();
        }
        match path
            .split_first()
            .and_then(|(first, rest)| Some((self.local.get(first)?, rest)))
        {
            Some((known, rest)) if *known != path => [known, rest].concat(),
            _ => path.to_vec(),
        }
    }

    fn name(&mut self, path: &[String]) {
        if !self.is_collecting {
            let name = self.absolute(path);
            self.found.insert(name);
        }
    }

    fn use_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.use_tree(before, tree)),
            syn::UseTree::Glob(_) => self.name(&[before, &["*".to_owned()]].concat()),
            syn::UseTree::Name(name) if name.ident == "self" => self.call(before.last().cloned(), before),
            syn::UseTree::Name(name) => self.call(Some(name.ident.to_string()), &with(&name.ident)),
            syn::UseTree::Rename(name) if name.ident == "self" => self.call(Some(name.rename.to_string()), before),
            syn::UseTree::Rename(name) => self.call(Some(name.rename.to_string()), &with(&name.ident)),
        }
    }

    /// Takes note of what this file calls a path.
    fn call(&mut self, name: Option<String>, path: &[String]) {
        if self.is_collecting {
            let absolute = self.absolute(path);
            self.local.extend(name.map(|name| (name, absolute)));
        }
        self.name(path);
    }

    /// Paths in the words of a macro call, which are no syntax yet.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_of(&mut path);
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.end_of(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.end_of(&mut path);
    }

    fn end_of(&mut self, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.name(&std::mem::take(path));
        }
    }
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn is_item_for_tests(item: &syn::Item) -> bool {
    is_for_tests(match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Const(item) => &item.attrs,
        _ => &[],
    })
}

/// Every text in quotes of the product's part of a file, without documentation.
pub(crate) fn texts_in(file: &Path, text: &str) -> Vec<String> {
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut texts = Texts(Vec::new());
    texts.visit_file(&parsed);
    texts.0
}

struct Texts(Vec<String>);

impl Texts {
    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                    self.0.extend(text.map(|text| text.value()));
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Texts {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_item_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.0.push(literal.value());
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_item_for_tests(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        let below = [
            &["crate".to_owned()],
            self.module.as_slice(),
            std::slice::from_ref(&name),
        ]
        .concat();
        self.local.insert(name.clone(), below);
        self.module.push(name);
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.name(&words);
        visit::visit_path(self, path);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.tokens(list.tokens.clone());
        visit::visit_meta_list(self, list);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if signature.asyncness.is_some() {
            self.name(&["async".to_owned()]);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}
