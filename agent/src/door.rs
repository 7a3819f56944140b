//! The one door from asynchronous code to the store.
//!
//! Promise: blocking work never runs on the network's threads, and a panic in it rolls its transaction back and leaves
//! the door open. Start at [`Door::call`].

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::Store;

/// A store that asynchronous code may use.
#[derive(Clone)]
pub struct Door(Arc<Mutex<Store>>);

impl Door {
    pub fn new(store: Store) -> Door {
        Door(Arc::new(Mutex::new(store)))
    }

    /// Runs `work` on the store, one at a time.
    pub async fn call<T: Send + 'static>(&self, work: impl FnOnce(&mut Store) -> T + Send + 'static) -> T {
        let store = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&mut store.lock().unwrap_or_else(PoisonError::into_inner)));
        match done.await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}
