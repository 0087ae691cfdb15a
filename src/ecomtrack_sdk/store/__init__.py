"""Where events rest on the server, and what the reports read."""
