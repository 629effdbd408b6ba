//! The command line.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::data_set::{DataSet, VALUE_LEN_MIN};
use crate::fleet::FleetSettings;
use crate::operation::Operation;

/// Measures servers of the grid's gRPC protocol: `grid serve`, Coherence CE, the echo.
#[derive(Debug, Parser)]
#[command(name = "grid-bench", version)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Loads entries, then measures operations on one server.
    Run(RunArguments),
    /// Measures several servers in turns and prints the ratios.
    Compare(CompareArguments),
    /// Measures queries, sums and processors on records, several servers in turns.
    Query(QueryArguments),
    /// Loads many small entries and prints what each costs in the server's memory.
    Memory(MemoryArguments),
    /// Starts a server several times and prints how long it takes until the first answer.
    Start(StartArguments),
    /// Takes one request a line on standard input (`op threads seconds round`) and answers each with a line of JSON.
    Peer(PeerArguments),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// A table to read.
    #[default]
    Table,
    /// JSON.
    Json,
}

/// What is asked of which cache.
#[derive(Clone, Debug, Args)]
pub struct LoadArguments {
    /// Members of a cluster named girih (their --listen addresses): each thread of the load is then a member of it that
    /// keeps no entries, and no server is asked
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    pub join: Vec<String>,
    /// The cache that is loaded.
    #[arg(long, default_value = "bench")]
    pub cache: String,
    /// Requests that are outstanding on each connection.
    #[arg(long, default_value = "1")]
    pub callers: NonZeroUsize,
    /// How many keys there are.
    #[arg(long, default_value = "100000")]
    pub keys: NonZeroUsize,
    /// The length of each value as JSON text, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 1_024, value_parser = value_len)]
    pub value_size: usize,
    /// Entries in a batch (getall, putall).
    #[arg(long, default_value = "100")]
    pub batch: NonZeroUsize,
    /// Threads that make the load; by default half as many as there are CPUs, so that the
    /// rest is left to a server on the same machine.
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// Reads and writes values as strings, as an application does, and not only as bytes.
    #[arg(long)]
    pub typed: bool,
}

impl LoadArguments {
    /// The entries.
    #[must_use]
    pub fn data_set(&self) -> DataSet {
        DataSet::new(self.keys.get(), self.value_size)
    }

    /// The settings of a fleet on this server.
    #[must_use]
    pub fn fleet(&self, address: &str, connections: NonZeroUsize, server_pids: &[u32]) -> FleetSettings {
        FleetSettings {
            address: address.to_owned(),
            join: self.join.clone(),
            cache: self.cache.clone(),
            connections,
            callers: self.callers,
            threads: self.threads,
            batch: self.batch,
            typed: self.typed,
            server_pids: server_pids.to_owned(),
        }
    }
}

/// `grid-bench run`.
#[derive(Clone, Debug, Args)]
pub struct RunArguments {
    /// The server.
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "GRID_ADDRESS",
        default_value = "127.0.0.1:1408"
    )]
    pub address: String,
    /// Connections; several numbers with commas are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    pub connections: Vec<NonZeroUsize>,
    /// Operations, with commas between them: get, put, mixed, getall, putall.
    #[arg(long, value_delimiter = ',', default_value = "get,put")]
    pub mix: Vec<Operation>,
    /// How long each operation runs before it is measured, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub warm_up: Duration,
    /// How long each measurement takes, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub time: Duration,
    /// How often each is measured.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// The server's processes, for their CPU and memory.
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub server_pid: Vec<u32>,
    /// Does not load the entries: they are there.
    #[arg(long)]
    pub no_load: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// The load.
    #[command(flatten)]
    pub load: LoadArguments,
}

/// `grid-bench compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArguments {
    /// A server: `NAME=HOST:PORT[,pid=PID...][,warm-up=SECONDS]`. The first one is compared with each of the others.
    #[arg(long = "target", value_name = "TARGET", required = true)]
    pub targets: Vec<ComparedTarget>,
    /// Connections; several numbers with commas are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "1,32")]
    pub connections: Vec<NonZeroUsize>,
    /// Operations, with commas between them.
    #[arg(long, value_delimiter = ',', default_value = "get,put")]
    pub mix: Vec<Operation>,
    /// How long each measurement takes, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "4", value_parser = seconds)]
    pub time: Duration,
    /// How often each is measured; the servers take turns in each round.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Where every measurement is written, as JSON.
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// The load.
    #[command(flatten)]
    pub load: LoadArguments,
}

/// `grid-bench query`.
#[derive(Clone, Debug, Args)]
pub struct QueryArguments {
    /// A server: `NAME=HOST:PORT`. The first one is compared with each of the others.
    #[arg(long = "target", value_name = "TARGET", required = true)]
    pub targets: Vec<ComparedTarget>,
    /// The cache that is cleared and loaded.
    #[arg(long, default_value = "bench-query")]
    pub cache: String,
    /// How many records.
    #[arg(long, default_value = "100000")]
    pub keys: NonZeroUsize,
    /// The length of each record as JSON text, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 1_024, value_parser = value_len)]
    pub value_size: usize,
    /// Requests outstanding, all on one connection; several numbers with commas are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "1,32")]
    pub callers: Vec<NonZeroUsize>,
    /// Operations, with commas between them.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "indexed,scan,sum,increment"
    )]
    pub mix: Vec<QueryOperation>,
    /// How long each measurement takes, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "4", value_parser = seconds)]
    pub time: Duration,
    /// How often each is measured, after a round to warm up; the servers take turns in each round.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// What `grid-bench query` measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryOperation {
    /// The records of one bucket, by an index: one in a thousand.
    Indexed,
    /// The same without an index.
    Scan,
    /// The sum of a number of all records.
    Sum,
    /// A processor that adds to a number of one record.
    Increment,
}

impl QueryOperation {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            QueryOperation::Indexed => "indexed",
            QueryOperation::Scan => "scan",
            QueryOperation::Sum => "sum",
            QueryOperation::Increment => "increment",
        }
    }
}

/// One of the servers that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedTarget {
    /// Its name in the report.
    pub name: String,
    /// Where it is, `host:port`.
    pub address: String,
    /// Its processes.
    pub pids: Vec<u32>,
    /// How long it is warmed up, over all operations together.
    pub warm_up: Duration,
}

impl FromStr for ComparedTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write NAME=HOST:PORT[,pid=PID...][,warm-up=SECONDS]";
        let (name, rest) = text.split_once('=').ok_or_else(|| FORM.to_owned())?;
        let mut parts = rest.split(',');
        let address = parts.next().filter(|address| address.contains(':'));
        let address = address.ok_or_else(|| format!("no HOST:PORT after the name; {FORM}"))?;
        let mut target = ComparedTarget {
            name: name.to_owned(),
            address: address.to_owned(),
            pids: Vec::new(),
            warm_up: Duration::from_secs(2),
        };
        for part in parts {
            match part.split_once('=') {
                Some(("pid", pid)) => {
                    let pid = pid
                        .parse()
                        .map_err(|_invalid| format!("{pid:?} is no process id"))?;
                    target.pids.push(pid);
                }
                Some(("warm-up", time)) => target.warm_up = seconds(time)?,
                _ => return Err(format!("{part:?} is neither pid nor warm-up; {FORM}")),
            }
        }
        Ok(target)
    }
}

/// `grid-bench memory`.
#[derive(Clone, Debug, Args)]
pub struct MemoryArguments {
    /// The server.
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "GRID_ADDRESS",
        default_value = "127.0.0.1:1408"
    )]
    pub address: String,
    /// The server's processes.
    #[arg(long, value_name = "PID", value_delimiter = ',', required = true)]
    pub server_pid: Vec<u32>,
    /// The cache that is loaded. It must be empty.
    #[arg(long, default_value = "bench-memory")]
    pub cache: String,
    /// How many entries.
    #[arg(long, default_value = "1000000")]
    pub entries: NonZeroUsize,
    /// The length of each value as JSON text, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 100, value_parser = value_len)]
    pub value_size: usize,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `grid-bench start`.
#[derive(Clone, Debug, Args)]
pub struct StartArguments {
    /// Where the server answers; without it, the `grpc=HOST:PORT` of the line `ready ...` that it prints is taken.
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// How often it is started.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub times: u32,
    /// How long to wait for the first answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub timeout: Duration,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// The server and its arguments.
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub server: Vec<OsString>,
}

/// `grid-bench peer`.
#[derive(Clone, Debug, Args)]
pub struct PeerArguments {
    /// The server.
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "GRID_ADDRESS",
        default_value = "127.0.0.1:1408"
    )]
    pub address: String,
    /// The name in every answer.
    #[arg(long, default_value = "girih/1")]
    pub label: String,
    /// The server's processes, for their CPU.
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub pids: Vec<u32>,
    /// The most connections that the threads of a request are spread over; by default each has its own.
    #[arg(long)]
    pub connections: Option<NonZeroUsize>,
    /// Takes requests from standard input, one a line, until `quit`; without it, `--ops` are measured once.
    #[arg(long)]
    pub interactive: bool,
    /// What is measured when not interactive.
    #[arg(long, value_delimiter = ',', default_value = "get,mix,putall,getall")]
    pub ops: Vec<String>,
    /// Requests outstanding when not interactive.
    #[arg(long = "outstanding", value_delimiter = ',', default_value = "1,32")]
    pub outstanding: Vec<NonZeroUsize>,
    /// How long each takes when not interactive, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "4", value_parser = seconds)]
    pub secs: Duration,
    /// The load.
    #[command(flatten)]
    pub load: LoadArguments,
}

/// A time in seconds, above 0 and at most a day: `2`, `0.5`, `2s`, `500ms`.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let (number, scale) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1e-3),
        (None, Some(number)) => (number, 1.0),
        (None, None) => (text, 1.0),
    };
    let seconds = number.parse::<f64>().map(|number| number * scale);
    match seconds {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!(
            "{text:?} is no time; write seconds above 0, such as 2, 0.5s or 500ms"
        )),
    }
}

fn value_len(text: &str) -> Result<usize, String> {
    const LEN_MAX: usize = 16 << 20;
    match text.parse() {
        Ok(len) if (VALUE_LEN_MIN..=LEN_MAX).contains(&len) => Ok(len),
        _ => Err(format!(
            "{text:?} is no length; choose {VALUE_LEN_MIN} to {LEN_MAX} bytes"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> RunArguments {
        let all = ["grid-bench", "run"].iter().chain(arguments);
        match Arguments::try_parse_from(all).unwrap().command {
            Command::Run(run) => run,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_run_has_the_defaults_of_the_comparisons() {
        let run = run(&["--address", "h:1"]);
        assert_eq!(
            (run.load.keys.get(), run.load.value_size, run.load.batch.get()),
            (100_000, 1_024, 100)
        );
        assert_eq!(run.mix, [Operation::Get, Operation::Put]);
        assert_eq!(run.connections, [NonZeroUsize::MIN]);
        assert!(!run.load.typed);
    }

    #[test]
    fn lists_have_commas() {
        let run = run(&[
            "--mix",
            "get,mixed,putall",
            "--connections",
            "1,32",
            "--server-pid",
            "7,8",
        ]);
        assert_eq!(run.mix, [Operation::Get, Operation::Mixed, Operation::PutAll]);
        assert_eq!(
            run.connections.iter().map(|n| n.get()).collect::<Vec<_>>(),
            [1, 32]
        );
        assert_eq!(run.server_pid, [7, 8]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_would() {
        for (arguments, words) in [
            (["--mix", "incr"], "choose get, put"),
            (["--value-size", "1"], "choose 2 to"),
            (["--time", "0"], "seconds above 0"),
            (["--time", "NaN"], "seconds above 0"),
            (["--rounds", "0"], "1.."),
            (["--connections", "0"], "zero"),
        ] {
            let error =
                Arguments::try_parse_from(["grid-bench", "run"].iter().chain(&arguments)).unwrap_err();
            assert!(error.to_string().contains(words), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_unit() {
        for text in ["0.5", "0.5s", "500ms"] {
            assert_eq!(seconds(text), Ok(Duration::from_millis(500)), "{text}");
        }
        assert!(seconds("-1").is_err() && seconds("1h").is_err() && seconds("inf").is_err());
    }

    #[test]
    fn a_target_is_read_with_its_processes_and_warm_up() {
        let target: ComparedTarget = "ce=127.0.0.1:1,pid=3,pid=4,warm-up=20".parse().unwrap();
        assert_eq!(
            (target.name.as_str(), target.address.as_str()),
            ("ce", "127.0.0.1:1")
        );
        assert_eq!(
            (target.pids, target.warm_up),
            (vec![3, 4], Duration::from_secs(20))
        );
        for wrong in [
            "ce",
            "ce=",
            "ce=host",
            "ce=h:1,pid=x",
            "ce=h:1,other=1",
            "ce=h:1,warm-up=0",
        ] {
            assert!(wrong.parse::<ComparedTarget>().is_err(), "{wrong}");
        }
    }
}
