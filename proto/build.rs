//! Generates the Rust types of the wire contracts, without a protoc on the machine.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 7] = [
    "messages.proto",
    "services.proto",
    "common_messages_v1.proto",
    "proxy_service_messages_v1.proto",
    "proxy_service_v1.proto",
    "cache_service_messages_v1.proto",
    "girih_v1.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    // Reflection serves the descriptors as they are.
    let out = PathBuf::from(std::env::var("OUT_DIR")?).join("descriptors.bin");
    std::fs::write(out, descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // `Bytes` everywhere, `Any` and the wrappers included: a value is a slice of the frame it came in.
        .bytes(".")
        .compile_well_known_types(true)
        .include_file("generated.rs")
        .emit_rerun_if_changed(false)
        .compile_fds(descriptors)?;
    Ok(())
}
