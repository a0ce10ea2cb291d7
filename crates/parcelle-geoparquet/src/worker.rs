//! What workers and the thread that coordinates them have in common.

use crossbeam_channel::Sender;

/// Sends an event that says a worker unwound, unless the work came to its end: the run must end, not wait for ever. The
/// worker's own message is on the terminal.
pub(crate) struct PanicGuard<Event>(Option<(Sender<Event>, Event)>);

impl<Event> PanicGuard<Event> {
    pub(crate) fn new(sender: Sender<Event>, panicked: Event) -> Self {
        Self(Some((sender, panicked)))
    }

    /// Sends the event of work that came to its end.
    pub(crate) fn send(mut self, event: Event) {
        if let Some((sender, _)) = self.0.take() {
            // The receiver is gone when the run has failed already.
            let _ = sender.send(event);
        }
    }
}

impl<Event> Drop for PanicGuard<Event> {
    fn drop(&mut self) {
        if let Some((sender, panicked)) = self.0.take() {
            let _ = sender.send(panicked);
        }
    }
}
