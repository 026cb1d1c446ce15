"""The console measured: pages with many cases, search, kills, accessibility, and what it costs a worker."""
