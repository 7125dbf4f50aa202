//! Faults on demand: everything that Stripe and the network between can do to us.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The most faults that wait.
const FAULTS_MAX: usize = 10_000;

/// What goes wrong with one call of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ApiFault {
    /// 429; nothing is done.
    TooManyRequests,
    /// 409, as when the same key is in use; nothing is done.
    Conflict,
    /// 500; nothing is done, and Stripe repeats it for this key.
    StoredServerError,
    /// 500 that is not remembered; nothing is done.
    ServerError,
    /// 502 with a page of a gateway instead of JSON; nothing is done.
    Gateway,
    /// All is done, but the answer comes late.
    Hang {
        /// How late, in milliseconds.
        ms: u64,
    },
    /// The connection is cut; nothing is done.
    DropBefore,
    /// All is done, then the connection is cut: a lost answer.
    DropAnswer,
    /// All is done, but the answer is cut off in the middle.
    Malformed,
}

/// Which calls a fault waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultOn {
    /// Any call.
    #[default]
    Any,
    /// POST only.
    Writes,
    /// GET only.
    Reads,
}

/// What goes wrong with the delivery of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WebhookFault {
    /// It comes this many times more.
    Duplicate {
        /// How many times more.
        times: u32,
    },
    /// It comes late, and others overtake it.
    Delay {
        /// How late, in milliseconds.
        ms: u64,
    },
    /// It never comes.
    Drop,
    /// It is signed with a wrong secret.
    WrongSignature,
    /// It and those that follow, `count` in all, come in reverse order.
    Reverse {
        /// How many.
        count: u32,
    },
}

/// A fault, how often, and where.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ApiFaultOrder {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: ApiFault,
    /// For how many calls.
    #[serde(default = "once")]
    pub calls: u32,
    /// For which calls.
    #[serde(default)]
    pub on: FaultOn,
}

/// A fault of delivery and how often.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WebhookFaultOrder {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: WebhookFault,
    /// For how many events.
    #[serde(default = "once")]
    pub events: u32,
}

/// The body of `POST /_standin/faults`: they are added to those that wait.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultOrders {
    /// Faults of the API.
    #[serde(default)]
    pub api: Vec<ApiFaultOrder>,
    /// Faults of delivery.
    #[serde(default)]
    pub webhooks: Vec<WebhookFaultOrder>,
}

fn once() -> u32 {
    1
}

/// The faults that wait for their call or event, in order.
#[derive(Default)]
pub(super) struct Faults {
    api: VecDeque<(FaultOn, ApiFault)>,
    webhooks: VecDeque<WebhookFault>,
}

impl Faults {
    pub fn add(&mut self, orders: &FaultOrders) {
        for order in &orders.api {
            for _ in 0..order.calls.min(u32::try_from(FAULTS_MAX - self.api.len()).unwrap_or(0)) {
                self.api.push_back((order.on, order.fault));
            }
        }
        for order in &orders.webhooks {
            for _ in 0..order.events.min(u32::try_from(FAULTS_MAX - self.webhooks.len()).unwrap_or(0)) {
                self.webhooks.push_back(order.fault);
            }
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    pub fn take_api(&mut self, is_write: bool) -> Option<ApiFault> {
        let fits = |on: &FaultOn| *on == FaultOn::Any || (*on == FaultOn::Writes) == is_write;
        let at = self.api.iter().position(|(on, _)| fits(on))?;
        self.api.remove(at).map(|(_, fault)| fault)
    }

    pub fn take_webhook(&mut self) -> Option<WebhookFault> {
        self.webhooks.pop_front()
    }

    pub fn waiting(&self) -> (usize, usize) {
        (self.api.len(), self.webhooks.len())
    }
}
