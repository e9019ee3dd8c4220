"""The project's own tests of endurance: what is stopped, damaged, soaked and timed."""
