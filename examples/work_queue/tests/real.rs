//! The program as it is deployed, in one process.

use futures_util::future::{Either, select};
use seaworthy::{CompioNetwork, Frame};
use std::pin::pin;
use work_queue::{Acknowledge, broker, client, worker};

#[test]
fn jobs_are_done_on_the_real_network() {
    compio::runtime::Runtime::new().unwrap().block_on(async {
        let endpoint = format!("ipc://@work-queue-{}", std::process::id());
        let jobs = [(1, Frame::from("stressed")), (2, Frame::from("drawer"))].into();
        let network = CompioNetwork::new;
        let serve = futures_util::future::join(
            broker(network(), &endpoint),
            worker(network(), "ada", &endpoint, Acknowledge::WhenDone),
        );
        match select(pin!(client(network(), &endpoint, jobs)), pin!(serve)).await {
            Either::Left((results, _)) => {
                assert_eq!(results.unwrap(), [(1, "desserts".into()), (2, "reward".into())].into());
            }
            Either::Right((ended, _)) => panic!("broker or worker ended: {ended:?}"),
        }
    });
}
