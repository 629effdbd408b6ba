//! Configuration: one TOML file, the environment, the command line.
//!
//! Each layer wins over those before it: defaults, file, environment, command line. Every setting has one key,
//! `section.setting`; its variable is `GRID_SECTION_SETTING`, in capitals and with `_` for `.` and `-`
//! (`grpc.message-len-max` is `GRID_GRPC_MESSAGE_LEN_MAX`). Lists of tables (`[[cache]]`) stand in the file only.
//! A mistake in any layer, even in a value that a later layer replaces, is an error that names its place.
//!
//! ```
//! use grid_server::config::Layers;
//!
//! let file = "[grpc]\naddress = \"127.0.0.1:0\"\n";
//! let loaded = Layers::new().file("girih.toml", file).variable("GRID_CLUSTER_NAME", "shop").load()?;
//! assert_eq!(loaded.config.grpc.address.port(), 0);
//! assert_eq!(loaded.config.cluster.name.as_str(), "shop");
//! # Ok::<(), grid_server::config::ConfigError>(())
//! ```

mod address;
mod contradictions;
mod file;
mod layers;
mod membership;
mod mistake;
mod sections;
mod show;
mod value;

pub use address::{HostPort, HostPortError};
pub use layers::{Layers, Loaded};
pub use membership::{ClusterConfig, MemberConfig, MemberTlsConfig};
pub use mistake::{ConfigError, Mistake, Source};
pub use sections::{CacheConfig, CachePattern, GrpcConfig, HttpConfig, LimitsConfig, SecurityConfig};
pub use value::{ByteSize, Label, parse_duration, show_duration};

use value::Setting;

/// All settings, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `[cluster]`
    pub cluster: ClusterConfig,
    /// `[member]`
    pub member: MemberConfig,
    /// `[security]`
    pub security: SecurityConfig,
    /// `[grpc]`
    pub grpc: GrpcConfig,
    /// `[http]`
    pub http: HttpConfig,
    /// `[limits]`
    pub limits: LimitsConfig,
    /// `[[cache]]`, in the order of the file.
    pub caches: Vec<CacheConfig>,
}

impl Config {
    /// Shows every setting that is not in a list: section, key, setting.
    fn visit(&mut self, visit: &mut dyn FnMut(&'static str, &'static str, &mut dyn Setting)) {
        self.cluster
            .visit(&mut |key, setting| visit("cluster", key, setting));
        self.member
            .visit(&mut |key, setting| visit("member", key, setting));
        self.security
            .visit(&mut |key, setting| visit("security", key, setting));
        self.grpc.visit(&mut |key, setting| visit("grpc", key, setting));
        self.http.visit(&mut |key, setting| visit("http", key, setting));
        self.limits
            .visit(&mut |key, setting| visit("limits", key, setting));
    }
}
