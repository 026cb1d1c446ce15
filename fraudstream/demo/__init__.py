"""Everything at once on one screen: broker, data, model, worker, traffic and acceptance, and nothing left behind."""
