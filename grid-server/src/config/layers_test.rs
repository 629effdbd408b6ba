use super::*;

fn mistakes(layers: &Layers) -> String {
    layers.load().expect_err("the configuration is wrong").to_string()
}

fn in_file(text: &str) -> String {
    mistakes(&Layers::new().file("girih.toml", text))
}

#[test]
fn each_mistake_names_file_line_and_key() {
    let cases = [
        (
            "[grpc]\naddress = \"abc\"\n",
            "girih.toml:2:11: grpc.address: \"abc\" is not HOST:PORT (an IPv6 address stands in brackets: [::1]:1408; port 0 takes any free one)",
        ),
        (
            "[grpc]\naddress = 1408\n",
            "girih.toml:2:11: grpc.address: 1408 is not HOST:PORT in quotes",
        ),
        (
            "[grpc]\nadress = \"a:1\"\n",
            "girih.toml:2:1: grpc.adress: unknown setting; did you mean \"address\"?",
        ),
        (
            "\n[grcp]\n",
            "girih.toml:2:2: grcp: unknown section; did you mean \"grpc\"?",
        ),
        (
            "[storage]\n",
            "girih.toml:1:2: storage: unknown section; there are: cluster, member, security, grpc, http, limits, cache",
        ),
        (
            "grpc = 1\n",
            "girih.toml:1:1: grpc: this is a section; write [grpc] and its settings below it",
        ),
        (
            "[http]\nconnections-max = 0\n",
            "girih.toml:2:19: http.connections-max: 0 is outside 1 to 100000",
        ),
        (
            "[http]\nconnections-max = -1\n",
            "girih.toml:2:19: http.connections-max: -1 is not a whole number",
        ),
        (
            "[grpc]\nstrict = \"yes\"\n",
            "girih.toml:2:10: grpc.strict: \"yes\" is not true or false",
        ),
        (
            "[grpc]\nnull-members = \"hide\"\n",
            "girih.toml:2:16: grpc.null-members: \"hide\" is not \"drop\" or \"keep\"",
        ),
        (
            "[grpc]\nmessage-len-max = \"4MB\"\n",
            "girih.toml:2:19: grpc.message-len-max: \"4MB\" is not a size like \"512B\", \"64KiB\", \"4MiB\" or \"1GiB\"",
        ),
        (
            "[http]\nrequest-timeout = 5\n",
            "girih.toml:2:19: http.request-timeout: 5 is not a time in quotes, like \"10s\"",
        ),
        (
            "[cluster]\nname = \"a b\"\n",
            "girih.toml:2:8: cluster.name: \"a b\" is not a name: 1 to 128 bytes of letters, digits, \".\", \"_\" and \"-\"",
        ),
        (
            "[[cache]]\nkind = \"local\"\n",
            "girih.toml:1:1: cache[0].name: is missing: the name of a cache, or the beginning of names followed by \"*\"",
        ),
        (
            "[[cache]]\nname = \"a*b\"\n",
            "girih.toml:2:8: cache[0].name: \"a*b\" is not a pattern: \"*\" may only stand at the end",
        ),
        (
            "[[cache]]\nname = \"a\"\nttl = \"0s\"\n",
            "girih.toml:3:7: cache[0].ttl: \"0s\" is outside \"1ms\" to \"36500d\"",
        ),
        (
            "[[cache]]\nname = \"a\"\nttll = \"1s\"\n",
            "girih.toml:3:1: cache[0].ttll: unknown setting; did you mean \"ttl\"?",
        ),
        (
            "[cache]\nname = \"a\"\n",
            "girih.toml:1:2: cache: this is a list of tables; write [[cache]]",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(in_file(text), message, "for {text:?}");
    }
}

#[test]
fn mistakes_about_the_cluster_say_what_is_right() {
    let cases = [
        (
            "[cluster]\njoin = [\"db1:7574\", \"db2\"]\n",
            "girih.toml:2:8: cluster.join: \"db2\" is not HOST:PORT (an IPv6 address stands in brackets: [::1]:1408; port 0 takes any free one)",
        ),
        (
            "[cluster]\njoin = [\"db1:0\"]\n",
            "girih.toml:2:8: cluster.join: \"db1:0\": port 0 is no port to connect to; give the one that the member listens on",
        ),
        (
            "[cluster]\njoin = \"db1:7574\"\n",
            "girih.toml:2:8: cluster.join: \"db1:7574\" is not a list of addresses like [\"db1:7574\", \"db2:7574\"]",
        ),
        (
            "[cluster]\njoin = []\n",
            "girih.toml:2:8: cluster.join: there are no addresses in it; leave the setting out instead",
        ),
        (
            "[cluster]\nexpect = 0\njoin = [\"a:1\"]\n",
            "girih.toml:2:10: cluster.expect: 0 is outside 1 to 1000",
        ),
        (
            "[cluster]\nexpect = 3\n",
            "girih.toml:2:10: cluster.expect: nobody can be expected without cluster.join or cluster.discover: such a member starts a cluster of its own at once",
        ),
        (
            "[cluster]\nbackups = 4\n",
            "girih.toml:2:11: cluster.backups: 4 is outside 0 to 3",
        ),
        (
            "[cluster]\ntwo-members = \"hope\"\n",
            "girih.toml:2:15: cluster.two-members: \"hope\" is not \"wait\" or \"trust-reset\"",
        ),
        (
            "[cluster]\ndiscover = [\"telepathy\"]\nexpect = 3\n",
            "girih.toml:2:12: cluster.discover: \"telepathy\" is no way to find members; write static:HOST:PORT,..., multicast[:GROUP[:PORT]], folder:PATH or s3://BUCKET/PREFIX",
        ),
        (
            "[cluster]\ndiscover = [\"multicast\"]\n",
            "girih.toml:2:12: cluster.discover: without cluster.join the number of members to start with must be said: set cluster.expect, to 2 at least",
        ),
        (
            "[cluster]\ndiscover = [\"multicast\"]\nexpect = 3\n[member]\nlisten = \"127.0.0.1:0\"\n",
            "girih.toml:5:10: member.listen: a member that others are to discover needs a port of its own; give another than 0, or set member.advertise",
        ),
        (
            "[member]\nadvertise = \"0.0.0.0:7574\"\n",
            "girih.toml:2:13: member.advertise: others cannot connect to that; give the address and the port that they reach",
        ),
        (
            "[member]\nstorage = 1\n",
            "girih.toml:2:11: member.storage: 1 is not true or false",
        ),
        (
            "[[cache]]\nname = \"a\"\nkind = \"local\"\nbackups = 1\n",
            "girih.toml:4:11: cache[0].backups: a local cache is in one process alone and has no backups; leave it out, or make the kind \"partitioned\"",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(in_file(text), message, "for {text:?}");
    }
}

#[test]
fn what_is_not_toml_names_its_line() {
    let message = in_file("[grpc]\naddress = \n");
    assert!(message.starts_with("girih.toml:2:"), "{message}");
    assert!(message.contains("this is not TOML"), "{message}");
    let twice = in_file("[grpc]\nstrict = true\nstrict = true\n");
    assert!(twice.starts_with("girih.toml:3:"), "{twice}");
}

#[test]
fn columns_count_characters() {
    let message = in_file("[grpc]\n\"é\" = 1\n");
    assert!(message.starts_with("girih.toml:2:1: grpc.é:"), "{message}");
    let message = in_file("grpc = { strict = \"é\", strict2 = 1 }\n");
    assert!(message.contains("girih.toml:1:24: grpc.strict2"), "{message}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let layers = Layers::new()
        .file("g.toml", "[grpc]\nstrict = 1\nadress = 2\n")
        .variable("GRID_HTTP_ADDRESS", "x")
        .variable("GRID_GRPC_ADRESS", "x:1")
        .variable("GRID_CACHE_NAME", "x")
        .flag("--listen", "member.listen", "nowhere".to_owned());
    let text = mistakes(&layers);
    for part in [
        "g.toml:2:10: grpc.strict: 1 is not true or false",
        "g.toml:3:1: grpc.adress: unknown setting; did you mean \"address\"?",
        "GRID_HTTP_ADDRESS: http.address: \"x\" is not HOST:PORT",
        "GRID_GRPC_ADRESS: unknown variable; did you mean \"GRID_GRPC_ADDRESS\"?",
        "GRID_CACHE_NAME: unknown variable",
        "--listen: member.listen: \"nowhere\" is not HOST:PORT",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    assert_eq!(text.lines().count(), 6, "{text}");
}

#[test]
fn a_later_layer_wins_and_its_source_is_known() {
    let file =
        "[grpc]\naddress = \"127.0.0.1:1\"\n[http]\naddress = \"127.0.0.1:2\"\n[cluster]\nname = \"file\"\n";
    let loaded = Layers::new()
        .file("g.toml", file)
        .variable("GRID_GRPC_ADDRESS", "127.0.0.1:3")
        .variable("GRID_HTTP_ADDRESS", "127.0.0.1:4")
        .flag("--http", "http.address", "127.0.0.1:5".to_owned())
        .load()
        .unwrap();
    assert_eq!(loaded.config.cluster.name.as_str(), "file");
    assert_eq!(loaded.config.grpc.address.port(), 3);
    assert_eq!(loaded.config.http.address.port(), 5);
    assert_eq!(loaded.config.member.listen.port(), 7574);
    assert_eq!(loaded.source("cluster.name").to_string(), "g.toml:6:8");
    assert_eq!(loaded.source("grpc.address").to_string(), "GRID_GRPC_ADDRESS");
    assert_eq!(loaded.source("http.address").to_string(), "--http");
    assert_eq!(loaded.source("member.listen").to_string(), "default");
}

#[test]
fn variables_of_others_are_left_alone() {
    let others = [
        "GRID_LOG",
        "GRID_HTTP",
        "GRID_HTTP_PORT",
        "GRID_HTTP_SERVICE_HOST",
        "GRID_GRPC_PORT_1408_TCP",
        "GRID_X",
    ];
    let layers = others
        .iter()
        .fold(Layers::new(), |layers, name| layers.variable(name, "10.0.0.1"));
    assert_eq!(layers.load().unwrap().config, Config::default());
}

#[test]
fn every_setting_has_its_variable() {
    let layers = Layers::new()
        .variable("GRID_GRPC_MESSAGE_LEN_MAX", "1MiB")
        .variable("GRID_GRPC_NULL_MEMBERS", "keep")
        .variable("GRID_MEMBER_DRAIN_TIMEOUT", "3s")
        .variable("GRID_SECURITY_INSECURE", "true")
        .variable("GRID_LIMITS_CACHES_MAX", "7");
    let config = layers.load().unwrap().config;
    assert_eq!(config.grpc.message_len_max.0, 1 << 20);
    assert_eq!(config.grpc.null_members, grid_core::value::NullMembers::Keep);
    assert_eq!(config.member.drain_timeout.as_secs(), 3);
    assert!(config.security.insecure);
    assert_eq!(config.limits.caches_max, 7);
}

#[test]
fn the_cluster_is_configured_in_every_layer() {
    let file = "[cluster]\njoin = [\"db1:7574\", \"[::1]:7575\"]\nexpect = 5\nbackups = 2\n";
    let layers = Layers::new()
        .file("g.toml", file)
        .variable("GRID_CLUSTER_JOIN", "db3:1, db4:2")
        .variable("GRID_CLUSTER_DISCOVER", "static:a:1,b:2;multicast")
        .flag("--expect", "cluster.expect", "3".to_owned())
        .flag("--two-members", "cluster.two-members", "trust-reset".to_owned())
        .flag("--no-storage", "member.storage", "false".to_owned());
    let config = layers.load().unwrap().config;
    let join = config.cluster.join.unwrap();
    assert_eq!(
        join.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["db3:1", "db4:2"]
    );
    assert_eq!(config.cluster.discover.unwrap().len(), 2);
    assert_eq!(config.cluster.expect, Some(3));
    assert_eq!(config.cluster.backups.get(), 2);
    assert_eq!(
        config.cluster.two_members,
        grid_core::membership::survivor::TwoMembers::TrustReset
    );
    assert!(!config.member.storage);
}

#[test]
fn what_is_shown_reads_back_the_same() {
    let file = "[cluster]\njoin = [\"db1:7574\", \"[::1]:7575\"]\nexpect = 5\ndiscover = [\"multicast\"]\n\
                [member]\nzone = \"z1\"\nadvertise = \"db9:7\"\nstorage = false\n[grpc]\nmessage-len-max = 5000\n\
                [[cache]]\nname = \"orders\"\nttl = \"90s\"\n[[cache]]\nname = \"local-*\"\nkind = \"local\"\n[[cache]]\nname = \"safe\"\nbackups = 3\n";
    let loaded = Layers::new().file("g.toml", file).load().unwrap();
    let shown = loaded.to_toml();
    assert!(shown.contains("zone = \"z1\" # g.toml:6:8"), "{shown}");
    assert!(shown.contains("strict = false # default"), "{shown}");
    assert!(shown.contains("# rack is not set"), "{shown}");
    let again = Layers::new().file("shown.toml", &shown).load().unwrap();
    assert_eq!(again.config, loaded.config);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Layers::new()
        .read_file(std::path::Path::new("no-such-file.toml"))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no-such-file.toml: cannot be read: "),
        "{error}"
    );
}
