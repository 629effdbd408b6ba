//! The files that the rules look at.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::RustText;

/// Folders that hold what was built or installed, and version control.
const SKIPPED_FOLDERS: &[&str] = &[".git", "target", "build", "node_modules", "__pycache__"];

/// A text file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Where it is, from the root of the repository, with `/` between folders.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl SourceFile {
    /// Whether the file is Rust that a product is made of: under `src`, and no test.
    #[must_use]
    pub fn is_product_rust(&self) -> bool {
        self.path.ends_with(".rs") && self.folders().any(|f| f == "src") && !self.path.ends_with("_test.rs")
    }

    /// The folder that has the crate's `src`, for a file below it.
    #[must_use]
    pub fn crate_folder(&self) -> Option<&str> {
        self.path.split_once("/src/").map(|(folder, _)| folder)
    }

    /// The folders on the way to the file.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        let (folders, _) = self.path.rsplit_once('/').unwrap_or_default();
        folders.split('/').filter(|folder| !folder.is_empty())
    }
}

/// The text files of a repository, in the order of their paths.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Made-up files.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let file = |(path, text): (&str, &str)| SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        Sources {
            files: files.into_iter().map(file).collect(),
        }
    }

    /// Every text file of this repository but what was built or installed.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn of_repository() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .context("this crate is two folders below the root of the repository")?;
        let mut files = Vec::new();
        let mut open = vec![root.to_owned()];
        while let Some(folder) = open.pop() {
            let within = || format!("cannot read {}", folder.display());
            for entry in fs::read_dir(&folder).with_context(within)? {
                let entry = entry.with_context(within)?;
                let (path, kind) = (entry.path(), entry.file_type().with_context(within)?);
                if kind.is_dir() && !SKIPPED_FOLDERS.iter().any(|skipped| path.ends_with(skipped)) {
                    open.push(path);
                } else if kind.is_file() {
                    files.extend(read(root, &path)?);
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Sources { files })
    }

    /// The files.
    pub fn iter(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The Rust that products are made of, without comments, strings and tests.
    pub fn product_rust(&self) -> impl Iterator<Item = (&SourceFile, RustText)> {
        let test_modules: Vec<String> = self
            .files
            .iter()
            .filter(|file| file.is_product_rust())
            .flat_map(|file| {
                let folder = module_folder(&file.path);
                let modules = RustText::new(&file.text).test_modules();
                modules
                    .into_iter()
                    .map(move |module| format!("{folder}/{module}"))
            })
            .collect();
        let is_test = move |path: &str| {
            test_modules.iter().any(|module| {
                path.strip_prefix(module.as_str())
                    .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            })
        };
        self.files
            .iter()
            .filter(move |file| file.is_product_rust() && !is_test(&file.path))
            .map(|file| (file, RustText::new(&file.text).without_tests()))
    }

    /// The manifests of crates, with the folder of each; empty for the workspace's own.
    pub fn manifests(&self) -> impl Iterator<Item = (&str, &SourceFile)> {
        self.files.iter().filter_map(|file| {
            let folder = file.path.strip_suffix("Cargo.toml")?;
            Some((folder.trim_end_matches('/'), file))
        })
    }
}

/// The folder that the modules declared in a file are in.
fn module_folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        name => format!("{folder}/{}", name.trim_end_matches(".rs")),
    }
}

/// A file, unless it is no text.
fn read(root: &Path, path: &PathBuf) -> anyhow::Result<Option<SourceFile>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        // Editors and tests that run beside this one make files and remove them again.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let Ok(text) = String::from_utf8(bytes) else {
        return Ok(None);
    };
    let below = path.strip_prefix(root).context("a file is below the root")?;
    let folders: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    let path = folders.join("/");
    Ok((!text.contains('\0')).then_some(SourceFile { path, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_for_tests_are_no_product() {
        let sources = Sources::of([
            (
                "a/src/lib.rs",
                "mod one;\n#[cfg(test)]\nmod two;\n#[cfg(test)]\nmod three {}\n",
            ),
            ("a/src/one.rs", "#[cfg(test)]\nmod deep;\n"),
            ("a/src/one/deep.rs", ""),
            ("a/src/two.rs", ""),
            ("a/src/twofold.rs", ""),
            ("a/src/four_test.rs", ""),
            ("a/tests/it.rs", ""),
        ]);
        let product: Vec<_> = sources
            .product_rust()
            .map(|(file, _)| file.path.as_str())
            .collect();
        assert_eq!(product, ["a/src/lib.rs", "a/src/one.rs", "a/src/twofold.rs"]);
    }

    #[test]
    fn the_repository_is_read() {
        let sources = Sources::of_repository().unwrap();
        let has = |path| sources.iter().any(|file| file.path == path);
        assert!(has("Cargo.toml") && has("grid-core/src/lib.rs") && has("tests/architecture/src/sources.rs"));
        assert!(!sources.iter().any(|file| file.path.starts_with("target/")));
    }
}
