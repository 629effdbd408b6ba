//! The layers, and the configuration that they make.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::contradictions::contradictions;
use super::file::File;
use super::mistake::Mistake;
use super::value::{Raw, Setting};
use super::{CacheConfig, Config, ConfigError, Source};

/// The largest configuration file, in bytes.
const FILE_LEN_MAX: usize = 1 << 20;

/// Variables that begin with `GRID_` and are none of the configuration's.
const OTHER_VARIABLES: [&str; 4] = ["GRID_LOG", "GRID_CONFIG", "GRID_ADDRESS", "GRID_HTTP"];

/// What the layers above the defaults say. Reads no file and no environment by itself, so that tests choose both.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    file: Option<(String, String)>,
    variables: Vec<(String, String)>,
    flags: Vec<(&'static str, &'static str, String)>,
}

/// A configuration, and where each of its settings comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The source of each setting that is not a default, by key; that of `[[cache]]` tables by `cache[0]`, ...
    pub sources: BTreeMap<String, Source>,
}

impl Layers {
    /// Defaults alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the file: the path, for messages, and the text.
    #[must_use]
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.file = Some((path.to_owned(), text.to_owned()));
        self
    }

    /// Adds the file at a path.
    ///
    /// # Errors
    /// When it cannot be read, is longer than 1 MiB, or is not UTF-8.
    pub fn read_file(self, path: &std::path::Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let unreadable = |reason: String| ConfigError::Unreadable {
            path: shown.clone(),
            reason,
        };
        let len = std::fs::metadata(path)
            .map_err(|error| unreadable(error.to_string()))?
            .len();
        if len > FILE_LEN_MAX as u64 {
            return Err(unreadable(format!(
                "it has {len} bytes; at most {FILE_LEN_MAX} are read"
            )));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        Ok(self.file(&shown, &text))
    }

    /// Adds a variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds the variables of the process that begin with `GRID_`. One that is not UTF-8 is a mistake as soon as a
    /// setting reads it.
    #[must_use]
    pub fn environment(mut self) -> Self {
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with("GRID_")) else {
                continue;
            };
            self.variables
                .push((name.to_owned(), value.to_string_lossy().into_owned()));
        }
        // The order of messages is that of the names, not that of the process's memory.
        self.variables.sort();
        self
    }

    /// Adds a flag of the command line: its name, the key that it sets, and the text given.
    #[must_use]
    pub fn flag(mut self, flag: &'static str, key: &'static str, text: String) -> Self {
        self.flags.push((flag, key, text));
        self
    }

    /// Checks everything and puts the layers together.
    ///
    /// # Errors
    /// [`ConfigError::Mistakes`] with all mistakes of all layers.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        let mut loading = Loading::default();
        let file = self
            .file
            .as_ref()
            .and_then(|(path, text)| match File::parse(path, text) {
                Ok(file) => Some(file),
                Err(mistake) => {
                    loading.mistakes.push(mistake);
                    None
                }
            });
        let mut config = Config::default();
        let mut known = Vec::new();
        config.visit(&mut |section, key, setting| {
            known.push((section, key));
            let name = format!("{section}.{key}");
            if let Some((place, value)) = file.as_ref().and_then(|file| file.setting(section, key)) {
                loading.set(&name, setting, &Raw::Toml(value), place);
            }
            let variable = variable_of(section, key);
            for (_, value) in self.variables.iter().filter(|(given, _)| *given == variable) {
                loading.set(
                    &name,
                    setting,
                    &Raw::Text(value),
                    Source::Environment(variable.clone()),
                );
            }
            for (flag, _, text) in self.flags.iter().filter(|(_, given, _)| *given == name) {
                loading.set(&name, setting, &Raw::Text(text), Source::Flag(flag));
            }
        });
        if let Some(file) = &file {
            loading.refuse_unknown_keys(file, &known);
            config.caches = loading.caches(file);
        }
        loading.refuse_unknown_variables(&self.variables, &known);
        let Loading {
            sources,
            mut mistakes,
        } = loading;
        let loaded = Loaded { config, sources };
        if mistakes.is_empty() {
            mistakes = contradictions(&loaded);
        }
        if mistakes.is_empty() {
            Ok(loaded)
        } else {
            Err(ConfigError::Mistakes { mistakes })
        }
    }
}

fn variable_of(section: &str, key: &str) -> String {
    format!("GRID_{section}_{key}").to_uppercase().replace('-', "_")
}

/// What is found while the layers are read.
#[derive(Default)]
struct Loading {
    sources: BTreeMap<String, Source>,
    mistakes: Vec<Mistake>,
}

impl Loading {
    fn mistake(&mut self, place: Source, key: &str, problem: String) {
        self.mistakes.push(Mistake {
            place,
            key: key.to_owned(),
            problem,
        });
    }

    fn set(&mut self, name: &str, setting: &mut dyn Setting, raw: &Raw<'_>, place: Source) {
        match setting.set(raw) {
            Ok(()) => {
                self.sources.insert(name.to_owned(), place);
            }
            Err(problem) => self.mistake(place, name, problem),
        }
    }

    fn refuse_unknown_keys(&mut self, file: &File<'_>, known: &[(&str, &str)]) {
        let mut sections: Vec<&str> = known.iter().map(|(section, _)| *section).collect();
        sections.dedup();
        for (section, place, value) in file.entries() {
            if section == "cache" {
                continue;
            }
            if !sections.contains(&section) {
                let names = sections.iter().copied().chain(["cache"]);
                self.mistake(place, section, unknown("section", section, names));
                continue;
            }
            let Some(table) = value.get_ref().as_table() else {
                let problem = format!("this is a section; write [{section}] and its settings below it");
                self.mistake(place, section, problem);
                continue;
            };
            let keys = || known.iter().filter(|(of, _)| *of == section).map(|(_, key)| *key);
            for (key, _) in table
                .iter()
                .filter(|(key, _)| !keys().any(|name| name == key.get_ref().as_ref()))
            {
                let name = format!("{section}.{}", key.get_ref());
                self.mistake(
                    file.place(key.span()),
                    &name,
                    unknown("setting", key.get_ref(), keys()),
                );
            }
        }
    }

    fn refuse_unknown_variables(&mut self, given: &[(String, String)], known: &[(&str, &str)]) {
        let variables: Vec<String> = known
            .iter()
            .map(|(section, key)| variable_of(section, key))
            .collect();
        for (name, _) in given {
            let ours = OTHER_VARIABLES.contains(&name.as_str()) || variables.contains(name);
            if ours || !of_a_section(name, known) || set_by_kubernetes(name) {
                continue;
            }
            let problem = unknown("variable", name, variables.iter().map(String::as_str));
            self.mistake(Source::Environment(name.clone()), "", problem);
        }
    }

    fn caches(&mut self, file: &File<'_>) -> Vec<CacheConfig> {
        let Some((_, place, value)) = file.entries().find(|(name, ..)| *name == "cache") else {
            return Vec::new();
        };
        let Some(tables) = value.get_ref().as_array() else {
            self.mistake(
                place,
                "cache",
                "this is a list of tables; write [[cache]]".to_owned(),
            );
            return Vec::new();
        };
        let tables = tables.iter().enumerate();
        tables
            .map(|(index, table)| self.cache(file, index, &file.place(table.span()), table.get_ref()))
            .collect()
    }

    fn cache(&mut self, file: &File<'_>, index: usize, place: &Source, value: &DeValue<'_>) -> CacheConfig {
        let mut cache = CacheConfig::default();
        let name = format!("cache[{index}]");
        let Some(table) = value.as_table() else {
            self.mistake(
                place.clone(),
                &name,
                "this is not a table; write [[cache]]".to_owned(),
            );
            return cache;
        };
        self.sources.insert(name.clone(), place.clone());
        let mut keys = Vec::new();
        cache.visit(&mut |key, setting| {
            keys.push(key);
            if let Some(value) = table.get(key) {
                let place = file.place(value.span());
                self.set(
                    &format!("{name}.{key}"),
                    setting,
                    &Raw::Toml(value.get_ref()),
                    place,
                );
            }
        });
        if !table.contains_key("name") {
            let problem = "is missing: the name of a cache, or the beginning of names followed by \"*\"";
            self.mistake(place.clone(), &format!("{name}.name"), problem.to_owned());
        }
        for (key, _) in table
            .iter()
            .filter(|(key, _)| !keys.contains(&key.get_ref().as_ref()))
        {
            let full = format!("{name}.{}", key.get_ref());
            let problem = unknown("setting", key.get_ref(), keys.iter().copied());
            self.mistake(file.place(key.span()), &full, problem);
        }
        cache
    }
}

fn of_a_section(variable: &str, known: &[(&str, &str)]) -> bool {
    let rest = variable.strip_prefix("GRID_").unwrap_or(variable);
    let begins = |section: &str| {
        rest.strip_prefix(&section.to_uppercase())
            .is_some_and(|rest| rest.starts_with('_'))
    };
    begins("cache") || known.iter().any(|(section, _)| begins(section))
}

/// Kubernetes gives every container variables that begin with the names of the services around it, so a service
/// named `grid-http` sets `GRID_HTTP_PORT` and others. None of ours ends like those.
fn set_by_kubernetes(variable: &str) -> bool {
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_PORT")
        || variable.contains("_SERVICE_PORT")
        || variable.contains("_PORT_")
}

fn unknown<'a>(what: &str, given: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let near = |name: &'a str| (strsim::damerau_levenshtein(given, name), name);
    let nearest = names
        .iter()
        .copied()
        .map(near)
        .min()
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3));
    match nearest {
        Some((_, name)) => format!("unknown {what}; did you mean {name:?}?"),
        None if names.len() <= 16 => format!("unknown {what}; there are: {}", names.join(", ")),
        None => format!("unknown {what}; `grid config show` lists all there are"),
    }
}

#[cfg(test)]
#[path = "layers_test.rs"]
mod tests;
