"""What people look at: episodes that are played, pages to try and to read."""
