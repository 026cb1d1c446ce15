"""The application for people: cases, results, releases, and who may do what; one for a whole group of workers."""
