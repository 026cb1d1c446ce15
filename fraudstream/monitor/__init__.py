"""What a worker shows of itself: newest decisions, timeline and health. The pages and JSON read it."""
