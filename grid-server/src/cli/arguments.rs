//! The arguments of all commands.

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
    /// Look at the cluster that a server belongs to, and change it
    Cluster(Box<ClusterArguments>),
    /// Run a cluster of several members on this machine, to try things out
    #[command(after_help = EXIT_CODES)]
    Up(UpArguments),
    /// Read and write caches
    Cache(Box<CacheArguments>),
    /// Ask caches in CohQL, the query language
    #[command(after_help = format!("{QUERY_HELP}\n\n{EXIT_CODES}"))]
    Query(Box<QueryArguments>),
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
    /// Where to listen for other members [member.listen; default: 127.0.0.1:7574]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) listen: Option<String>,
    /// Where other members reach this one, if not where it listens [member.advertise]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) advertise: Option<String>,
    /// Members of the cluster to join, or to start it with [cluster.join; default: start a cluster at once]
    #[arg(long, value_name = "HOST:PORT,...")]
    pub(super) join: Vec<String>,
    /// How many members a cluster is started with [cluster.expect; default: those of --join and this one]
    #[arg(long, value_name = "N")]
    pub(super) expect: Option<String>,
    /// A way to find members: static:HOST:PORT,... or multicast[:GROUP[:PORT]] or folder:PATH or
    /// s3://BUCKET/PREFIX [cluster.discover]
    #[arg(long, value_name = "WAY")]
    pub(super) discover: Vec<String>,
    /// How many backups caches have, 0 to 3 [cluster.backups; default: 1]
    #[arg(long, value_name = "N")]
    pub(super) backups: Option<String>,
    /// What the survivor of two members on different hosts does: wait, trust-reset [cluster.two-members; default: wait]
    #[arg(long, value_name = "RULE")]
    pub(super) two_members: Option<String>,
    /// How long lost partitions wait for a member with a copy before they begin anew, empty [cluster.accept-loss-after;
    /// default: until `grid cluster accept-loss`]
    #[arg(long, value_name = "DURATION")]
    pub(super) accept_loss_after: Option<String>,
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
    /// Hold no data [member.storage = false]
    #[arg(long)]
    pub(super) no_storage: bool,
    /// TLS with other members: the certificate of this one, in PEM [member.tls-certificate]
    #[arg(long, value_name = "FILE")]
    pub(super) member_tls_certificate: Option<String>,
    /// TLS with other members: the key of the certificate, in PEM [member.tls-key]
    #[arg(long, value_name = "FILE")]
    pub(super) member_tls_key: Option<String>,
    /// TLS with other members: the authorities whose certificates are taken, in PEM [member.tls-authority]
    #[arg(long, value_name = "FILE")]
    pub(super) member_tls_authority: Option<String>,
    /// TLS with other members: the name in all certificates [member.tls-name; default: the IP address of each]
    #[arg(long, value_name = "NAME")]
    pub(super) member_tls_name: Option<String>,
    /// Serve addresses that other machines reach, without encryption and authentication [security.insecure]
    #[arg(long)]
    pub(super) insecure: bool,
    /// Stop, as at SIGTERM, when standard input ends: for who starts servers and must not leave them behind
    #[arg(long, hide = true)]
    pub(super) stop_with_stdin: bool,
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
    /// The HTTP address of a server, for `status`, `cluster`, `cache list` and `cache indexes`
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
    /// The same as --output json
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// How long to wait for an answer
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "30s", global = true)]
    pub(super) timeout: Duration,
}

impl ClientArguments {
    /// How to show the answer.
    pub(super) fn shown_as(&self) -> Output {
        if self.json { Output::Json } else { self.output }
    }
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
    /// List the indexes of caches, at all members; exit code 8 if a check finds a difference
    Indexes {
        /// Only those of this cache
        name: Option<String>,
        /// Compare each index with the entries, which takes as long as making it anew
        #[arg(long)]
        check: bool,
    },
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

const QUERY_HELP: &str = "Statements are select, explain plan for select, trace select and show plan select:
  grid query 'select city, count(), avg(age) from people where age >= 18 group by city order by city'
  grid query 'select * from people where name like ?1' --bind '1=A%' --limit 10
  grid query 'explain plan for select * from people where age > :age' --bind age=30
  grid query --file report.cohql --format csv";

/// Arguments of `grid query`.
#[derive(Debug, Args)]
pub(super) struct QueryArguments {
    #[command(flatten)]
    pub(super) client: ClientArguments,
    /// The statement, or several with semicolons between them; `-` to read them from standard input
    #[arg(required_unless_present = "file")]
    pub(super) statement: Option<String>,
    /// Read the statements from a file
    #[arg(long, value_name = "FILE", conflicts_with = "statement")]
    pub(super) file: Option<PathBuf>,
    /// The value of a bind variable, JSON or a plain word: `1=Oslo` for ?1, `city=Oslo` for :city
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) bind: Vec<String>,
    /// The most rows of each statement
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// How to show the rows [default: as --output says]
    #[arg(long, value_enum)]
    pub(super) format: Option<RowFormat>,
}

/// How to show rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RowFormat {
    /// For people
    Table,
    /// A JSON object on a line for each row
    Json,
    /// Comma-separated values, with the names of the columns first
    Csv,
}

/// Arguments of `grid cluster`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct ClusterArguments {
    #[command(flatten)]
    pub(super) client: ClientArguments,
    #[command(subcommand)]
    pub(super) command: ClusterCommand,
}

/// What to do with a cluster.
#[derive(Debug, Subcommand)]
pub(super) enum ClusterCommand {
    /// Show how safe the cluster is, and its members
    Status {
        /// Show it again and again, when it has changed, until it is interrupted
        #[arg(long)]
        watch: bool,
    },
    /// Show the members, where they are and what they hold
    Members,
    /// Show who holds which partition
    Partitions {
        /// Only those of this service
        #[arg(long, value_name = "NAME")]
        service: Option<String>,
        /// Only those that are not as they should be: without a primary, lost, short of backups, or on their way
        #[arg(long)]
        troubled: bool,
    },
    /// Have a member hand its partitions over; it stays, without any, until it is stopped
    Drain {
        /// The member, by its number or its name
        member: String,
        /// Return when it holds no partition any more
        #[arg(long)]
        wait: bool,
    },
    /// Show how far the partitions are from where they should be, and how long that takes
    Rebalance {
        /// Show the progress until nothing is left to move
        #[arg(long)]
        wait: bool,
    },
    /// Give up the entries of lost partitions, which are empty then and serve again
    AcceptLoss {
        /// The service, by its name
        service: String,
        /// The partitions, by number [default: all lost ones of the service]
        #[arg(value_name = "PARTITION")]
        partitions: Vec<u16>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Arguments of `grid up`.
#[derive(Clone, Debug, Args)]
pub(super) struct UpArguments {
    /// How many members
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) members: u16,
    /// Where to keep the logs of the members [default: their logs go to standard error]
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
    /// The gRPC port of the first member; the next ones follow [default: any that are free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) grpc_port: Option<u16>,
    /// The HTTP port of the first member; the next ones follow [default: any that are free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) http_port: Option<u16>,
    /// The name of the cluster
    #[arg(long, value_name = "NAME", default_value = "girih")]
    pub(super) cluster: String,
    /// How many backups caches have, 0 to 3
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=3))]
    pub(super) backups: u8,
    /// A configuration file for all members
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
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
