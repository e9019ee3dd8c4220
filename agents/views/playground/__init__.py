"""A page to look at memories at work; `scripts/playground.py` serves it.

`settings` says what a view is and what its address; `tape`, `gallery`, `picture` and `viewer` make
it, without any web library. `learning` is a training to watch, `page` and `server` are the page.
"""
