"""What a browser's microphone processing does to a faint second voice: measured, not believed."""
