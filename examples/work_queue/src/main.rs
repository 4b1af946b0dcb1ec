//! The work queue as a program: `work_queue broker|worker|client …`.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;

use seaworthy::{CompioNetwork, Frame};
use work_queue::{Acknowledge, broker, client, worker};

const USAGE: &str = "\
work_queue broker ENDPOINT           such as tcp://*:5555
work_queue worker NAME ENDPOINT      such as ada tcp://127.0.0.1:5555
work_queue client ENDPOINT TEXT…     each TEXT is a job";

#[compio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let network = CompioNetwork::new();
    match words.as_slice() {
        ["broker", endpoint] => broker(network, endpoint).await?,
        ["worker", name, endpoint] => worker(network, name, endpoint, Acknowledge::WhenDone).await?,
        ["client", endpoint, texts @ ..] => {
            let jobs = (1..).zip(texts.iter().map(|text| Frame::from(*text)));
            let results: BTreeMap<_, _> = client(network, endpoint, jobs.collect()).await?;
            for (job, result) in results {
                println!("{job}: {}", String::from_utf8_lossy(&result));
            }
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}
