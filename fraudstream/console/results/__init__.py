"""Does it work? Figures of the archive, attacks, rules, drift and scores; every view is a link, and can be had as a file."""
