//! stub
use crate::config::Config;
#[derive(clap::Args)]
pub struct Options {}
pub async fn run(_: Config, _: Options) -> anyhow::Result<std::process::ExitCode> {
    todo!()
}
