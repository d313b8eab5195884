"""The project, and what every app shares."""
