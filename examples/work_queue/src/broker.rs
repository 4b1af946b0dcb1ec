//! The broker: takes jobs, gives each to a worker that is idle, and reports to the client.

use std::collections::{BTreeMap, VecDeque};

use seaworthy::{Context, Error, Frame, Instant, Network, RouterSocket};

use crate::message::{JobId, Word};
use crate::{PATIENCE, options};

/// Serves clients and workers at one endpoint, for ever.
///
/// # Errors
/// When the endpoint cannot be bound.
pub async fn broker<N: Network>(network: N, endpoint: &str) -> Result<(), Error> {
    // Who comes back under its old name takes its old place.
    let options = options().router_handover(true).rcvtimeo(PATIENCE / 4);
    let socket = RouterSocket::with_options(&Context::with_network(network.clone()), options)?;
    socket.bind(endpoint)?;
    let mut queue = Queue::default();
    loop {
        match socket.recv().await {
            Ok(mut message) => {
                if let (Some(peer), Some(word)) = (message.pop_front(), Word::read(&message)) {
                    queue.hear(peer, word);
                }
            }
            Err(Error::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        queue.give_up_on_the_silent(network.now());
        queue.assign(network.now());
        for (peer, word) in queue.outbox.drain(..) {
            let mut message = word.into_message();
            message.push_front(peer);
            socket.send(message).await?;
        }
    }
}

/// What the broker knows. It never waits.
#[derive(Debug, Default)]
struct Queue {
    jobs: BTreeMap<JobId, Job>,
    /// Jobs that nobody works on, the eldest first.
    waiting: VecDeque<JobId>,
    /// Workers that asked for a job, in turn.
    idle: VecDeque<Frame>,
    /// Which job a worker has, and since when.
    busy: BTreeMap<Frame, (JobId, Instant)>,
    outbox: Vec<(Frame, Word)>,
}

#[derive(Debug)]
struct Job {
    client: Frame,
    data: Frame,
    result: Option<Frame>,
}

impl Queue {
    fn hear(&mut self, peer: Frame, word: Word) {
        match word {
            Word::Submit(job, data) => self.submit(peer, job, data),
            Word::Ready => self.ready(peer),
            Word::Done(job, result) => self.done(peer, job, result),
            Word::Report(..) | Word::Job(..) => {}
        }
    }

    /// A job, or a job once more: its client has not heard what became of it.
    fn submit(&mut self, client: Frame, id: JobId, data: Frame) {
        match self.jobs.get_mut(&id) {
            None => {
                self.jobs.insert(id, Job { client, data, result: None });
                self.waiting.push_back(id);
            }
            Some(job) => {
                job.client = client.clone();
                if let Some(result) = &job.result {
                    self.outbox.push((client, Word::Report(id, result.clone())));
                }
            }
        }
    }

    /// A worker that has nothing to do. If we thought it had, it forgot: it was started anew.
    fn ready(&mut self, worker: Frame) {
        if let Some((job, _)) = self.busy.remove(&worker) {
            self.waiting.push_front(job);
        }
        if !self.idle.contains(&worker) {
            self.idle.push_back(worker);
        }
    }

    fn done(&mut self, worker: Frame, id: JobId, result: Frame) {
        if self.busy.get(&worker).is_some_and(|(job, _)| *job == id) {
            self.busy.remove(&worker);
        }
        if let Some(job) = self.jobs.get_mut(&id) {
            self.outbox.push((job.client.clone(), Word::Report(id, result.clone())));
            job.result = Some(result);
        }
    }

    /// Whoever has not answered for too long is not counted on: somebody else gets the job.
    fn give_up_on_the_silent(&mut self, now: Instant) {
        let silent = |since: Instant| now - since > PATIENCE;
        let given_up = self.busy.extract_if(.., |_, (_, since)| silent(*since));
        self.waiting.extend(given_up.map(|(_, (job, _))| job));
    }

    fn assign(&mut self, now: Instant) {
        while let Some(id) = self.waiting.pop_front() {
            // It may have been done after all, by somebody we had given up on.
            let Some(job) = self.jobs.get(&id).filter(|job| job.result.is_none()) else { continue };
            let Some(worker) = self.idle.pop_front() else { return self.waiting.push_front(id) };
            self.outbox.push((worker.clone(), Word::Job(id, job.data.clone())));
            self.busy.insert(worker, (id, now));
        }
    }
}
