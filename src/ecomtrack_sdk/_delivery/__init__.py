"""HOW it gets there: retries, the decision core, the outbox, the transport, the worker."""
