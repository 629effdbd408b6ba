//! The `grid-bench` program. Everything is in the library, where tests reach it.

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    grid_bench::command::execute(grid_bench::arguments::Arguments::parse())
}
