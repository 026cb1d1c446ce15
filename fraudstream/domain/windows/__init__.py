"""The recent events of an entity: what is declared of them (velocity), what is kept, and each event's windows."""
