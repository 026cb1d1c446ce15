"""Whether payments, scores and decisions are still what they were: compared with training and with the time before."""
