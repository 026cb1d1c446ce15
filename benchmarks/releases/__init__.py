"""What releases cost and keep: switching under load and kills, and a canary that is stopped."""
