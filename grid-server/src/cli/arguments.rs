//! The arguments of all commands.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{HostPort, parse_duration};

use super::error::EXIT_CODES;

/// Girih, an in-memory data grid: a server, and commands that look into one.
#[derive(Debug, Parser)]
#[command(name = "grid", version, after_help = EXIT_CODES, propagate_version = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a server: a member of the grid with its gRPC and HTTP edges
    #[command(after_help = EXIT_CODES)]
    Serve(Box<ServeArguments>),
    /// Show the cluster that a server belongs to
    #[command(after_help = EXIT_CODES)]
    Status(ClientArguments),
    /// Read and write caches
    Cache(Box<CacheArguments>),
    /// Check and show configurations
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Arguments of `grid serve`. Each setting among them wins over the environment and the file.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ServeArguments {
    /// The configuration file, in TOML
    #[arg(long, value_name = "FILE", env = "GRID_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// The name of the cluster [cluster.name; default: girih]
    #[arg(long, value_name = "NAME")]
    pub(super) cluster: Option<String>,
    /// The name of this member [member.name; default: the machine and the process]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Where other members will reach this one [member.listen; default: 127.0.0.1:7574; not bound yet]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) listen: Option<String>,
    /// Members of the cluster to join [not supported yet]
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    pub(super) join: Vec<HostPort>,
    /// How many members to wait for [not supported yet]
    #[arg(long, value_name = "N")]
    pub(super) expect: Option<NonZeroU32>,
    /// Where gRPC clients connect [grpc.address; default: 127.0.0.1:1408]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) grpc: Option<String>,
    /// Where HTTP clients connect [http.address; default: 127.0.0.1:6676]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) http: Option<String>,
    /// Where to keep data on disk [not supported yet]
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// The zone that this member is in [member.zone]
    #[arg(long, value_name = "ZONE")]
    pub(super) zone: Option<String>,
    /// The rack that this member is in [member.rack]
    #[arg(long, value_name = "RACK")]
    pub(super) rack: Option<String>,
    /// The machine that this member is on [member.machine; default: the name of the host]
    #[arg(long, value_name = "MACHINE")]
    pub(super) machine: Option<String>,
    /// What this member is there for [member.role]
    #[arg(long, value_name = "ROLE")]
    pub(super) role: Option<String>,
    /// Hold no data [not supported yet]
    #[arg(long)]
    pub(super) no_storage: bool,
    /// Serve addresses that other machines reach, without encryption and authentication [security.insecure]
    #[arg(long)]
    pub(super) insecure: bool,
}

/// Which server to ask, and how to show the answer.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server and output")]
pub(super) struct ClientArguments {
    /// The gRPC address of a server
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "GRID_ADDRESS",
        default_value = "127.0.0.1:1408",
        global = true
    )]
    pub(super) address: HostPort,
    /// The HTTP address of a server, for `status` and `cache list`
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "GRID_HTTP",
        default_value = "127.0.0.1:6676",
        global = true
    )]
    pub(super) http: HostPort,
    /// How to show the answer
    #[arg(long, value_enum, default_value_t, global = true)]
    pub(super) output: Output,
    /// How long to wait for an answer
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "30s", global = true)]
    pub(super) timeout: Duration,
}

/// How to show an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    #[default]
    Table,
    /// For programs: one JSON value on one line
    Json,
}

const KEYS_AND_VALUES: &str = "Keys and values are JSON: 10248, '\"10248\"' and '{\"id\":1}' are a number, a text \
and an object. A plain word that is no JSON is taken as a text: VINET is '\"VINET\"'.";

/// Arguments of `grid cache`.
#[derive(Debug, Args)]
#[command(after_help = format!("{KEYS_AND_VALUES}\n\n{EXIT_CODES}"))]
pub(super) struct CacheArguments {
    #[command(flatten)]
    pub(super) client: ClientArguments,
    #[command(subcommand)]
    pub(super) command: CacheCommand,
}

/// What to do with caches.
#[derive(Debug, Subcommand)]
pub(super) enum CacheCommand {
    /// List the caches and their figures
    List,
    /// Print the value of a key; exit code 1 if there is none
    Get {
        /// The cache
        name: String,
        /// The key, JSON or a plain word
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
    /// Write a value, and print the one before if there was one
    Put {
        /// The cache
        name: String,
        /// The key, JSON or a plain word
        #[arg(allow_negative_numbers = true)]
        key: String,
        /// The value, JSON or a plain word
        #[arg(allow_negative_numbers = true)]
        value: String,
        /// How long the entry lives, such as 10s or 5m [default: as the cache is configured]
        #[arg(long, value_name = "TIME", value_parser = ttl)]
        ttl: Option<Duration>,
    },
    /// Remove a key and print its value; exit code 1 if there is none
    Remove {
        /// The cache
        name: String,
        /// The key, JSON or a plain word
        #[arg(allow_negative_numbers = true)]
        key: String,
    },
    /// Print the number of entries
    Size {
        /// The cache
        name: String,
    },
    /// Remove every entry
    Clear {
        /// The cache
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Write every entry as a line of JSON: {"key":...,"value":...}
    Dump {
        /// The cache
        name: String,
        /// The file, which appears when it is complete; `-` for standard output
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// Put the entries of a file that has a line of JSON for each: {"key":...,"value":...}
    Load {
        /// The cache
        name: String,
        /// The file; `-` for standard input
        #[arg(default_value = "-")]
        file: PathBuf,
        /// How long the entries live, such as 10s or 5m [default: as the cache is configured]
        #[arg(long, value_name = "TIME", value_parser = ttl)]
        ttl: Option<Duration>,
        /// How many entries to send at a time
        #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        batch: u32,
    },
}

/// What to do with configurations.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check a configuration file; exit code 2 and each mistake with its place if it is wrong
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print the configuration that `grid serve` with these arguments would use, and where each setting comes from
    Show(Box<ServeArguments>),
}

fn ttl(text: &str) -> Result<Duration, String> {
    positive(text, Duration::MAX)
}

fn timeout(text: &str) -> Result<Duration, String> {
    positive(text, Duration::from_hours(24))
}

fn positive(text: &str, longest: Duration) -> Result<Duration, String> {
    let time = parse_duration(text)?;
    if time.is_zero() || time > longest {
        return Err(format!(
            "{text:?} is out of range: longer than 0 and at most {longest:?}"
        ));
    }
    Ok(time)
}
