"""The room where archived payments are searched."""
