//! What clients, broker and workers say to each other.

use seaworthy::{Frame, Message};

/// A job, by the number that its client gave it. Whoever submits it again means the same job.
pub type JobId = u64;

/// A message, without the envelope that a ROUTER sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Client to broker: this is to be done.
    Submit(JobId, Frame),
    /// Broker to client: it was done, and this came out.
    Report(JobId, Frame),
    /// Worker to broker: I have nothing to do.
    Ready,
    /// Broker to worker: do this.
    Job(JobId, Frame),
    /// Worker to broker: this came out.
    Done(JobId, Frame),
}

impl Word {
    /// As frames.
    pub fn into_message(self) -> Message {
        let (verb, job) = match self {
            Self::Submit(job, data) => ("submit", Some((job, data))),
            Self::Report(job, data) => ("report", Some((job, data))),
            Self::Ready => ("ready", None),
            Self::Job(job, data) => ("job", Some((job, data))),
            Self::Done(job, data) => ("done", Some((job, data))),
        };
        let mut message = Message::from(verb);
        if let Some((job, data)) = job {
            message.push_back(job.to_be_bytes().to_vec());
            message.push_back(data);
        }
        message
    }

    /// From frames; `None` if nobody of ours sent them.
    pub fn read(message: &Message) -> Option<Self> {
        let verb = message.frame(0)?;
        if (verb, message.len()) == (b"ready", 1) {
            return Some(Self::Ready);
        }
        let [_, job, data] = message.frames() else { return None };
        let (job, data) = (JobId::from_be_bytes(job[..].try_into().ok()?), data.clone());
        match verb {
            b"submit" => Some(Self::Submit(job, data)),
            b"report" => Some(Self::Report(job, data)),
            b"job" => Some(Self::Job(job, data)),
            b"done" => Some(Self::Done(job, data)),
            _ => None,
        }
    }
}
